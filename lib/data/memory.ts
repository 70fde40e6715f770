/**
 * A Dataset over arrays that are already in memory. openDataset and syntheticDataset end here, and so can a caller
 * with rows of their own. Checks every label, offset and id once (about 1 ns each); copies nothing.
 */

import { CollideError, checkList, checkObject, checkOneOf, checkOptions, checkText, describe } from '../errors.ts';
import { optionNames } from '../option_names.ts';
import { checkFeatureInfos } from './check_features.ts';
import type { FeatureInfo, UnseenPolicy } from './feature_info.ts';
import { checkSameVocabulary } from './same_vocabulary.ts';
import type { Dataset, FeatureIds, IdOrder, Split } from './types.ts';
import { Vocabulary } from './vocabulary.ts';

const COLUMN_KEYS = optionNames<SplitArrays['features'][number]>({ ids: true, offsets: true, unseen: true });

const SPLIT_KEYS = optionNames<SplitArrays>({ labels: true, dense: true, features: true });

/** The arrays of one split; see {@link Split} for their shapes. */
export interface SplitArrays {
  labels: Float32Array;
  /** [rows, dense columns]; may be left out when there are none. */
  dense?: Float32Array;
  /** One entry a feature, in the order of `features`. `unseen` defaults to 0. */
  features: { ids: Uint32Array; offsets?: Uint32Array | null; unseen?: number }[];
}

/** What {@link datasetFromArrays} makes a data set of: ids that are numbered already. */
export interface DatasetArrays {
  features: { name: string; cardinality: number; list?: boolean; outOfVocabulary?: number | null }[];
  /** Names of the dense columns. Default: none. */
  dense?: string[];
  /** Splits by name, in the order they are listed. */
  splits: Record<string, SplitArrays>;
  /** Default 'appearance'. */
  idOrder?: IdOrder;
  /** Default 'error': the arrays hold no unseen value. */
  unseen?: UnseenPolicy;
  /** Default 'config'. */
  validationFrom?: 'config' | 'student';
  /** One entry a feature: id -> text of its value. Default: as the vocabulary has it. */
  texts?: ((id: number) => string | null)[];
  /** What the ids mean, of the same features and dense columns. Default: what is said here, without values. */
  vocabulary?: Vocabulary;
}

/**
 * A data set from encoded arrays.
 *
 * @throws CollideError INVALID_ARGUMENT (lengths that do not fit), INVALID_LABEL, INVALID_INDEX, INVALID_OFFSETS; each
 * names split, feature and row
 * @example
 * ```ts
 * const data = datasetFromArrays({
 *   features: [{ name: 'movie', cardinality: 3 }],
 *   splits: { student: { labels: Float32Array.of(0, 1), features: [{ ids: Uint32Array.of(2, 0) }] } },
 * });
 * ```
 */
export function datasetFromArrays(arrays: DatasetArrays): Dataset {
  checkArrays(arrays);
  const features = arrays.features.map(
    (feature): FeatureInfo => ({
      name: feature.name,
      cardinality: feature.cardinality,
      list: feature.list ?? false,
      outOfVocabulary: feature.outOfVocabulary ?? null,
    }),
  );
  const dense = [...(arrays.dense ?? [])];
  const unseen = arrays.unseen ?? 'error';
  const columns = dense.map((name) => ({ name }));
  const described = new Vocabulary({ features, dense: columns, unseen });
  const vocabulary = arrays.vocabulary ?? described;
  checkSameVocabulary(
    vocabulary,
    described,
    { model: 'the vocabulary', data: 'the arrays' },
    'Both are to be of one data set',
  );
  const splits = new Map<string, Split>();
  for (const [name, split] of Object.entries(arrays.splits)) {
    checkSplit(name, split, features, dense.length);
    splits.set(name, new MemorySplit(name, split, features, dense.length, vocabulary));
  }
  const names = [...splits.keys()];
  let closed = false;
  const close = (): void => {
    closed = true;
    splits.clear();
  };
  return {
    vocabulary,
    features,
    dense,
    splits: names,
    idOrder: arrays.idOrder ?? 'appearance',
    unseen,
    validationFrom: arrays.validationFrom ?? 'config',
    split(name) {
      if (closed) throw new CollideError('CLOSED', `Expected an open data set for split("${name}"), it was closed`);
      return splits.get(checkOneOf(name, names, 'the name of a split'))!;
    },
    text(feature, id) {
      featureAt(features, feature);
      return arrays.texts === undefined ? vocabulary.text(feature, id) : (arrays.texts[feature]?.(id) ?? null);
    },
    close,
    [Symbol.dispose]: close,
  };
}

class MemorySplit implements Split {
  readonly name: string;
  readonly rows: number;
  readonly vocabulary: Vocabulary;
  readonly features: readonly FeatureInfo[];
  readonly denseCount: number;
  readonly labels: Float32Array;
  readonly dense: Float32Array;
  readonly #columns: (FeatureIds & { unseen: number })[];
  readonly #counts: (Uint32Array | undefined)[] = [];

