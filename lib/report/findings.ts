/**
 * What a comparison shows, in words: every sentence is computed from the results and claims a difference only where it
 * exceeds its spread over seeds.
 */
import { type ByBytes, differByBytes } from '../compare/by_bytes.ts';
import { type Comparison, FULL } from '../compare/results.ts';
import { aggregate, bestOfSize, distinguishable, methodsOf, type Spread, sizesOf } from '../compare/statistics.ts';
import { comparisonWarnings, times } from '../compare/warnings.ts';
import { methods, roleOf } from '../methods/index.ts';
import { difference, enumerate, meanSpread, percent } from './format.ts';

/** How one method differs from another at one size; positive AUC and negative log loss are better. */
export interface Difference extends ByBytes {
  size: number;
  /** Share of the AUC between the baseline and the full table that the method wins back, where there is any to win. */
  recovered: number | undefined;
}

/** Methods that differ from a baseline, and how. */
export interface MethodDifferences {
  method: string;
  baseline: string;
  sizes: Difference[];
}

/** What is said before any figure: warnings, computed anew so that older results have them, and the other notes. */
export function remarks(comparison: Comparison): { warnings: string[]; notes: string[] } {
  const warnings = comparisonWarnings(comparison);
  return { warnings, notes: comparison.notes.filter((note) => !warnings.includes(note)) };
}

/** The baseline of a comparison, the method to beat: the first of the registry that was run; undefined for none. */
export function baselineOf(comparison: Comparison): string | undefined {
  const run = methodsOf(comparison.results);
  return methods.names.find((name) => roleOf(name) === 'baseline' && run.includes(name));
}

/**
 * Differences of every other compressed method from the baseline, size by size, at equal bytes where the baseline has as
 * many; empty without a baseline.
 */
export function differences(comparison: Comparison): MethodDifferences[] {
  const { results } = comparison;
  const baseline = baselineOf(comparison);
  if (baseline === undefined) return [];
  const others = methodsOf(results).filter((m) => m !== FULL && m !== baseline);
  return others.map((method) => {
    const sizes = sizesOf(results).flatMap((size) => {
      const found = differByBytes(results, method, baseline, size);
      if (found === undefined) return [];
      const { lost, auc } = found;
      const gap = lost !== undefined && lost.mean > 0 && distinguishable(lost) === true;
      return [{ size, ...found, recovered: gap && found.comparable ? auc.mean / lost.mean : undefined }];
    });
    return { method, baseline, sizes };
  });
}

/**
 * The result in a sentence or two: each learned method against the baseline; without either, the best method per size.
 */
export function headline(comparison: Comparison): string[] {
  const told = ({ method, sizes }: MethodDifferences) => roleOf(method) === 'headline' && sizes.length > 0;
  const learned = differences(comparison).filter(told);
  if (learned.length > 0) return learned.map(sentence);
  const groups = aggregate(comparison.results);
  return sizesOf(comparison.results).flatMap((size) => {
    const best = bestOfSize(groups, size, 'auc');
    if (best === undefined) return [];
    const others = groups.filter((group) => group.size === size && group.method !== FULL);
    const least = others.reduce((a, b) => (b.bytes.total < a.bytes.total ? b : a));
    const ratio = best.bytes.total / least.bytes.total;
    const words = ratio >= 1.005 ? `; it takes ${times(ratio)} the bytes of ${least.method}` : '';
    return [`At ${percent(size)} of the rows ${best.method} has the highest AUC, ${meanSpread(best.auc)}${words}.`];
  });
}

function sentence({ method, baseline, sizes }: MethodDifferences): string {
  const recovered = sizes.filter((d) => d.recovered !== undefined && d.recovered > 0);
  const parts = recovered.map((d) => `${percent(Number(d.recovered!.toFixed(2)))} at ${percent(d.size)}`);
  const gap =
    parts.length === 0
      ? ''
      : ` Of the AUC that ${baseline} loses against the full table it wins back ${enumerate(parts)}.`;
  const auc = verdicts('AUC', baseline, sizes, (d) => d.auc);
  const logLoss = verdicts('log loss', baseline, sizes, (d) => d.logLoss);
  return `${method} against ${baseline} at equal bytes, mapping counted: ${auc}; ${logLoss}.${gap}${bytesSentence(baseline, sizes)}`;
}

/** `At the same share of rows it takes 1.30 times the bytes of modulo at 5 %.` */
function bytesSentence(baseline: string, sizes: readonly Difference[]): string {
  const more = sizes.filter((d) => Math.abs(d.times - 1) >= 0.005);
  if (more.length === 0) return '';
  const parts = more.map(
    (d, k) => `${times(d.times)}${k === 0 ? ` the bytes of ${baseline}` : ''} at ${percent(d.size)}`,
  );
  return ` At the same share of rows it takes ${enumerate(parts)}.`;
}

/** `AUC higher at 5 % of the rows (+0.0081 ± 0.0002) and 10 % (...), not distinguishable at 20 % (...)` */
function verdicts(name: string, baseline: string, sizes: readonly Difference[], of: (d: Difference) => Spread): string {
  const kinds: [string, (spread: Spread, comparable: boolean) => boolean][] = [
    ['higher', (s, comparable) => comparable && distinguishable(s) === true && s.mean > 0],
    ['lower', (s, comparable) => comparable && distinguishable(s) === true && s.mean < 0],
    ['not distinguishable', (s, comparable) => comparable && distinguishable(s) === false],
    ['of a single seed, so without a claim,', (s, comparable) => comparable && distinguishable(s) === undefined],
    [`without a claim, as no ${baseline} of as many bytes was run,`, (_, comparable) => !comparable],
  ];
  const clauses = kinds.flatMap(([verdict, holds]) => {
    const where = sizes.filter((d) => Number.isFinite(of(d).mean) && holds(of(d), d.comparable));
    if (where.length === 0) return [];
    const words = (d: Difference) => `${difference(of(d))}${d.comparable ? '' : `, takes ${times(d.times)} the bytes`}`;
    return [`${verdict} at ${enumerate(where.map((d) => `${percent(d.size)} (${words(d)})`))}`];
  });
  return `${name} ${clauses.length === 0 ? 'unknown' : clauses.join(', ')}`;
}
