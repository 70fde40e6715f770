/**
 * Results compared by bytes: at the same share of rows a method with a mapping takes more of them than one without, up to
 * several times as many for narrow rows, and more bytes are better however they are used.
 */
import { type ComparisonResult, FULL } from './results.ts';
import { type Aggregate, pairedDifference, type QualityMetric, type Spread, spread } from './statistics.ts';

/** How a method at one size differs from a baseline. */
export interface ByBytes {
  /** Bytes of the method over those of the baseline at the same share of rows. */
  times: number;
  /** Whether the baseline has as many bytes in the differences, or more. Otherwise they are at the same share of rows. */
  comparable: boolean;
  auc: Spread;
  logLoss: Spread;
  /** How much higher the full table's AUC is than the baseline's, at the same bytes; undefined without a full table. */
  lost: Spread | undefined;
}

/** Bytes that differ by less than this share are the same. */
const SAME = 0.005;

/**
 * Differences of a method from a baseline, seed by seed, at the method's bytes: between two sizes the baseline's figure is
 * read off a straight line over the logarithm of its bytes; its largest size is the full table. Where the baseline has no
 * size with as many bytes they are taken at the same share of rows.
 *
 * @returns undefined where the two share no seed at this size
 */
export function differByBytes(
  results: readonly ComparisonResult[],
  method: string,
  baseline: string,
  size: number,
): ByBytes | undefined {
  const own = results.filter((r) => r.method === method && r.size === size);
  const same = new Map(results.filter((r) => r.method === baseline && r.size === size).map((r) => [r.seed, r]));
  const shared = own.filter(({ seed }) => same.has(seed));
  if (shared.length === 0) return undefined;
  const mean = (list: readonly ComparisonResult[]) => spread(list.map((r) => r.bytes.total)).mean;
  const times = mean(shared) / mean(shared.map(({ seed }) => same.get(seed)!));
  const over = (of: (r: ComparisonResult) => number | undefined): Spread | undefined => {
    const values = shared.map(of);
    return values.every((value) => value !== undefined) ? spread(values) : undefined;
  };
  const at = (r: ComparisonResult, metric: QualityMetric) => baselineAt(results, baseline, r, metric);
  const minus = (a: number, b: number | undefined) => (b === undefined ? undefined : a - b);
  const auc = over((r) => minus(r.auc, at(r, 'auc')));
  const logLoss = over((r) => minus(r.logLoss, at(r, 'logLoss')));
  const fullAuc = new Map(results.filter((r) => r.method === FULL).map((r) => [r.seed, r.auc]));
  const hasFull = shared.every(({ seed }) => fullAuc.has(seed));
  if (auc !== undefined && logLoss !== undefined) {
    const lost = hasFull ? over((r) => minus(fullAuc.get(r.seed)!, at(r, 'auc'))) : undefined;
    return { times, comparable: true, auc, logLoss, lost };
  }
  return {
    times,
    comparable: times <= 1 + SAME,
    auc: pairedDifference(results, method, baseline, size, 'auc')!,
    logLoss: pairedDifference(results, method, baseline, size, 'logLoss')!,
    lost: hasFull ? pairedDifference(results, FULL, baseline, size, 'auc') : undefined,
  };
}

/** The baseline's figure at the bytes of a result of the same seed; undefined where its sizes end before. */
function baselineAt(
  results: readonly ComparisonResult[],
  baseline: string,
  { seed, size, bytes: { total } }: ComparisonResult,
  metric: QualityMetric,
): number | undefined {
  const points = results
    .filter((r) => r.seed === seed && (r.method === baseline || r.method === FULL))
    .map((r) => ({ size: r.size, bytes: r.bytes.total, value: r[metric] }))
    .sort((a, b) => a.bytes - b.bytes);
  const equal = points.filter(({ bytes }) => Math.abs(bytes - total) <= SAME * bytes);
  const exact = equal.find((point) => point.size === size) ?? equal[0];
  if (exact !== undefined) return exact.value;
  const above = points.findIndex(({ bytes }) => bytes > total);
  if (above <= 0) return undefined;
  const [low, high] = [points[above - 1]!, points[above]!];
  const share = Math.log(total / low.bytes) / Math.log(high.bytes / low.bytes);
  return low.value + share * (high.value - low.value);
}

/** Whether nothing that takes no more bytes has a better mean, the full table included. */
export function isBestForBytes(group: Aggregate, groups: readonly Aggregate[], metric: QualityMetric): boolean {
  const sign = metric === 'auc' ? 1 : -1;
  const { mean } = group[metric];
  if (Number.isNaN(mean)) return false;
  return !groups.some((other) => {
    const better = sign * (other[metric].mean - mean);
    const fewer = group.bytes.total - other.bytes.total;
    return fewer >= 0 && (better > 0 || (better === 0 && fewer > 0));
  });
}
