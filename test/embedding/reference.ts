/**
 * The embedding engine by its definition, in float64 and with dense matrices. A feature's internal tables and combiner
 * make the table E [cardinality, dim] that they stand for; bags select rows of it through a selection matrix S
 * [slots, cardinality] of one-hot rows times coefficients. So forward is S E, the gradient of E is the transpose of S
 * times the output's gradient, and the chain rule takes it on to the internal tables. Slow and plain: it shares no code
 * with the engine.
 */
import type { EmbeddingOptimizer } from '../../lib/embedding/index.ts';
import { type HashFunction, PRUNED, rowCount, rowOf } from '../../lib/hashing/index.ts';
import { completed, type ReferenceOptimizer, stateWidth, stepRow } from './reference_optimizer.ts';

export interface ReferenceFeature {
  name: string;
  cardinality: number;
  dim: number;
  pooling: 'sum' | 'mean' | 'none';
  sequenceLength: number;
  combine: 'sum' | 'concat' | 'multiply';
  hashes: HashFunction[];
  /** Names of the internal tables, when some are shared. */
  tables?: string[];
  /** Narrow rows and a projection, beside one hash function: E = A P, or A alone where it is as wide as a row. */
  source?: { kind: 'mixed-dimension'; width: number };
}

export interface ReferenceBatch {
  indices: number[];
  offsets: number[];
  batchSizes?: number[];
  weights?: Float32Array;
}

/** A batch as the reference takes it: in its own precision. */
export type ExactBatch = Omit<ReferenceBatch, 'weights'> & { weights?: Float32Array | Float64Array };

type Matrix = Float64Array[]; // rows of equal length

const zeros = (rows: number, columns: number): Matrix => Array.from({ length: rows }, () => new Float64Array(columns));

/** a [n, k] times b [k, m]; a is mostly zeros. */
function product(a: Matrix, b: Matrix, columns: number): Matrix {
  return a.map((row) => {
    const out = new Float64Array(columns);
    for (let k = 0; k < row.length; k++) {
      const value = row[k]!;
      if (value === 0) continue;
      const other = b[k]!;
      for (let j = 0; j < columns; j++) out[j]! += value * other[j]!;
    }
    return out;
  });
}

function transposed(a: Matrix, columns: number): Matrix {
  const out = zeros(columns, a.length);
  for (let i = 0; i < a.length; i++) for (let j = 0; j < columns; j++) out[j]![i] = a[i]![j]!;
  return out;
}

/** An internal table: its values, its optimizer's state, and the gradient that a backward gathers. */
export class ReferenceTable {
  readonly values: Matrix;
  readonly state: Matrix;
  gradient: Matrix;
  /** Rows that the batch looks up: an optimizer steps these and no others, whatever their gradient. */
  touched = new Set<number>();

  constructor(
    readonly rows: number,
    readonly width: number,
    stateValues: number,
  ) {
    this.values = zeros(rows, width);
    this.gradient = zeros(rows, width);
    this.state = zeros(rows, stateValues);
  }

  setValues(flat: ArrayLike<number>): void {
    for (const [r, row] of this.values.entries())
      for (let j = 0; j < this.width; j++) row[j] = flat[r * this.width + j]!;
  }

  step(optimizer: ReferenceOptimizer, t: number): void {
    for (const r of this.touched) stepRow(optimizer, this.values[r]!, this.state[r]!, this.gradient[r]!, t);
    this.touched = new Set();
    this.gradient = zeros(this.rows, this.width);
  }
}

/** A feature's bags in a batch and its place in the output. */
interface Place {
  firstBag: number;
  bags: number;
  base: number;
  stride: number;
}

export class ReferenceEmbedding {
  /** By name; shared tables once. */
  readonly tables = new Map<string, ReferenceTable>();
  readonly outputWidth: number;
  steps = 0;
  readonly #features: ReferenceFeature[];
  readonly #optimizer: ReferenceOptimizer;

