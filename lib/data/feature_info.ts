/** What is known of a categorical feature before its values are: what vocabularies, data sets and models agree on. */

/** One categorical feature of a {@link Dataset}. */
export interface FeatureInfo {
  readonly name: string;
  /** Ids are 0 .. cardinality - 1, the out-of-vocabulary id included. */
  readonly cardinality: number;
  /** Whether a row holds a bag of ids; otherwise exactly one. */
  readonly list: boolean;
  /** The id that values unseen (or too rare, `minCount`) in training get: the last id, or null unless the data set was opened with `unseen: 'row'`. */
  readonly outOfVocabulary: number | null;
}

/** What becomes of values that no teacher or student row has. */
export type UnseenPolicy = 'row' | 'hash' | 'error';
