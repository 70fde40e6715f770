/** What callers hand in as the features of a data set. */
import { CollideError, checkInteger, checkList, checkText, describe } from '../errors.ts';
import type { FeatureInfo } from './feature_info.ts';

/** @throws CollideError INVALID_ARGUMENT unless `value` is what `features` of a data set or a split are */
export function checkFeatureInfos(value: unknown, where: string): readonly FeatureInfo[] {
  for (const feature of checkList(value as readonly FeatureInfo[], where)) {
    if (typeof feature !== 'object' || feature === null) {
      throw new CollideError('INVALID_ARGUMENT', `Expected features for ${where}, received ${describe(feature)}`);
    }
    checkText(feature.name, `the name of a feature for ${where}`);
    checkInteger(feature.cardinality, 1, 2 ** 32 - 1, `the cardinality of feature "${feature.name}" for ${where}`);
  }
  return value as readonly FeatureInfo[];
}
