/** Where the parts of a comparison run: known, or refused, before anything is read or trained. */
import { learnerDevice } from '../clustering/learners/index.ts';
import { chooseDevice, type PlacedOn } from '../device.ts';
import { methods } from '../methods/index.ts';
import { probeCuda } from '../native.ts';
import type { CompareConfig } from './config.ts';

/** Where a student and its teacher train, and where its tables are clustered, if they are. */
export interface Placement {
  model: PlacedOn;
  clusters?: PlacedOn;
}

/**
 * The places of every method of a comparison.
 *
 * @throws CollideError for device `cuda` CUDA_UNAVAILABLE, NOT_SUPPORTED when a method's clustering has no CUDA kernels
 */
export function placeMethods({ device, compare }: Pick<CompareConfig, 'device' | 'compare'>): Map<string, Placement> {
  const model = chooseDevice(device, 'compare'); // every table is float32 and at most 1,024 wide: CUDA takes them all
  return new Map(
    compare.methods.map((method) => {
      const { learner } = methods.get(method, 'compare.methods');
      return [
        method,
        learner === undefined ? { model } : { model, clusters: learnerDevice(device, learner, 'compare') },
      ];
    }),
  );
}

/** Where models trained, and what was clustered elsewhere. */
export function describePlaces(places: ReadonlyMap<string, Placement>): string {
  const entries = [...places];
  const model = entries[0]![1].model;
  const elsewhere = entries.filter(([, { clusters }]) => clusters !== undefined && clusters !== model);
  const where = model === 'cuda' ? `cuda: ${probeCuda().reason}` : model;
  const names = elsewhere.map(([method]) => method).join(', ');
  return names === '' ? where : `${where}; clustered on the cpu: ${names}`;
}