  constructor(features: ReferenceFeature[], optimizer: EmbeddingOptimizer) {
    this.#features = features;
    this.#optimizer = completed(optimizer);
    const add = (name: string, rows: number, width: number) => {
      if (this.tables.has(name)) return;
      this.tables.set(name, new ReferenceTable(rows, width, stateWidth(optimizer.kind, width)));
    };
    for (const feature of features) {
      const { source, dim } = feature;
      if (source !== undefined) {
        add(tableName(feature, 0), rowCount(feature.hashes[0]!, feature.cardinality), source.width);
        if (source.width < dim) add(tableName(feature, 1), source.width, dim);
        continue;
      }
      const width = feature.combine === 'concat' ? feature.dim / feature.hashes.length : feature.dim;
      for (const [h, hash] of feature.hashes.entries()) {
        add(tableName(feature, h), rowCount(hash, feature.cardinality), width);
      }
    }
    this.outputWidth = features.reduce((sum, f) => sum + f.dim * f.sequenceLength, 0);
  }

  /** The values of an id's rows in the feature's internal tables, zeros for a pruned one, and where they come from. */
  #parts(feature: ReferenceFeature, id: number) {
    return feature.hashes.map((hash, h) => {
      const table = this.tables.get(tableName(feature, h))!;
      const row = rowOf(hash, id, feature.cardinality);
      return { table, row, values: row === PRUNED ? new Float64Array(table.width) : table.values[row]! };
    });
  }

  /** E [cardinality, dim]. */
  #expanded(feature: ReferenceFeature): Matrix {
    return Array.from({ length: feature.cardinality }, (_, id) => {
      const parts = this.#parts(feature, id).map(({ values }) => values);
      const projection = this.#projection(feature);
      if (projection !== undefined) return product([parts[0]!], projection.values, feature.dim)[0]!;
      if (feature.combine === 'concat') return Float64Array.from(parts.flatMap((values) => [...values]));
      const combine = feature.combine === 'sum' ? (a: number, b: number) => a + b : (a: number, b: number) => a * b;
      const all = Float64Array.from(parts[0]!);
      for (const values of parts.slice(1)) for (let j = 0; j < all.length; j++) all[j] = combine(all[j]!, values[j]!);
      return all;
    });
  }

  /** P [source width, dim], if the feature has one. */
  #projection(feature: ReferenceFeature): ReferenceTable | undefined {
    const { source, dim } = feature;
    return source === undefined || source.width === dim ? undefined : this.tables.get(tableName(feature, 1))!;
  }

  #places(batch: ExactBatch): Place[] {
    const size = (batch.offsets.length - 1) / this.#features.length;
    let firstBag = 0;
    let base = 0;
    return this.#features.map(({ dim, sequenceLength }, f) => {
      const width = dim * sequenceLength;
      const bags = batch.batchSizes?.[f] ?? size;
      const place = { firstBag, bags, base, stride: batch.batchSizes === undefined ? this.outputWidth : width };
      firstBag += bags;
      base += batch.batchSizes === undefined ? width : bags * width;
      return place;
    });
  }

  /** Every id of a feature in the batch: its position, the slot it goes to, and its share of it beside its weight. */
  #ids({ pooling, sequenceLength }: ReferenceFeature, place: Place, { indices, offsets }: ExactBatch) {
    return Array.from({ length: place.bags }, (_, bag) => {
      const [begin, end] = [offsets[place.firstBag + bag]!, offsets[place.firstBag + bag + 1]!];
      return indices.slice(begin, end).map((id, i) => ({
        id,
        position: begin + i,
        slot: bag * sequenceLength + (pooling === 'none' ? i : 0),
        share: pooling === 'mean' ? 1 / (end - begin) : 1,
      }));
    }).flat();
  }

  /** S [slots, cardinality]: one row per bag, or per position of each bag for pooling `none`. */
  #selection(feature: ReferenceFeature, place: Place, batch: ExactBatch): Matrix {
    const selection = zeros(place.bags * feature.sequenceLength, feature.cardinality);
    for (const { id, position, slot, share } of this.#ids(feature, place, batch)) {
      selection[slot]![id]! += share * (batch.weights?.[position] ?? 1);
    }
    return selection;
  }

  forward(batch: ExactBatch): Float64Array {
    const places = this.#places(batch);
    const length = places.reduce((sum, { bags }, f) => sum + bags * this.#width(f), 0);
    const out = new Float64Array(length);
    for (const [f, feature] of this.#features.entries()) {
      const pooled = product(this.#selection(feature, places[f]!, batch), this.#expanded(feature), feature.dim);
      for (const [slot, row] of pooled.entries()) out.set(row, this.#at(f, places[f]!, slot));
    }
    return out;
  }

  /** Returns d loss / d weights, [indices], of the values before the step. */
  backward(batch: ExactBatch, outputGradient: Float32Array | Float64Array): Float64Array {
    const places = this.#places(batch);
    const weightGradient = new Float64Array(batch.indices.length);
    for (const [f, feature] of this.#features.entries()) {
      const place = places[f]!;
      const slots = Array.from({ length: place.bags * feature.sequenceLength }, (_, slot) => {
        const first = this.#at(f, place, slot);
        return Float64Array.from(outputGradient.subarray(first, first + feature.dim));
      });
      const expanded = this.#expanded(feature);
      const ids = this.#ids(feature, place, batch);
      for (const { id, position, slot, share } of ids) {
        weightGradient[position] = share * slots[slot]!.reduce((sum, g, j) => sum + g * expanded[id]![j]!, 0);
      }
      const selection = this.#selection(feature, place, batch);
      const gradient = product(transposed(selection, feature.cardinality), slots, feature.dim);
      for (const id of new Set(ids.map(({ id }) => id))) this.#scatter(feature, id, gradient[id]!);
    }
    this.steps += 1;
    for (const table of this.tables.values()) table.step(this.#optimizer, this.steps);
    return weightGradient;
  }

  /** The gradient of one row of E, taken on to the rows of the internal tables that made it. */
  #scatter(feature: ReferenceFeature, id: number, gradient: Float64Array): void {
    const parts = this.#parts(feature, id);
    const projection = this.#projection(feature);
    if (projection !== undefined) {
      const [{ table, row, values }] = parts as [(typeof parts)[0]];
      if (row === PRUNED) return;
      table.touched.add(row);
      for (let k = 0; k < table.width; k++) {
        projection.touched.add(k);
        for (let j = 0; j < feature.dim; j++) {
          table.gradient[row]![k]! += gradient[j]! * projection.values[k]![j]!;
          projection.gradient[k]![j]! += gradient[j]! * values[k]!;
        }
      }
      return;
    }
    for (const [h, { table, row }] of parts.entries()) {
      if (row === PRUNED) continue;
      table.touched.add(row);
      const first = feature.combine === 'concat' ? h * table.width : 0;
      for (let j = 0; j < table.width; j++) {
        let factor = 1;
        if (feature.combine === 'multiply') for (const [k, p] of parts.entries()) if (k !== h) factor *= p.values[j]!;
        table.gradient[row]![j]! += gradient[first + j]! * factor;
      }
    }
  }

  #width(f: number): number {
    return this.#features[f]!.dim * this.#features[f]!.sequenceLength;
  }

  /** The first output column of a slot. */
  #at(f: number, { base, stride }: Place, slot: number): number {
    const { dim, sequenceLength } = this.#features[f]!;
    return base + Math.floor(slot / sequenceLength) * stride + (slot % sequenceLength) * dim;
  }
}

