/** The students of a comparison, and where they and their teachers run: known, or refused, before anything is read. */
import { learnerDevice } from '../clustering/learners/index.ts';
import { chooseDevice, type PlacedOn } from '../device.ts';
import { methods, roleOf } from '../methods/index.ts';
import { probeCuda } from '../native.ts';
import type { CompareConfig } from './config.ts';
import { FIRST_SEED } from './teachers.ts';

/** One student to train: a method at a size with a seed. */
export interface Step {
  method: string;
  size: number;
  seed: number;
}

/** All students, seed by seed so that a teacher serves all methods of its seed; the full table has one size. */
export function planSteps(config: CompareConfig): Step[] {
  const { methods, sizes, seeds } = config.compare;
  const steps: Step[] = [];
  for (let seed = FIRST_SEED; seed < FIRST_SEED + seeds; seed++) {
    for (const method of methods) {
      for (const size of roleOf(method) === 'whole' ? [1] : sizes) steps.push({ method, size, seed });
    }
  }
  return steps;
}

/** Where a student and its teacher train, and where its tables are clustered, if they are. */
export interface UsedDevices {
  model: PlacedOn;
  clusters?: PlacedOn;
}

/**
 * Where every method of a comparison runs.
 *
 * @throws CollideError for device `cuda` CUDA_UNAVAILABLE, NOT_SUPPORTED when a method's clustering has no CUDA kernels
 */
export function devicesOf({ device, compare }: Pick<CompareConfig, 'device' | 'compare'>): Map<string, UsedDevices> {
  return new Map(
    compare.methods.map((method) => {
      const { learner, cudaObstacle } = methods.get(method, 'compare.methods');
      // Every table is float32 and at most 1,024 wide: CUDA takes all that are hashed.
      const model = chooseDevice(device, 'compare', cudaObstacle);
      return [
        method,
        learner === undefined ? { model } : { model, clusters: learnerDevice(device, learner, 'compare') },
      ];
    }),
  );
}

/** Where models trained, and what was clustered elsewhere. */
export function describeDevices(devices: ReadonlyMap<string, UsedDevices>): string {
  const entries = [...devices];
  const model = entries[0]![1].model;
  const elsewhere = entries.filter(([, { clusters }]) => clusters !== undefined && clusters !== model);
  const where = model === 'cuda' ? `cuda: ${probeCuda().reason}` : model;
  const names = elsewhere.map(([method]) => method).join(', ');
  return names === '' ? where : `${where}; clustered on the cpu: ${names}`;
}
