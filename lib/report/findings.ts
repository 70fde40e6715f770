/**
 * What a comparison shows, in words: every sentence is computed from the results and claims a difference only where it
 * exceeds its spread over seeds.
 */
import {
  aggregate,
  bestOfSize,
  type Comparison,
  distinguishable,
  FULL,
  methodsOf,
  pairedDifference,
  type Spread,
  sizesOf,
} from '../pipeline/results.ts';
import { difference, enumerate, meanSpread, percent } from './format.ts';

/** How one method differs from another at one size; positive AUC and negative log loss are better. */
export interface Difference {
  size: number;
  auc: Spread;
  logLoss: Spread;
  /** Share of the AUC between the baseline and the full table that the method wins back, where there is any to win. */
  recovered: number | undefined;
}

/** Methods that differ from a baseline, and how. */
export interface MethodDifferences {
  method: string;
  baseline: string;
  sizes: Difference[];
}

/** Hashing without learning, the method to beat: the first of these that was run. */
const BASELINES = ['modulo', 'mixed'];

/** The baseline of a comparison, or undefined when none of the known ones was run. */
export function baselineOf(comparison: Comparison): string | undefined {
  const methods = methodsOf(comparison.results);
  return BASELINES.find((b) => methods.includes(b));
}

/** Differences of every other compressed method from the baseline, size by size; empty without a baseline. */
export function differences(comparison: Comparison): MethodDifferences[] {
  const { results } = comparison;
  const baseline = baselineOf(comparison);
  if (baseline === undefined) return [];
  const methods = methodsOf(results).filter((m) => m !== FULL && m !== baseline);
  return methods.map((method) => {
    const sizes = sizesOf(results).flatMap((size) => {
      const auc = pairedDifference(results, method, baseline, size, 'auc');
      const logLoss = pairedDifference(results, method, baseline, size, 'logLoss');
      if (auc === undefined || logLoss === undefined) return [];
      const lost = pairedDifference(results, FULL, baseline, size, 'auc');
      const recovered =
        lost !== undefined && lost.mean > 0 && distinguishable(lost) === true ? auc.mean / lost.mean : undefined;
      return [{ size, auc, logLoss, recovered }];
    });
    return { method, baseline, sizes };
  });
}

/**
 * The result in a sentence or two: each learned method against the baseline; without either, the best method per size.
 */
export function headline(comparison: Comparison): string[] {
  const isLearned = ({ method }: MethodDifferences) => method.startsWith('learned') || method === 'auto';
  const learned = differences(comparison).filter((d) => isLearned(d) && d.sizes.length > 0);
  if (learned.length > 0) return learned.map(sentence);
  const groups = aggregate(comparison.results);
  return sizesOf(comparison.results).flatMap((size) => {
    const best = bestOfSize(groups, size, 'auc');
    if (best === undefined) return [];
    return [`At ${percent(size)} of the rows ${best.method} has the highest AUC, ${meanSpread(best.auc)}.`];
  });
}

function sentence({ method, baseline, sizes }: MethodDifferences): string {
  const recovered = sizes.filter((d) => d.recovered !== undefined && d.recovered > 0);
  const parts = recovered.map((d) => `${percent(Number(d.recovered!.toFixed(2)))} at ${percent(d.size)}`);
  const gap =
    parts.length === 0
      ? ''
      : ` Of the AUC that ${baseline} loses against the full table it wins back ${enumerate(parts)}.`;
  const auc = verdicts('AUC', sizes, (d) => d.auc);
  return `${method} against ${baseline} at the same share of rows: ${auc}; ${verdicts('log loss', sizes, (d) => d.logLoss)}.${gap}`;
}

/** `AUC higher at 5 % (+0.0081 ± 0.0002) and 10 % (...), not distinguishable at 20 % (...)` */
function verdicts(name: string, sizes: readonly Difference[], of: (d: Difference) => Spread): string {
  const kinds: [string, (spread: Spread) => boolean][] = [
    ['higher', (s) => distinguishable(s) === true && s.mean > 0],
    ['lower', (s) => distinguishable(s) === true && s.mean < 0],
    ['not distinguishable', (s) => distinguishable(s) === false],
    ['of a single seed, so without a claim,', (s) => distinguishable(s) === undefined],
  ];
  const clauses = kinds.flatMap(([verdict, holds]) => {
    const where = sizes.filter((d) => Number.isFinite(of(d).mean) && holds(of(d)));
    if (where.length === 0) return [];
    return [`${verdict} at ${enumerate(where.map((d) => `${percent(d.size)} (${difference(of(d))})`))}`];
  });
  return `${name} ${clauses.length === 0 ? 'unknown' : clauses.join(', ')}`;
}
