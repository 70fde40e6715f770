/**
 * A data set so small that a whole comparison takes a moment, as arrays whose parts a test can replace: labels turned
 * round, rows left out or put in another order. What must not depend on a part is then seen not to.
 */

import { type CompareConfig, type CompareConfigInput, parseConfig } from '../../lib/compare/config.ts';
import type { ComparisonResult } from '../../lib/compare/results.ts';
import { type Dataset, type DatasetArrays, datasetFromArrays, type SplitArrays } from '../../lib/data/index.ts';
import { syntheticDataset } from '../../lib/data/synthetic.ts';

/** 1,600 teacher rows, 1,520 of the student, 400 each for validation and evaluation; evaluation has ids that are new. */
export const tinyArrays: DatasetArrays = (() => {
  const { data } = syntheticDataset({
    rows: 4000,
    cardinalities: [60, 25],
    clusters: 5,
    zipf: 0.9,
    effect: 1.5,
    newIdsPerDay: 0.03,
    seed: 4,
  });
  const late = arraysOf(data, 'evaluation');
  return {
    features: [...data.features],
    dense: [...data.dense],
    unseen: data.unseen,
    idOrder: data.idOrder,
    splits: {
      teacher: arraysOf(data, 'teacher'),
      student: arraysOf(data, 'student'),
      validation: takeRows(late, (row) => row % 2 === 0),
      evaluation: takeRows(late, (row) => row % 2 === 1),
    },
  };
})();

export function arraysOf(data: Dataset, name: string): SplitArrays {
  const { labels, dense, features } = data.split(name);
  return { labels, dense, features: features.map((_, f) => ({ ids: data.split(name).ids(f).ids })) };
}

/** The rows of a split without lists whose numbers pass, or those of `order` in its order. */
export function takeRows(split: SplitArrays, rows: ((row: number) => boolean) | Uint32Array): SplitArrays {
  const all = [...split.labels.keys()];
  const order = typeof rows === 'function' ? all.filter(rows) : [...rows];
  const width = (split.dense?.length ?? 0) / split.labels.length;
  return {
    labels: Float32Array.from(order, (row) => split.labels[row]!),
    dense: Float32Array.from(order.flatMap((row) => [...split.dense!.subarray(row * width, (row + 1) * width)])),
    features: split.features.map(({ ids }) => ({ ids: Uint32Array.from(order, (row) => ids[row]!) })),
  };
}

/** Every label the other way round. */
export const flipped = (split: SplitArrays): SplitArrays => ({
  ...split,
  labels: split.labels.map((label) => 1 - label),
});

/** Other rows altogether: of each column the values of the rows in reverse, and labels without any sense. */
export const replaced = (split: SplitArrays): SplitArrays => ({
  labels: split.labels.map((_, row) => ((row * 7919) % 5) % 2),
  dense: split.dense!.toReversed(),
  features: split.features.map(({ ids }, f) => ({ ids: f === 0 ? ids.toReversed() : ids.map((id) => id ^ 1) })),
});

/** The data set with some of its splits changed. */
export function tinyData(changes: Readonly<Record<string, (split: SplitArrays) => SplitArrays>> = {}): Dataset {
  const splits = Object.entries(tinyArrays.splits).map(([name, split]) => [name, changes[name]?.(split) ?? split]);
  return datasetFromArrays({ ...tinyArrays, splits: Object.fromEntries(splits) });
}

export type Sections = Omit<CompareConfigInput, 'data'>;

/** A comparison on it; sections given are laid over the usual ones, key by key. */
export function tinyConfig({ model, teacher, training, compare, ...rest }: Sections = {}): CompareConfig {
  return parseConfig({
    data: {
      source: 'tiny',
      label: 'y',
      features: ['a', 'b'],
      dense: ['x'],
      splits: { teacher: 't', student: 's', validation: 'v', evaluation: 'e' },
    },
    model: { dim: 4, bottom: [4], top: [4, 1], ...model },
    teacher: { maxEpochs: 2, crossFit: false, ...teacher },
    training: { outOfVocabularyShare: 0, batchSize: 64, ...training },
    compare: {
      methods: ['full', 'modulo', 'frequent', 'learned', 'auto'],
      sizes: [0.3],
      minRows: 1,
      seeds: 2,
      hotShare: [0, 0.6, 0.9],
      unseen: 'shared',
      parts: 1,
      ...compare,
      tune: { learningRate: [0.02, 0.3], maxEpochs: 2, ...compare?.tune },
    },
    ...rest,
  });
}

/** A result without what may differ from run to run. */
export const quality = ({ seconds: _, ...rest }: ComparisonResult) => rest;
