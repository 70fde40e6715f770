/**
 * What the ids of a data set mean: per feature the values in the order of their ids, and where values come from. A model is
 * trained on ids, so it is right only for data of the same vocabulary; teacher, hashing and student keep theirs and save it.
 */
import { createHash } from 'node:crypto';
import { CollideError, checkInteger, checkObject } from '../errors.ts';
import { checkFeatureInfos } from './check_features.ts';
import type { UnseenPolicy } from './feature_info.ts';
import type { ValueTexts } from './value_texts.ts';

/** One feature of a {@link Vocabulary}. What is undefined is not known, of data that did not come through openDataset. */
export interface VocabularyFeature {
  readonly name: string;
  /** Ids are 0 .. cardinality - 1, the out-of-vocabulary id included. */
  readonly cardinality: number;
  /** Whether a row holds a bag of ids. */
  readonly list?: boolean;
  /** The id of values that are not in the vocabulary, the last one; null for none. */
  readonly outOfVocabulary?: number | null;
  /** The SQL expression of the feature. */
  readonly sql?: string;
  /** DuckDB's type of the values: VARCHAR, BIGINT, ... */
  readonly type?: string;
  /** The values as DuckDB writes them, by id: all ids but the out-of-vocabulary one. */
  readonly values?: ValueTexts;
}

/** A dense column of a {@link Vocabulary}. */
export interface VocabularyColumn {
  readonly name: string;
  readonly sql?: string;
}

/** What a {@link Vocabulary} is made of. */
export interface VocabularyParts {
  readonly features: readonly VocabularyFeature[];
  /** Dense columns in their order; undefined where they are not known. */
  readonly dense?: readonly VocabularyColumn[];
  /** What becomes of values that are not in it. */
  readonly unseen?: UnseenPolicy;
  /** The zone of times with a zone: `hour(ts)` means another value in another one. */
  readonly timezone?: string;
}

/**
 * The vocabulary of a data set, and of the models trained on it. openDataset makes it; `openDataset({ ..., vocabulary })`
 * numbers other data by it.
 *
 * Memory: the text of the values and 4 bytes a value.
 *
 * @example
 * ```ts
 * const student = await Student.load('model/student');
 * student.vocabulary.features[0]?.name; // 'user'
 * student.vocabulary.text(0, 3); // the user whose id is 3
 * const week = await openDataset({ source: 'week2.csv', label: 'rating >= 4', splits: { evaluation: 'true' },
 *   vocabulary: student.vocabulary });
 * await student.evaluate(week.split('evaluation'));
 * ```
 */
export class Vocabulary implements VocabularyParts {
  readonly features: readonly VocabularyFeature[];
  readonly dense?: readonly VocabularyColumn[];
  readonly unseen?: UnseenPolicy;
  readonly timezone?: string;
  #fingerprint: string | undefined;

  /** @throws CollideError INVALID_ARGUMENT when a feature has more or fewer values than ids */
  constructor(parts: VocabularyParts) {
    checkObject(parts, 'a Vocabulary');
    const { features, dense, unseen, timezone } = parts;
    checkFeatureInfos(features, 'features of a Vocabulary');
    for (const { name, cardinality, outOfVocabulary, values } of features) {
      const expected = cardinality - (typeof outOfVocabulary === 'number' ? 1 : 0);
      if (values === undefined || values.length === expected) continue;
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected ${expected} values for feature "${name}" with ${cardinality} ids, received ${values.length}`,
      );
    }
    this.features = features;
    this.dense = dense;
    this.unseen = unseen;
    this.timezone = timezone;
  }

  /** The text of the value behind an id; null for NULL, for the out-of-vocabulary id and where values are not known. */
  text(feature: number, id: number): string | null {
    checkInteger(feature, 0, this.features.length - 1, 'the number of a feature');
    checkInteger(id, 0, 2 ** 32 - 1, 'the id of a value');
    const { values } = this.features[feature] ?? {};
    return values !== undefined && id >= 0 && id < values.length ? values.at(id) : null;
  }

  /**
   * SHA-256, in hex, of everything that is known: values and their order, names, SQL, types, dense columns, time zone. Equal for equal
   * vocabularies, also after saving and loading. Computed at the first call: about 0.1 s for ten million values.
   */
  get fingerprint(): string {
    this.#fingerprint ??= fingerprintOf(this);
    return this.#fingerprint;
  }
}

function fingerprintOf({ features, dense, unseen, timezone }: Vocabulary): string {
  const hash = createHash('sha256');
  const described = features.map(({ values, name, cardinality, list, outOfVocabulary, sql, type }) => {
    const texts = values && [values.length, values.nullAt];
    return [name, cardinality, list, outOfVocabulary, sql, type, texts].map((part) => part ?? null);
  });
  const columns = dense?.map(({ name, sql }) => [name, sql ?? null]) ?? null;
  hash.update(JSON.stringify({ described, columns, unseen: unseen ?? null, timezone: timezone ?? null }));
  for (const { values } of features) {
    if (values === undefined) continue;
    hash.update(values.ends);
    for (const block of values.blocks) hash.update(block);
  }
  return hash.digest('hex');
}
