/** Hash functions without a teacher. */
import { checkFeatureInfos } from '../data/check_features.ts';
import type { FeatureInfo } from '../data/feature_info.ts';
import type { Dataset } from '../data/types.ts';
import { Vocabulary } from '../data/vocabulary.ts';
import {
  CollideError,
  checkCallbacks,
  checkNumber,
  checkObject,
  checkOneOf,
  checkOptions,
  checkSeed,
  describe,
  throwIfAborted,
} from '../errors.ts';
import { optionNames } from '../option_names.ts';
import type { Hashing } from '../pipeline/hashing.ts';
import { DEFAULT_DIM, defaultSettings } from './choosing/settings.ts';
import { methods } from './index.ts';
import type { SizeOptions } from './learning/options.ts';
import { checkRecent } from './learning/recent_counts.ts';
import { DEFAULT_MIN_ROWS, targetRows } from './table_rows.ts';

export interface BaselineOptions extends SizeOptions {
  /** Name of one of the `methods` that need no teacher. */
  method: string;
  /** Stops the work; the promise rejects with ABORTED. */
  signal?: AbortSignal;
}

const OPTIONS = optionNames<BaselineOptions>({
  ...{ method: true, size: true, minRows: true, hotShare: true, recent: true, seed: true, signal: true },
});

/**
 * The hash functions of a method that needs no teacher: `full` (no compression), `modulo` and `mixed` (the hashing trick),
 * `frequent` (the hottest ids by `recent` own `hotShare` of the rows, the others are hashed by `mixed` over the rest), and
 * what a program added to `methods`.
 *
 * @param data - a data set, or its features: then the hashing knows their names and numbers of ids alone, and a file of
 * it has no values
 * @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, VOCABULARY_MISMATCH (`recent` of other data), ABORTED; always by
 * rejecting the promise
 * @example
 * ```ts
 * const hashing = await baselineHashing(data, { method: 'modulo', size: 0.1, minRows: 10_000 });
 * ```
 */
export async function baselineHashing(
  data: Pick<Dataset, 'features' | 'vocabulary'> | readonly FeatureInfo[],
  options: BaselineOptions,
): Promise<Hashing> {
  checkOptions(options, OPTIONS, 'baselineHashing');
  const { size, minRows = DEFAULT_MIN_ROWS, seed = 0, hotShare, recent, signal } = options;
  checkCallbacks(signal, undefined);
  throwIfAborted(signal);
  const { features, vocabulary } = Array.isArray(data) ? { features: data, vocabulary: undefined } : partsOf(data);
  checkFeatureInfos(features, 'baselineHashing');
  const known = vocabulary ?? new Vocabulary({ features });
  checkRecent(recent, known, 'baselineHashing', 'the features');
  const baselines = methods.names.filter((name) => methods.get(name, 'method').needs !== 'teacher');
  const method = methods.get(checkOneOf(options.method, baselines, 'method'), 'method');
  checkNumber(hotShare ?? 0, 0, 1, 'hotShare of baselineHashing');
  checkSeed(seed, 'seed of baselineHashing');
  targetRows(1, { size, minRows });
  if (method.needs === 'counts' && (recent === undefined || recent.length === 0)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected splits to count for method "${method.name}" (recent), received ${describe(recent)}`,
    );
  }
  return method.build({
    ...{ method: method.name, size, minRows, features, vocabulary, recent, seed, signal },
    dim: DEFAULT_DIM,
    settings: defaultSettings(DEFAULT_DIM),
    shape: hotShare === undefined ? {} : { hotShare },
  });
}

function partsOf(data: unknown): Pick<Dataset, 'features' | 'vocabulary'> {
  checkObject(data, 'the data of baselineHashing, a data set or its features,');
  return data as Dataset;
}
