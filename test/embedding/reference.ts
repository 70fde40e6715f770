/**
 * The embedding engine by its definition, in float64 and with dense matrices: bags select rows of an internal table
 * through a selection matrix S [slots, rows] of one-hot rows times coefficients, so forward is S W, and the gradient of
 * W is the transpose of S times the output's gradient. Slow and plain: it shares no code with the engine.
 */
import { type HashFunction, rowCount, rowOf } from '../../lib/hashing/index.ts';

export interface ReferenceFeature {
  name: string;
  cardinality: number;
  dim: number;
  pooling: 'sum' | 'mean' | 'none';
  sequenceLength: number;
  combine: 'sum' | 'concat';
  hashes: HashFunction[];
}

export interface ReferenceBatch {
  indices: number[];
  offsets: number[];
  weights?: Float32Array;
}

export interface ReferenceOptimizer {
  kind: 'sgd' | 'adagrad' | 'rowwise-adagrad';
  learningRate: number;
  epsilon: number;
}

type Matrix = Float64Array[]; // rows of equal length

const zeros = (rows: number, columns: number): Matrix => Array.from({ length: rows }, () => new Float64Array(columns));

/** a [n, k] times b [k, m]. */
function product(a: Matrix, b: Matrix, columns: number): Matrix {
  return a.map((row) => {
    const out = new Float64Array(columns);
    row.forEach((value, k) => {
      if (value !== 0) for (let j = 0; j < columns; j++) out[j]! += value * b[k]![j]!;
    });
    return out;
  });
}

function transposed(a: Matrix, columns: number): Matrix {
  return Array.from({ length: columns }, (_, j) => Float64Array.from(a, (row) => row[j]!));
}

/** One internal table: the hash function that addresses it, its values and its optimizer's state. */
export class ReferenceTable {
  readonly rows: number;
  values: Matrix;
  /** Sums of squared gradients: per row for rowwise Adagrad, per value for Adagrad. */
  readonly state: Matrix;
  readonly width: number;
  readonly #feature: ReferenceFeature;
  readonly #hash: HashFunction;
  /** The table's first column within its feature's dim columns. */
  readonly column: number;

  constructor(feature: ReferenceFeature, position: number, optimizer: ReferenceOptimizer) {
    this.#feature = feature;
    this.#hash = feature.hashes[position]!;
    this.rows = rowCount(this.#hash, feature.cardinality);
    this.width = feature.combine === 'concat' ? feature.dim / feature.hashes.length : feature.dim;
    this.column = feature.combine === 'concat' ? position * this.width : 0;
    this.values = zeros(this.rows, this.width);
    this.state = zeros(this.rows, { sgd: 0, adagrad: this.width, 'rowwise-adagrad': 1 }[optimizer.kind]);
  }

  setValues(flat: Float32Array): void {
    this.values = Array.from({ length: this.rows }, (_, r) =>
      Float64Array.from(flat.subarray(r * this.width, (r + 1) * this.width)),
    );
  }

  /** S: one row per bag, or per position of each bag for pooling `none`. */
  selection(batch: ReferenceBatch, feature: number, size: number): Matrix {
    const { pooling, sequenceLength, cardinality } = this.#feature;
    const selection = zeros(size * sequenceLength, this.rows);
    for (let bag = 0; bag < size; bag++) {
      const begin = batch.offsets[feature * size + bag]!;
      const end = batch.offsets[feature * size + bag + 1]!;
      for (let i = begin; i < end; i++) {
        const slot = bag * sequenceLength + (pooling === 'none' ? i - begin : 0);
        const weight = batch.weights === undefined ? 1 : batch.weights[i]!;
        const coefficient = pooling === 'mean' ? weight / (end - begin) : weight;
        selection[slot]![rowOf(this.#hash, batch.indices[i]!, cardinality)]! += coefficient;
      }
    }
    return selection;
  }

  /** One step per row from its whole gradient. Rows that no id selects have gradient 0, which moves nothing. */
  step(gradient: Matrix, { kind, learningRate, epsilon }: ReferenceOptimizer): void {
    gradient.forEach((g, r) => {
      const w = this.values[r]!;
      const state = this.state[r]!;
      if (kind === 'rowwise-adagrad') state[0]! += g.reduce((sum, x) => sum + x * x, 0) / this.width;
      for (let j = 0; j < this.width; j++) {
        if (kind === 'adagrad') state[j]! += g[j]! * g[j]!;
        const scale = kind === 'sgd' ? 1 : 1 / (Math.sqrt(state[kind === 'adagrad' ? j : 0]!) + epsilon);
        w[j]! -= learningRate * scale * g[j]!;
      }
    });
  }
}

export class ReferenceEmbedding {
  /** [feature][hash function] */
  readonly tables: ReferenceTable[][];
  readonly outputWidth: number;
  readonly #features: ReferenceFeature[];
  readonly #optimizer: ReferenceOptimizer;

  constructor(features: ReferenceFeature[], optimizer: ReferenceOptimizer) {
    this.#features = features;
    this.#optimizer = optimizer;
    this.tables = features.map((feature) => feature.hashes.map((_, h) => new ReferenceTable(feature, h, optimizer)));
    this.outputWidth = features.reduce((sum, f) => sum + f.dim * f.sequenceLength, 0);
  }

  #size(batch: ReferenceBatch): number {
    return (batch.offsets.length - 1) / this.#features.length;
  }

  /** For every table its output [slots, width] sits at `column` of every position of its feature. */
  #eachTable(body: (table: ReferenceTable, feature: number, at: (slot: number) => number) => void): void {
    let first = 0;
    this.#features.forEach(({ dim, sequenceLength }, f) => {
      for (const table of this.tables[f]!) {
        const start = first + table.column;
        body(table, f, (slot) => {
          const bag = Math.floor(slot / sequenceLength);
          return bag * this.outputWidth + start + (slot % sequenceLength) * dim;
        });
      }
      first += dim * sequenceLength;
    });
  }

  forward(batch: ReferenceBatch): Float64Array {
    const size = this.#size(batch);
    const out = new Float64Array(size * this.outputWidth);
    this.#eachTable((table, f, at) => {
      const pooled = product(table.selection(batch, f, size), table.values, table.width);
      pooled.forEach((row, slot) => {
        row.forEach((value, j) => {
          out[at(slot) + j]! += value;
        });
      });
    });
    return out;
  }

  backward(batch: ReferenceBatch, outputGradient: Float32Array): void {
    const size = this.#size(batch);
    this.#eachTable((table, f, at) => {
      const selection = table.selection(batch, f, size);
      const gradient = selection.map((_, slot) =>
        Float64Array.from({ length: table.width }, (_, j) => outputGradient[at(slot) + j]!),
      );
      table.step(product(transposed(selection, table.rows), gradient, table.width), this.#optimizer);
    });
  }
}

export const flat = (matrix: Matrix): Float64Array => Float64Array.from(matrix.flatMap((row) => [...row]));

/** max |actual - expected| / max |expected|: the relative error of a whole tensor. 0 / 0 counts as 0. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const d = Math.abs(actual[i]! - expected[i]!);
    if (Number.isNaN(d)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, d);
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference === 0 ? 0 : difference / largest;
}
