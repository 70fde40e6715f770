/** Settings of the methods that have a choice, or options of their own, and their defaults. */
export interface MethodSettings {
  /** Shares of a table's rows that the hottest ids may get. */
  hotShare: readonly number[];
  /** Whether the teacher goes on over the student's rows, cross-fitted. */
  crossFit: readonly boolean[];
  /** Pieces that a row may be put together of; see `learnHashing`. */
  parts: readonly number[];
  /** Where `auto` sends ids that own no row and that the teacher never saw; see `learnHashing`. */
  unseen: 'shared' | 'dealt' | 'out-of-vocabulary';
}

/** What `auto` tries by default for a student of this width. */
export function defaultSettings(dim: number): MethodSettings {
  return {
    hotShare: [0, 0.5, 0.75, 0.9, 1],
    crossFit: [false, true],
    parts: [1, 4].filter((parts) => dim % parts === 0),
    unseen: 'out-of-vocabulary',
  };
}

/** Width of a student's rows by default. */
export const DEFAULT_DIM = 16;
