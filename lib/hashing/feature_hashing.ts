import type { HashFunction } from './kinds/index.ts';

/** What a feature uses: its hash functions, each with an internal table, and how their rows become one. */
export interface FeatureHashing {
  name: string;
  cardinality: number;
  hashes: HashFunction[];
  combine: 'sum' | 'concat';
  /** While a student trains, this id stands in for those that share the row of unseen values; see pipeline/newcomers.ts. */
  standIn?: number;
}