/** The internal tables of a feature: one for each hash function, or narrow rows and a projection. */
export function tableNames(feature: ReferenceFeature): string[] {
  const { source, dim, hashes } = feature;
  const count = source === undefined ? hashes.length : source.width < dim ? 2 : 1;
  return Array.from({ length: count }, (_, t) => tableName(feature, t));
}

/** The internal table of a feature's hash function, or one of its source's. */
export function tableName({ name, hashes, tables, source }: ReferenceFeature, h: number): string {
  if (source !== undefined && h === 1) return `${tables?.[0] ?? name}/projection`;
  return tables?.[h] ?? (hashes.length === 1 ? name : `${name}/${h}`);
}

export const flat = (matrix: Matrix): Float64Array => Float64Array.from(matrix.flatMap((row) => [...row]));

/**
 * max |actual - expected| / max |magnitude|: the relative error of a whole tensor. 0 / 0 counts as 0. The magnitude of a
 * sum whose terms have different signs is that of its terms: what they cancel to says nothing about rounding.
 */
export function relativeError(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  magnitude: ArrayLike<number> = expected,
): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const d = Math.abs(actual[i]! - expected[i]!);
    if (Number.isNaN(d)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, d);
    largest = Math.max(largest, Math.abs(magnitude[i]!));
  }
  return difference === 0 ? 0 : difference / largest;
}
