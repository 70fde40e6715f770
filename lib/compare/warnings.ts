/** What a reader must know before any figure of a comparison, in sentences; computed from the results, the gravest first. */
import type { Dataset, Split } from '../data/types.ts';
import { isWholeTable } from '../hashing/feature_hashing.ts';
import type { AutoTraining } from '../methods/choosing/train_auto.ts';
import { untaughtText } from '../methods/learning/untaught.ts';
import { namedTables } from '../methods/table_rows.ts';
import { type Comparison, type ComparisonSplit, FULL } from './results.ts';
import { type Aggregate, aggregate } from './statistics.ts';

/** All warnings of a comparison; none where there is nothing to warn of. */
export function comparisonWarnings(comparison: Pick<Comparison, 'config' | 'data' | 'results' | 'failed'>): string[] {
  const { data, results } = comparison;
  const section = (comparison.config as { compare?: { minRows?: number; sizes?: number[] } }).compare ?? {};
  return [
    ...data.splits.flatMap(oneClassWarnings),
    ...uncompressedWarnings(data.features, section),
    ...failureWarnings(comparison),
    ...uselessWarnings(results),
    ...untaughtWarnings(results),
    ...dearWarnings(results),
  ];
}

/** The warnings of one student's training, as `collide train` prints them. */
export function trainingWarnings(
  data: Dataset,
  {
    hashing,
    size,
    whole,
    untaught,
    diverged,
  }: Pick<AutoTraining, 'hashing' | 'size' | 'whole' | 'untaught' | 'diverged'>,
  /** The entropy is the student's, on the evaluation split. */
  { minRows, normalizedEntropy }: { minRows: number; normalizedEntropy: number },
): string[] {
  const features = hashing.features.map((feature) => {
    const { name, cardinality } = feature;
    return { name, cardinality, compressed: !isWholeTable(feature) };
  });
  return [
    ...data.splits.flatMap((name) => oneClassWarnings({ name, labelRate: labelRate(data.split(name)) })),
    ...(whole.length > 0 ? [] : uncompressedWarnings(features, { minRows, sizes: [size] })),
    ...(untaught.length > 0 ? [`${untaughtText(untaught)}.`] : []),
    ...(whole.length > 0 ? [dearText(whole)] : []),
    ...(diverged.length > 0 ? [`Learning rates that diverged had no part: ${diverged.join(', ')}.`] : []),
    ...(normalizedEntropy >= 1 ? [uselessText(['the student'], normalizedEntropy)] : []),
  ];
}

/** Share of labels that are 1. */
export function labelRate({ labels, rows }: Split): number {
  return labels.reduce((sum, value) => sum + value, 0) / rows;
}

function dearText(tables: readonly string[]): string {
  const [noun, they] = tables.length === 1 ? ['table', 'it'] : ['tables', 'they'];
  return `${noun} ${tables.join(', ')} left whole, since with a learned hash ${they} would take no fewer bytes.`;
}

const ONE_CLASS: Record<string, string> = {
  teacher: 'a teacher learns nothing from it',
  student: 'a student learns nothing from it',
  validation: 'learning rates, epochs and layouts are chosen on it',
  evaluation: 'AUC does not exist, and log loss only says how sure the models are of that label',
};

/** A split with one class of labels. */
export function oneClassWarnings({ name, labelRate }: Pick<ComparisonSplit, 'name' | 'labelRate'>): string[] {
  if (labelRate !== 0 && labelRate !== 1) return [];
  const why = ONE_CLASS[name];
  return [`All labels of split ${name} are ${labelRate}${why === undefined ? '' : `: ${why}`}.`];
}

/** That no table was compressed, so that all methods are the same. */
export function uncompressedWarnings(
  features: readonly { name: string; cardinality: number; compressed: boolean }[],
  { minRows, sizes }: { minRows?: number; sizes?: readonly number[] },
): string[] {
  if (features.length === 0 || features.some(({ compressed }) => compressed)) return [];
  const small = minRows === undefined || features.every(({ cardinality }) => cardinality < minRows);
  const all = sizes?.every((size) => size === 1) === true;
  const large = all ? 'every size is 100 %' : 'every size leaves a row for each id';
  const why = small ? `every table is below minRows${minRows === undefined ? '' : ` ${minRows}`}` : large;
  const remedy = small ? '; a lower minRows compresses them' : all ? '' : '; smaller sizes compress them';
  return [`Nothing was compressed: ${why} (${namedTables(features)}). All tables are full ones${remedy}.`];
}

