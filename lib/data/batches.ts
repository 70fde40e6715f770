/**
 * Batches of a split in the form the embedding engine takes: all features' ids in one array, feature after feature,
 * with offsets [features * size + 1].
 *
 * Buffers are allocated once and reused. Without lists the offsets are written once. Cost: a million rows of 8 features
 * in random order take about 0.15 s, in their own order 0.01 s; the first random order of a split also copies its arrays
 * (records.ts). Deterministic: order in, batches out.
 */
import { CollideError, checkInteger, checkOptions } from '../errors.ts';
import { optionNames } from '../option_names.ts';
import { checkSplit } from './check_split.ts';
import { Random } from './random.ts';
import { gatherRecords, recordsOf } from './records.ts';
import type { FeatureIds, Split } from './types.ts';

/** Views into buffers that the next batch overwrites. */
export interface Batch {
  /** Rows of this batch; the last batch may be smaller than the others. */
  readonly size: number;
  /** All ids, feature-major. */
  readonly indices: Uint32Array;
  /** [features * size + 1]; bag of feature f and row r: indices[offsets[f * size + r]] .. indices[offsets[f * size + r + 1] - 1]. */
  readonly offsets: Uint32Array;
  /** [size, dense columns] */
  readonly dense: Float32Array;
  /** [size] */
  readonly labels: Float32Array;
  /** The fold that all its rows are in; 0 where `folds` was not asked for. */
  readonly fold: number;
}

/** Options of {@link batches}. */
export interface BatchOptions {
  /** Rows per batch. */
  size: number;
  /** Row numbers in the order wanted; may leave rows out or repeat them. Default: every row in its order. */
  order?: Uint32Array;
  /**
   * Makes batches of one fold each, where row r of the split is in fold r % folds: within a fold the rows keep their order,
   * and the folds take turns, 0, 1, ..., 0, 1, ... until each has come to its last, maybe smaller batch. Default 1.
   */
  folds?: number;
}

const OPTIONS = optionNames<BatchOptions>({ size: true, order: true, folds: true });

/**
 * The batches of a split. The views of a batch are valid until the next one is asked for.
 *
 * @throws CollideError INVALID_ARGUMENT (size or folds below 1, a row number outside the split), UNKNOWN_OPTION
 * @example
 * ```ts
 * for (const batch of batches(data.split('student'), { size: 4096, order: shuffled(data.split('student').rows, 1) })) {
 *   tables.forward(batch);
 * }
 * ```
 */
export function* batches(split: Split, options: BatchOptions): Generator<Batch, void, undefined> {
  checkSplit(split, 'batches');
  checkOptions(options, OPTIONS, 'batches');
  const { order } = options;
  const size = checkInteger(options.size, 1, 2 ** 32 - 1, 'size of batches');
  const folds = checkInteger(options.folds ?? 1, 1, 2 ** 16, 'folds of batches');
  if (order !== undefined) checkOrder(order, split.rows);
  if (folds === 1) {
    yield* batchesOf(split, size, order, 0);
    return;
  }
  const all = order ?? Uint32Array.from({ length: split.rows }, (_, row) => row);
  let unfinished = Array.from({ length: folds }, (_, fold) =>
    batchesOf(
      split,
      size,
      all.filter((row) => row % folds === fold),
      fold,
    ),
  );
  while (unfinished.length > 0) {
    const going: typeof unfinished = [];
    for (const fold of unfinished) {
      const { done, value } = fold.next();
      if (done) continue;
      yield value;
      going.push(fold);
    }
    unfinished = going;
  }
}

