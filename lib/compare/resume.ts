/** Whether the results of an earlier run may be kept: only with the same config and the same data. */
import { isDeepStrictEqual } from 'node:util';
import { CollideError, describe } from '../errors.ts';
import { PACKAGE_VERSION } from '../version.ts';
import type { CompareConfig } from './config.ts';
import type { Comparison } from './results.ts';
import { checkComparison, parseComparison } from './results_file.ts';

/** The config as results record it: the folder is one of this machine; what it was does not change the results. */
export function recordedConfig(config: CompareConfig): object {
  const { folder: _, ...data } = config.data;
  return { ...config, data };
}

/**
 * What `resume` was given, checked: a comparison with a fingerprint of its data, of this config.
 *
 * @param where - what the message names: a file, or the option
 * @throws CollideError INVALID_ARGUMENT for what is no comparison, FILE_FORMAT for one of another config or of an earlier
 * version, without a fingerprint
 */
export function checkResumable(earlier: unknown, config: CompareConfig, where: string): Comparison {
  if (Array.isArray(earlier)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a whole comparison for ${where} (what compare gives, or the content of results.json): results alone do not say of which data they are. Received ${describe(earlier)}`,
    );
  }
  const comparison = parseComparison(checkComparison(earlier, where), where);
  if (!isDeepStrictEqual(plain(comparison.config), plain(recordedConfig(config)))) {
    throw refuse(where, 'the same config', 'those of another');
  }
  if (comparison.data.fingerprint === undefined) {
    throw refuse(where, 'a fingerprint of their data (data.fingerprint)', 'none, as earlier versions wrote them');
  }
  if (comparison.version !== PACKAGE_VERSION) {
    throw refuse(where, `version ${PACKAGE_VERSION} of this package`, `those of version ${comparison.version}`);
  }
  return comparison;
}

/** As JSON has it. */
function plain(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** @throws CollideError FILE_FORMAT unless both are of the same data: the message says what has changed, where it can */
export function checkSameData(earlier: Comparison['data'], now: Comparison['data'], where: string): void {
  if (earlier.fingerprint === now.fingerprint) return;
  const changes = dataChanges(earlier, now);
  const why = changes.length > 0 ? changes.join('; ') : 'as many rows and ids, but other values or another order';
  throw refuse(where, 'the same data', `those of other data (${why})`);
}

function refuse(where: string, expected: string, received: string): CollideError {
  return new CollideError(
    'FILE_FORMAT',
    `Expected results with ${expected} for ${where}, received ${received}. Start again without resuming, or write to another file`,
  );
}

const MOST_CHANGES = 3;

/** What differs between two descriptions of data, the first few facts. */
function dataChanges(earlier: Comparison['data'], now: Comparison['data']): string[] {
  const changes: string[] = [];
  const compare = (what: string, then: unknown, later: unknown) => {
    if (!isDeepStrictEqual(then, later)) changes.push(`${what}: ${later} now, ${then} then`);
  };
  const names = (list: readonly { name: string }[]) => list.map(({ name }) => name).join(', ');
  compare('features', names(earlier.features), names(now.features));
  compare('dense columns', earlier.dense.join(', ') || 'none', now.dense.join(', ') || 'none');
  compare('splits', names(earlier.splits), names(now.splits));
  for (const { name, rows, labelRate } of now.splits) {
    const then = earlier.splits.find((split) => split.name === name);
    if (then === undefined) continue;
    compare(`rows of split ${name}`, then.rows, rows);
    if (then.rows === rows) compare(`share of labels 1 of split ${name}`, then.labelRate, labelRate);
  }
  for (const { name, cardinality } of now.features) {
    const then = earlier.features.find((feature) => feature.name === name);
    if (then !== undefined) compare(`ids of "${name}"`, then.cardinality, cardinality);
  }
  const more = changes.length - MOST_CHANGES;
  return more > 0 ? [...changes.slice(0, MOST_CHANGES), `${more} more`] : changes;
}