function failureWarnings({ results, failed = [] }: Pick<Comparison, 'results' | 'failed'>): string[] {
  const warnings: string[] = [];
  for (const group of groupsOf(failed)) {
    const left = results.filter(({ method, size }) => method === group[0]!.method && size === group[0]!.size).length;
    const seeds = `seed${group.length > 1 ? 's' : ''} ${group.map(({ seed }) => seed).join(', ')}`;
    const means =
      left === 0 ? 'it has no figures' : `its means are over the other ${left === 1 ? 'seed' : `${left} seeds`}`;
    warnings.push(`${nameOf(group[0]!)} diverged with ${seeds}: ${means}. ${sentence(group[0]!.reason)}`);
  }
  for (const group of groupsOf(results)) {
    const rates = [...new Set(group.flatMap(({ diverged = [] }) => diverged))];
    const dropped = group.flatMap(({ dropped = [] }) => dropped);
    const what = [
      ...(rates.length > 0 ? [`learning rate${rates.length > 1 ? 's' : ''} ${rates.join(', ')}`] : []),
      ...(dropped.length > 0 ? [`${dropped.length} layout${dropped.length > 1 ? 's' : ''} of its tables`] : []),
    ].join(' and ');
    if (what !== '')
      warnings.push(`${nameOf(group[0]!)}: ${what} diverged while it was tuned and had no part in its choice.`);
  }
  return warnings;
}

/** Log loss over the entropy of the labels, from which on predictions are far off and not just of no use. */
const FAR_OFF = 1.5;

/** Students that predict no better than the label rate does: they learned nothing, or not of what evaluation rows hold. */
function uselessWarnings(results: Comparison['results']): string[] {
  const groups = aggregate(results).filter(({ normalizedEntropy: { mean } }) => mean >= 1);
  if (groups.length === 0) return [];
  const worst = Math.max(...groups.map(({ normalizedEntropy: { mean } }) => mean));
  return [uselessText(groups.map(nameOf), worst)];
}

function uselessText(students: readonly string[], normalizedEntropy: number): string {
  const far =
    normalizedEntropy > FAR_OFF
      ? '. Dense values or labels of the evaluation rows that are unlike those of the training rows do that'
      : '';
  const names = students.join(', ');
  return `No better than always predicting the label rate (normalized entropy of 1 or more): ${names}${far}.`;
}

function untaughtWarnings(results: Comparison['results']): string[] {
  const names = [...new Set(results.flatMap(({ untaught = [] }) => untaught))];
  const methods = new Set(results.filter(({ untaught = [] }) => untaught.length > 0).map(({ method }) => method));
  return names.length === 0 ? [] : [`${untaughtText(names)} (${[...methods].join(', ')}).`];
}

/** More bytes than the full table, or tables left whole so that there are no more. */
function dearWarnings(results: Comparison['results']): string[] {
  const warnings: string[] = [];
  for (const group of aggregate(results)) {
    if (!takesMoreThanFull(group)) continue;
    const more = `${times(group.share!)} the bytes of the full table`;
    warnings.push(`${nameOf(group)} takes ${more}, mapping counted: the full table is smaller and exact.`);
  }
  for (const [first] of groupsOf(results)) {
    if (first!.whole === undefined) continue;
    warnings.push(`${nameOf(first!)}: ${dearText(first!.whole)}`);
  }
  return warnings;
}

/** Whether a method takes more bytes than no compression at all. */
export function takesMoreThanFull({ method, share }: Pick<Aggregate, 'method' | 'share'>): boolean {
  return method !== FULL && share !== undefined && share > 1;
}

/** `1.30 times` */
export function times(ratio: number): string {
  return `${ratio < 1.005 && ratio > 1 ? ratio.toPrecision(6) : ratio.toFixed(2)} times`;
}

/** Those of one method and size together, in the order of their first. */
function groupsOf<T extends { method: string; size: number }>(list: readonly T[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const entry of list) {
    const key = JSON.stringify([entry.method, entry.size]);
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return [...groups.values()];
}

function nameOf({ method, size }: { method: string; size: number }): string {
  return method === FULL ? 'The full table' : `${method} at ${Number((100 * size).toPrecision(3))} %`;
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}