/** Batches of the rows of `order`, which are all of one fold. */
function* batchesOf(
  split: Split,
  most: number,
  order: Uint32Array | undefined,
  fold: number,
): Generator<Batch, void, undefined> {
  const rows = order?.length ?? split.rows;
  const size = Math.min(most, rows);
  const { features, denseCount } = split;
  const columns = features.map((_, feature) => split.ids(feature));
  const lists = columns.flatMap((column, f) => (column.offsets === null ? [] : [f]));
  const records = order === undefined ? null : recordsOf(split);

  let indices = new Uint32Array(features.length * size);
  const offsets = new Uint32Array(features.length * size + 1);
  if (lists.length === 0) for (let i = 0; i < offsets.length; i++) offsets[i] = i;
  const dense = new Float32Array(size * denseCount);
  const labels = new Float32Array(size);
  const bases: number[] = features.map(() => 0);

  for (let start = 0; start < rows; start += size) {
    const count = Math.min(size, rows - start);
    let used = 0;
    columns.forEach(({ offsets: bags }, f) => {
      bases[f] = used;
      used += bags === null ? count : bagTotal(bags, order, start, count);
    });
    if (used > indices.length) indices = new Uint32Array(Math.max(used, indices.length * 2));
    if (order === undefined || records === null) {
      columns.forEach(({ ids, offsets: bags }, f) => {
        const first = bags === null ? start : bags[start]!;
        indices.set(ids.subarray(first, bags === null ? start + count : bags[start + count]!), bases[f]!);
      });
      labels.set(split.labels.subarray(start, start + count));
      dense.set(split.dense.subarray(start * denseCount, (start + count) * denseCount));
    } else {
      gatherRecords(records, order, start, count, { indices, bases, labels, dense });
      for (const f of lists) gatherBags(columns[f]!, order, start, count, indices, bases[f]!);
    }
    if (lists.length > 0) {
      columns.forEach(({ offsets: bags }, f) => {
        writeOffsets(bags, order, start, count, offsets, f * count, bases[f]!);
      });
      offsets[features.length * count] = used;
    }
    yield {
      size: count,
      indices: indices.subarray(0, used),
      offsets: offsets.subarray(0, features.length * count + 1),
      dense: dense.subarray(0, count * denseCount),
      labels: labels.subarray(0, count),
      fold,
    };
  }
}

/**
 * The numbers 0 .. rows - 1 in random order (Fisher and Yates). The same seed gives the same order everywhere.
 *
 * @throws CollideError INVALID_ARGUMENT
 * @example
 * ```ts
 * shuffled(4, 1); // a Uint32Array of 0, 1, 2, 3 in some order
 * ```
 */
export function shuffled(rows: number, seed: number): Uint32Array {
  checkInteger(rows, 0, 2 ** 32 - 1, 'rows of shuffled');
  const random = new Random(checkInteger(seed, 0, Number.MAX_SAFE_INTEGER, 'seed of shuffled'));
  const order = new Uint32Array(rows);
  for (let i = 0; i < rows; i++) {
    const j = random.integer(i + 1);
    order[i] = order[j]!;
    order[j] = i;
  }
  return order;
}

function checkOrder(order: Uint32Array, rows: number): void {
  if (!(order instanceof Uint32Array)) {
    throw new CollideError('INVALID_ARGUMENT', 'Expected a Uint32Array of row numbers for order of batches');
  }
  for (let i = 0; i < order.length; i++) {
    if (order[i]! < rows) continue;
    throw new CollideError('INVALID_ARGUMENT', `Expected row numbers below ${rows} in order, received ${order[i]}`);
  }
}

function bagTotal(bags: Uint32Array, order: Uint32Array | undefined, start: number, count: number): number {
  if (order === undefined) return bags[start + count]! - bags[start]!;
  let total = 0;
  for (let r = 0; r < count; r++) total += bags[order[start + r]! + 1]! - bags[order[start + r]!]!;
  return total;
}

function gatherBags(
  { ids, offsets: bags }: FeatureIds,
  order: Uint32Array,
  start: number,
  count: number,
  indices: Uint32Array,
  base: number,
): void {
  let next = base;
  for (let r = 0; r < count; r++) {
    const row = order[start + r]!;
    const end = bags![row + 1]!;
    for (let i = bags![row]!; i < end; i++) indices[next++] = ids[i]!;
  }
}

/** Where the bags of one feature start in the batch, from offsets[at] on; one id a row when `bags` is null. */
function writeOffsets(
  bags: Uint32Array | null,
  order: Uint32Array | undefined,
  start: number,
  count: number,
  offsets: Uint32Array,
  at: number,
  base: number,
): void {
  let next = base;
  for (let r = 0; r < count; r++) {
    offsets[at + r] = next;
    const row = order === undefined ? start + r : order[start + r]!;
    next += bags === null ? 1 : bags[row + 1]! - bags[row]!;
  }
}
