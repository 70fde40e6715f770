import type { HashFunction } from './kinds/index.ts';

/** How the rows of several tables become one: added up, side by side, or multiplied element by element. */
export const COMBINES = ['sum', 'concat', 'multiply'] as const;
export type Combine = (typeof COMBINES)[number];

/** What a feature uses: its hash functions, each with an internal table, and how their rows become one. */
export interface FeatureHashing {
  name: string;
  cardinality: number;
  hashes: HashFunction[];
  combine: Combine;
  /** While a student trains, this id stands in for those that share the row of unseen values; see pipeline/newcomers.ts. */
  standIn?: number;
}
