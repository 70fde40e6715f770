/**
 * Dense inputs on one scale: (x - mean) / scale, by the mean and the standard deviation of the training rows. LAMB and the
 * initial weights suit inputs of about 1; a column of prices or of timestamps as it is would drown all others, or end in
 * numbers without end. Computed in float64, so that no finite float32 overflows on the way.
 */

import { CollideError, checkOptions, describe } from '../errors.ts';
import { optionNames } from '../option_names.ts';

const KEYS = optionNames<Standardization>({ mean: true, scale: true });

/** A number per dense column. Part of a model: predictions take raw values, too. */
export interface Standardization {
  mean: readonly number[];
  /** Above 0. */
  scale: readonly number[];
}

/**
 * The mean and the standard deviation of each column, in float64; a constant column has scale 1.
 *
 * @param dense - [rows, columns], row-major, finite
 * @example
 * ```ts
 * standardizationOf(Float32Array.of(1, 5, 3, 5), 2); // { mean: [2, 5], scale: [1, 1] }
 * ```
 */
export function standardizationOf(dense: Float32Array, columns: number): Standardization {
  const mean: number[] = [];
  const scale: number[] = [];
  for (let column = 0; column < columns; column++) {
    const rows = dense.length / columns;
    let sum = 0;
    let same = true;
    for (let i = column; i < dense.length; i += columns) {
      sum += dense[i]!;
      same &&= dense[i] === dense[column];
    }
    // The sum of equal values is rounded, and what is left of them would be scaled up.
    const middle = rows === 0 ? 0 : same ? dense[column]! : sum / rows;
    let squares = 0;
    for (let i = column; i < dense.length; i += columns) squares += (dense[i]! - middle) ** 2;
    mean.push(middle);
    scale.push(rows === 0 || same ? 1 : Math.sqrt(squares / rows));
  }
  return { mean, scale };
}

/** Writes the standardised values of `dense`, [rows, columns], to `to`, of at least that length. */
export function standardize(dense: Float32Array, { mean, scale }: Standardization, to: Float32Array): void {
  const columns = mean.length;
  for (let column = 0; column < columns; column++) {
    const middle = mean[column]!;
    const factor = 1 / scale[column]!;
    for (let i = column; i < dense.length; i += columns) to[i] = (dense[i]! - middle) * factor;
  }
}

/** What the net of a model gets for the dense values of batches. */
export class DenseInputs {
  readonly #standardization: Standardization | undefined;
  #buffer = new Float32Array(0);

  constructor(standardization: Standardization | undefined) {
    this.#standardization = standardization;
  }

  /** A view that the next call overwrites; without standardization `dense` itself. */
  of(dense: Float32Array): Float32Array {
    if (this.#standardization === undefined || !(dense instanceof Float32Array)) return dense; // refused later
    if (this.#buffer.length < dense.length) this.#buffer = new Float32Array(dense.length);
    const inputs = this.#buffer.subarray(0, dense.length);
    standardize(dense, this.#standardization, inputs);
    return inputs;
  }
}

/** @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION */
export function checkStandardization(value: Standardization, columns: number): Standardization {
  checkOptions(value, KEYS, 'standardization');
  for (const [name, numbers] of [
    ['mean', value.mean],
    ['scale', value.scale],
  ] as const) {
    if (!Array.isArray(numbers) || numbers.length !== columns) {
      throw invalid(`an array of ${columns} numbers, one per dense input, for ${name}`, describe(numbers));
    }
    for (const [column, number] of numbers.entries()) {
      if (Number.isFinite(number) && (name === 'mean' || number > 0)) continue;
      throw invalid(`a finite number${name === 'scale' ? ' above 0' : ''} for ${name}[${column}]`, describe(number));
    }
  }
  return value;
}

function invalid(expected: string, received: string): CollideError {
  return new CollideError('INVALID_ARGUMENT', `Expected ${expected} of standardization, received ${received}`);
}
