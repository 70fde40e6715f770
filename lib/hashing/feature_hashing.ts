import type { HashFunction } from './kinds/index.ts';
import type { TrainingHashes } from './training_hashes.ts';

/** How the rows of several tables become one: added up, side by side, or multiplied element by element. */
export const COMBINES = ['sum', 'concat', 'multiply'] as const;
export type Combine = (typeof COMBINES)[number];

/** What a feature uses: its hash functions, each with an internal table, and how their rows become one. */
export interface FeatureHashing {
  name: string;
  cardinality: number;
  /** One an internal table. They serve, and train, too, unless `trainingHashes` do. */
  hashes: HashFunction[];
  combine: Combine;
  /** Hash functions over the same internal tables by which the feature trains: one list, or one a fold. Default `hashes`. */
  trainingHashes?: TrainingHashes;
}
