/** What callers hand in as data: told apart from what is no data, before anything is read of it. */
import { CollideError, checkList, checkText, describe } from '../errors.ts';
import { checkFeatureInfos } from './check_features.ts';
import type { Dataset, Split } from './types.ts';
import { Vocabulary } from './vocabulary.ts';

/**
 * @param where - what the split is for, for messages: `predict`
 * @throws CollideError INVALID_ARGUMENT for anything but a split
 */
export function checkSplit(value: unknown, where: string): Split {
  const { ids, labels, vocabulary } = (value ?? {}) as Partial<Split>;
  const isSplit = typeof ids === 'function' && labels instanceof Float32Array && vocabulary instanceof Vocabulary;
  if (isSplit) return value as Split;
  const isData = typeof (value as { split?: unknown } | undefined)?.split === 'function';
  const received = isData ? 'a whole data set' : describe(value);
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a split for ${where}, as data.split("evaluation") gives one, received ${received}`,
  );
}

/** @throws CollideError INVALID_ARGUMENT for anything but a data set, as `openDataset` gives it */
export function checkDataset(value: unknown, where: string): Dataset {
  const { split, splits, features, dense, vocabulary } = (
    typeof value === 'object' && value !== null ? value : {}
  ) as Partial<Dataset>;
  if (typeof split !== 'function' || !(vocabulary instanceof Vocabulary)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a data set, as openDataset gives it, for ${where}, received ${describe(value)}`,
    );
  }
  checkFeatureInfos(features, `features of the data set for ${where}`);
  for (const name of checkList(dense!, `dense of the data set for ${where}`))
    checkText(name, `a dense column for ${where}`);
  for (const name of checkList(splits!, `splits of the data set for ${where}`)) {
    checkText(name, `the name of a split for ${where}`);
    const own = checkSplit(split.call(value, name), `${where} (split "${name}")`).features.length;
    if (own === features!.length) continue;
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected ${features!.length} features, as the data set has, in split "${name}" for ${where}, received ${own}`,
    );
  }
  return value as Dataset;
}