  constructor(
    name: string,
    arrays: SplitArrays,
    features: readonly FeatureInfo[],
    denseCount: number,
    vocabulary: Vocabulary,
  ) {
    this.name = name;
    this.vocabulary = vocabulary;
    this.rows = arrays.labels.length;
    this.features = features;
    this.denseCount = denseCount;
    this.labels = arrays.labels;
    this.dense = arrays.dense ?? new Float32Array(0);
    this.#columns = arrays.features.map(({ ids, offsets, unseen }) => ({
      ids,
      offsets: offsets ?? null,
      unseen: unseen ?? 0,
    }));
  }

  ids(feature: number): FeatureIds {
    featureAt(this.features, feature);
    return this.#columns[feature]!;
  }

  idCounts(feature: number): Uint32Array {
    const { cardinality } = featureAt(this.features, feature);
    let counts = this.#counts[feature];
    if (counts === undefined) {
      counts = new Uint32Array(cardinality);
      const { ids } = this.#columns[feature]!;
      for (let i = 0; i < ids.length; i++) counts[ids[i]!]! += 1;
      this.#counts[feature] = counts;
    }
    return counts;
  }

  unseen(feature: number): number {
    featureAt(this.features, feature);
    return this.#columns[feature]!.unseen;
  }
}

function featureAt(features: readonly FeatureInfo[], feature: number): FeatureInfo {
  const info = features[feature];
  if (info !== undefined) return info;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a feature number from 0 to ${features.length - 1}, received ${describe(feature)}`,
  );
}

/** @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION for what is not laid out as DatasetArrays says */
function checkArrays(arrays: DatasetArrays): void {
  const known = ['features', 'dense', 'splits', 'idOrder', 'unseen', 'validationFrom', 'texts', 'vocabulary'];
  checkOptions(arrays, known, 'datasetFromArrays');
  if (arrays.vocabulary !== undefined && !(arrays.vocabulary instanceof Vocabulary)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Vocabulary for vocabulary of datasetFromArrays, received ${describe(arrays.vocabulary)}`,
    );
  }
  checkFeatureInfos(arrays.features, 'features of datasetFromArrays');
  checkObject(arrays.splits, 'splits of datasetFromArrays, by name');
  for (const name of checkList(arrays.dense ?? [], 'dense of datasetFromArrays')) checkText(name, 'a dense column');
  for (const [name, split] of Object.entries(arrays.splits)) {
    checkOptions(split, SPLIT_KEYS, `split ${name}`);
    if (!(split.labels instanceof Float32Array))
      throw expectedArray('Float32Array', `labels of split ${name}`, split.labels);
    if (split.dense !== undefined && !(split.dense instanceof Float32Array)) {
      throw expectedArray('Float32Array', `dense of split ${name}`, split.dense);
    }
    for (const [f, column] of checkList(split.features, `features of split ${name}`).entries()) {
      checkOptions(column, COLUMN_KEYS, `feature ${f} of split ${name}`);
      if (!(column.ids instanceof Uint32Array))
        throw expectedArray('Uint32Array', `ids of feature ${f} of split ${name}`, column.ids);
      const { offsets } = column;
      if (offsets !== undefined && offsets !== null && !(offsets instanceof Uint32Array)) {
        throw expectedArray('Uint32Array', `offsets of feature ${f} of split ${name}`, offsets);
      }
    }
  }
}

function expectedArray(type: string, where: string, received: unknown): CollideError {
  return new CollideError('INVALID_ARGUMENT', `Expected a ${type} for ${where}, received ${describe(received)}`);
}

function checkSplit(name: string, split: SplitArrays, features: readonly FeatureInfo[], denseCount: number): void {
  const { labels } = split;
  const rows = labels.length;
  for (let row = 0; row < rows; row++) {
    const label = labels[row]!;
    if (label !== 0 && label !== 1) {
      throw new CollideError('INVALID_LABEL', `Expected labels 0 or 1, received ${label} in split ${name}, row ${row}`);
    }
  }
  const dense = split.dense ?? new Float32Array(0);
  checkLength(dense.length, rows * denseCount, `dense of split ${name} (rows x dense columns)`);
  for (let i = 0; i < dense.length; i++) {
    if (Number.isFinite(dense[i])) continue;
    const row = Math.floor(i / denseCount);
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected finite dense values, received ${dense[i]} in split ${name}, row ${row}, dense column ${i % denseCount}`,
    );
  }
  checkLength(split.features.length, features.length, `features of split ${name}`);
  features.forEach((info, feature) => {
    const { ids, offsets } = split.features[feature]!;
    const where = `feature "${info.name}" of split ${name}`;
    if (info.list !== (offsets !== null && offsets !== undefined)) {
      const expected = info.list ? 'offsets for a list feature' : 'no offsets for a feature that is not a list';
      throw new CollideError('INVALID_OFFSETS', `Expected ${expected}: ${where}`);
    }
    if (offsets) checkOffsets(offsets, rows, ids.length, where);
    else checkLength(ids.length, rows, `ids of ${where}`);
    for (let i = 0; i < ids.length; i++) {
      if (ids[i]! < info.cardinality) continue;
      throw new CollideError('INVALID_INDEX', `Expected ids below ${info.cardinality}, received ${ids[i]} in ${where}`);
    }
  });
}

function checkLength(received: number, expected: number, what: string): void {
  if (received === expected) return;
  throw new CollideError('INVALID_ARGUMENT', `Expected length ${expected} for ${what}, received ${received}`);
}

function checkOffsets(offsets: Uint32Array, rows: number, ids: number, where: string): void {
  if (offsets.length !== rows + 1 || offsets[0] !== 0 || offsets[rows] !== ids) {
    throw new CollideError(
      'INVALID_OFFSETS',
      `Expected ${rows + 1} offsets from 0 to ${ids} for ${where}, received ${offsets.length} from ${offsets[0]} to ${offsets.at(-1)}`,
    );
  }
  for (let row = 0; row < rows; row++) {
    if (offsets[row]! <= offsets[row + 1]!) continue;
    throw new CollideError('INVALID_OFFSETS', `Expected offsets that do not decrease for ${where}, row ${row}`);
  }
}
