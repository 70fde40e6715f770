/**
 * Means and spreads of a comparison over its seeds, differences of its methods, and what may be claimed of them. Stateless;
 * results keep the order in which methods and sizes were run.
 */
import { CollideError, checkList, checkObject, checkText, describe } from '../errors.ts';
import { type ComparisonBytes, type ComparisonResult, FULL, repeatedResult } from './results.ts';

/** A mean over seeds and their sample standard deviation, undefined for a single seed. */
export interface Spread {
  mean: number;
  sd: number | undefined;
  n: number;
}

/** All seeds of one method and size. */
export interface Aggregate {
  method: string;
  size: number;
  seeds: number[];
  auc: Spread;
  logLoss: Spread;
  normalizedEntropy: Spread;
  /** Distinct values over the seeds, ascending. */
  learningRates: number[];
  epochs: number[];
  /** Means over the seeds, as the rest. */
  rows: number;
  bytes: ComparisonBytes;
  /** Total bytes as a share of the full table's; undefined when the full table was not run. */
  share: number | undefined;
  seconds: ComparisonResult['seconds'] & { total: number };
}

/** Mean and sample standard deviation. NaN without values. */
export function spread(values: readonly number[]): Spread {
  const n = values.length;
  const mean = average(values);
  if (n < 2) return { mean, sd: undefined, n };
  return { mean, sd: Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1)), n };
}

function average(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

/**
 * Means and spreads over seeds per method and size: the full table first, then sizes ascending, within a size methods in
 * the order of the results.
 *
 * @example
 * ```ts
 * for (const { method, size, auc } of aggregate(comparison.results)) console.log(method, size, auc.mean, auc.sd);
 * ```
 */
export function aggregate(results: readonly ComparisonResult[]): Aggregate[] {
  for (const result of checkList(results, 'the results of aggregate')) checkResult(result);
  const repeated = repeatedResult(results);
  if (repeated !== undefined) throw new CollideError('INVALID_ARGUMENT', `The results of aggregate: ${repeated}`);
  const methods = methodsOf(results);
  const groups = new Map<string, ComparisonResult[]>();
  for (const result of results) {
    const key = JSON.stringify([result.method, result.size]);
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  const fullRuns = results.filter((r) => r.method === FULL);
  const fullBytes = fullRuns.length > 0 ? average(fullRuns.map((r) => r.bytes.total)) : undefined;
  const rank = (a: Aggregate) => (a.method === FULL ? 0 : a.size);
  return [...groups.values()]
    .map((group) => summarize(group, fullBytes))
    .sort((a, b) => rank(a) - rank(b) || methods.indexOf(a.method) - methods.indexOf(b.method));
}

/** @throws CollideError INVALID_ARGUMENT naming the first figure that is missing */
function checkResult(result: ComparisonResult): void {
  checkObject(result, 'a result of aggregate');
  checkText(result.method, 'method of a result of aggregate');
  for (const name of ['bytes', 'seconds'] as const) checkObject(result[name], `${name} of a result of aggregate`);
  const figures = ['size', 'seed', 'learningRate', 'epochs', 'auc', 'logLoss', 'normalizedEntropy', 'rows'] as const;
  for (const name of figures) {
    if (typeof result[name] === 'number') continue; // NaN too: a metric that is not defined
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a number for ${name} of a result of aggregate, received ${describe(result[name])}`,
    );
  }
}

function summarize(group: readonly ComparisonResult[], fullBytes: number | undefined): Aggregate {
  const { method, size } = group[0]!;
  const over = (value: (r: ComparisonResult) => number) => average(group.map(value));
  const distinct = (values: number[]) => [...new Set(values)].sort((a, b) => a - b);
  const bytes = {
    rows: over((r) => r.bytes.rows),
    mapping: over((r) => r.bytes.mapping),
    optimizer: over((r) => r.bytes.optimizer),
    total: over((r) => r.bytes.total),
  };
  const seconds = {
    teacher: over((r) => r.seconds.teacher),
    cluster: over((r) => r.seconds.cluster),
    tune: over((r) => r.seconds.tune),
    train: over((r) => r.seconds.train),
    evaluate: over((r) => r.seconds.evaluate),
  };
  const total = Object.values(seconds).reduce((sum, s) => sum + s, 0);
  return {
    method,
    size,
    seeds: distinct(group.map((r) => r.seed)),
    auc: spread(group.map((r) => r.auc)),
    logLoss: spread(group.map((r) => r.logLoss)),
    normalizedEntropy: spread(group.map((r) => r.normalizedEntropy)),
    learningRates: distinct(group.map((r) => r.learningRate)),
    epochs: distinct(group.map((r) => r.epochs)),
    rows: over((r) => r.rows),
    bytes,
    share: fullBytes ? bytes.total / fullBytes : undefined,
    seconds: { ...seconds, total },
  };
}

/** The methods of results in the order of their first appearance, the full table first. */
export function methodsOf(results: readonly { method: string }[]): string[] {
  const methods = [...new Set(results.map((r) => r.method))];
  return methods.includes(FULL) ? [FULL, ...methods.filter((m) => m !== FULL)] : methods;
}

/** The sizes of all compressed results, ascending. */
export function sizesOf(results: readonly { method: string; size: number }[]): number[] {
  return [...new Set(results.filter((r) => r.method !== FULL).map((r) => r.size))].sort((a, b) => a - b);
}

/** The metrics that methods are compared by. */
export type QualityMetric = 'auc' | 'logLoss';

/**
 * The best compressed method of one size by its mean over seeds, or undefined when none has a number. Ties go to the
 * method that was run first.
 */
export function bestOfSize(groups: readonly Aggregate[], size: number, metric: QualityMetric): Aggregate | undefined {
  const sign = metric === 'auc' ? 1 : -1;
  let best: Aggregate | undefined;
  for (const group of groups) {
    if (group.method === FULL || group.size !== size || Number.isNaN(group[metric].mean)) continue;
    if (best === undefined || sign * group[metric].mean > sign * best[metric].mean) best = group;
  }
  return best;
}

/**
 * How much higher `metric` is with `method` than with `baseline` at one size (the full table has only its own), seed by
 * seed: what the seeds have in common cancels. Undefined when the two share no seed.
 */
export function pairedDifference(
  results: readonly ComparisonResult[],
  method: string,
  baseline: string,
  size: number,
  metric: QualityMetric,
): Spread | undefined {
  const of = (name: string) => results.filter((r) => r.method === name && (name === FULL || r.size === size));
  const base = new Map(of(baseline).map((r) => [r.seed, r[metric]]));
  const differences = of(method).flatMap((r) => (base.has(r.seed) ? [r[metric] - base.get(r.seed)!] : []));
  return differences.length === 0 ? undefined : spread(differences);
}

/** Student's t, 97.5 %, for 1, 2, ... degrees of freedom; beyond the last 2.04 to 1.96, of which the larger is taken. */
const T_975 = [
  12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/**
 * Whether a difference over seeds may be claimed: its 95 % confidence interval (Student's t over the paired differences)
 * leaves out 0. Undefined for a single seed, whose spread is unknown.
 */
export function distinguishable({ mean, sd, n }: Spread): boolean | undefined {
  if (sd === undefined) return undefined;
  const t = T_975[Math.min(n - 1, T_975.length) - 1]!;
  return mean !== 0 && Math.abs(mean) > (t * sd) / Math.sqrt(n);
}
