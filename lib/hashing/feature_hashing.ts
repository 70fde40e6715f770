import { isWhole } from './hash_function.ts';
import type { HashFunction } from './kinds/index.ts';
import type { TrainingHashes } from './training_hashes.ts';

/** How the rows of several tables become one: added up, side by side, or multiplied element by element. */
export const COMBINES = ['sum', 'concat', 'multiply'] as const;
/** How the rows of several hash functions become one: added, put side by side, or multiplied number by number. */
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
  /**
   * What makes the rows in place of an internal table, by name and options (`rowSources`): those that its one hash function
   * asks for. Values are texts, numbers, booleans or lists of them, so that they can be saved.
   */
  source?: { readonly kind: string; readonly [option: string]: unknown };
}

/** What the embedding tables of a student take of a feature's hashing. */
export function tableOptions({ hashes, combine, trainingHashes, source }: FeatureHashing) {
  return { hashes, combine, trainingHashes, source };
}

/** Whether every id of a feature has a row of its own in a table. */
export function isWholeTable({ hashes, source }: Pick<FeatureHashing, 'hashes' | 'source'>): boolean {
  return source === undefined && hashes.every(isWhole);
}
