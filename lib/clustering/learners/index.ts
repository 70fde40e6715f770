/** The learners of this package. A new one is a file beside this one, and a line in LEARNERS. */
import { chooseDevice, type Device, type PlacedOn } from '../../device.ts';
import { Registry } from '../../registry.ts';
import type { Learner } from '../learner.ts';
import { agglomerative } from './agglomerative.ts';
import { equalMass } from './equal_mass.ts';
import { exact } from './exact.ts';
import { kMeansLearner } from './k_means.ts';
import { kdTree } from './kd_tree.ts';
import { lsh } from './lsh.ts';

const LEARNERS = [agglomerative, equalMass, kdTree, exact, kMeansLearner, lsh] as const;

/** By name, the clustering learners: those of this package, and those that a program adds. */
export const learners = new Registry<Learner>('learner', LEARNERS);

type OptionsOf<L> = L extends Learner<infer Own, string> ? Own : never;
type Together<Union> = (Union extends unknown ? (each: Union) => void : never) extends (all: infer All) => void
  ? All
  : never;

/** The learners of this package by name. */
export type LearnerName = (typeof LEARNERS)[number]['name'];

/** The options of all learners of this package; each of them takes its own. */
export type LearnerSettings = Together<OptionsOf<(typeof LEARNERS)[number]>>;

/** The names of the options that learners have, each once. */
export function learnerOptionNames(): string[] {
  return [...new Set(learners.entries.flatMap(({ options }) => Object.keys(options)))];
}

/**
 * Where a learner runs for a choice of device.
 *
 * @param options - its own
 * @throws CollideError for `cuda` NOT_SUPPORTED, naming the learners that have CUDA kernels, or CUDA_UNAVAILABLE
 */
export function learnerDevice(device: Device, name: string, where: string, options: object = {}): PlacedOn {
  const { devices, cudaObstacle } = learners.get(name, `method of ${where}`);
  if (devices.includes('cuda')) return chooseDevice(device, where, cudaObstacle?.(options as Record<string, unknown>));
  const able = learners.entries.filter((other) => other.devices.includes('cuda')).map((other) => `"${other.name}"`);
  return chooseDevice(device, where, `method "${name}" has no CUDA kernels: ${able.join(', ')} have`);
}
