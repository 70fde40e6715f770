/**
 * What the rest of the package sees of a data set: encoded ids, dense columns and labels as typed arrays, in splits.
 *
 * Everything is in memory and read-only by agreement: the arrays are handed out, not copied.
 */

import type { FeatureInfo, UnseenPolicy } from './feature_info.ts';
import type { Vocabulary } from './vocabulary.ts';

/** The ids of one feature in one split. */
export interface FeatureIds {
  /** One id a row, or all bags one after the other. */
  readonly ids: Uint32Array;
  /** List features: [rows + 1], row r holds ids[offsets[r]] .. ids[offsets[r + 1] - 1]. Others: null. */
  readonly offsets: Uint32Array | null;
}

/** The rows of one purpose (teacher, student, validation, evaluation), in the data set's row order. */
export interface Split {
  readonly name: string;
  readonly rows: number;
  /** What its ids mean: the data set's vocabulary. */
  readonly vocabulary: Vocabulary;
  /** The categorical features, as in the data set. */
  readonly features: readonly FeatureInfo[];
  /** Number of dense columns. */
  readonly denseCount: number;
  /** [rows], each 0 or 1. */
  readonly labels: Float32Array;
  /** [rows, denseCount], row-major, finite. */
  readonly dense: Float32Array;
  /** @throws CollideError INVALID_ARGUMENT when there is no such feature */
  ids(feature: number): FeatureIds;
  /** How often each id occurs in this split: [cardinality]. Counted at the first call. */
  idCounts(feature: number): Uint32Array;
  /** How many ids of this split stand for values that are not in the vocabulary; 0 for teacher and student with minCount 1. */
  unseen(feature: number): number;
}

/** How ids are numbered: by falling count, or by first appearance. */
export type IdOrder = 'frequency' | 'appearance';

/** Numbered data: features, dense columns and splits. Close it, or declare it with `using`. */
export interface Dataset {
  /** What the ids of all splits mean; models that are trained on the data keep and save it. */
  readonly vocabulary: Vocabulary;
  readonly features: readonly FeatureInfo[];
  /** Names of the dense columns. */
  readonly dense: readonly string[];
  /** Names of the splits. */
  readonly splits: readonly string[];
  /** How ids were numbered. Modulo hashing depends on it, so results record it. */
  readonly idOrder: IdOrder;
  /** What became of values that no teacher or student row has. */
  readonly unseen: UnseenPolicy;
  /** Where the validation rows come from: the config's expression, or every 20th student row, taken out of that split. */
  readonly validationFrom: 'config' | 'student';
  /** @throws CollideError INVALID_ARGUMENT when there is no such split, CLOSED after close() */
  split(name: string): Split;
  /** The text of the value behind an id; null for SQL's NULL, for the out-of-vocabulary id and where texts are unknown. */
  text(feature: number, id: number): string | null;
  /** Drops the arrays. Splits taken before stay usable. */
  close(): void;
  /** As `close`: `using` calls it. */
  [Symbol.dispose](): void;
}

/** Names of the splits that a data config describes, in their order in time. */
export const splitNames = ['teacher', 'student', 'validation', 'evaluation'] as const;
/** The parts of a data set: two to train on, one to choose on, one to judge by. */
export type SplitName = (typeof splitNames)[number];

/** Without a validation expression, one student row in this many becomes a validation row. */
export const validationEvery = 20;
