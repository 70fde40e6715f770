/** The fused multi-table embedding: one native call for all tables forward, one backward. */
import { CollideError, checkInteger, checkNumber, checkOneOf, checkOptions, describe } from '../errors.ts';
import { type NativeEmbedding, type NativeEmbeddingConfig, native } from '../native.ts';
import { completeOptions, type EmbeddingTablesOptions } from './options.ts';

/** Bags of ids for every feature, feature-major: bag b of feature f is `indices[offsets[f * batch + b] ... offsets[f * batch + b + 1]]`. */
export interface BagBatch {
  /** Ids, 0 to the feature's cardinality - 1. A plain array is checked for whole numbers and copied. */
  indices: Uint32Array | Int32Array | BigInt64Array | readonly number[];
  /** [features * batch + 1], from 0 to indices.length, never decreasing. */
  offsets: Uint32Array | Int32Array | readonly number[];
  /** [indices.length]: each looked-up row is multiplied by its weight before pooling. */
  weights?: Float32Array;
}

/** Bytes held by the native tables. `total` is what serving needs: rows and mapping. */
export interface MemoryReport {
  rows: number;
  mapping: number;
  optimizer: number;
  counts: number;
  total: number;
}

/**
 * Embedding tables with any mix of cardinalities, widths, pooling and hash functions, trained exactly: a row that a
 * batch hits many times, by one id or by colliding ids, gets one summed gradient and one optimizer step ("Learning to
 * Collide", section 5). The bits do not depend on the number of threads.
 *
 * Arrays that are passed in are read during the call only. Memory is native: call `close()` or declare with `using`.
 * Forgotten tables are freed too, when the garbage collector finds them and the event loop has had a turn.
 *
 * @example
 * ```ts
 * using tables = new EmbeddingTables({
 *   features: [{ name: 'movie', cardinality: 9066, dim: 16, hashes: [{ kind: 'modulo', rows: 907 }] }],
 * });
 * const pooled = tables.forward({ indices: [17, 42, 17], offsets: [0, 2, 3] }); // two bags, [2, 16]
 * tables.backward(new Float32Array(pooled.length).fill(0.1));
 * ```
 */
export class EmbeddingTables {
  readonly features: readonly { name: string; cardinality: number; dim: number; hashes: number }[];
  /** Columns of the output: the sum over features of dim (times sequenceLength for pooling `none`). */
  readonly outputWidth: number;
  readonly #native: NativeEmbedding;
  readonly #config: NativeEmbeddingConfig;

  /** @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, OUT_OF_MEMORY, CUDA_UNAVAILABLE */
  constructor(options: EmbeddingTablesOptions) {
    this.#config = completeOptions(options);
    this.features = this.#config.features.map(({ name, cardinality, dim, hashes }) => ({
      name,
      cardinality,
      dim,
      hashes: hashes.length,
    }));
    this.outputWidth = this.#config.features.reduce((sum, f) => sum + f.dim * f.sequenceLength, 0);
    const { EmbeddingTables: Native } = native();
    this.#native = new Native(this.#config);
  }

  /**
   * Looks up and pools a batch, keeps what `backward` needs and counts the accesses. A batch that is refused writes and
   * counts nothing; call `forward` again before `backward` then.
   *
   * @param out - [batch * outputWidth] to write into; default a new array
   * @returns [batch, outputWidth], row-major
   * @throws CollideError INVALID_INDEX, INVALID_OFFSETS, INVALID_ARGUMENT, UNKNOWN_OPTION, OUT_OF_MEMORY, CLOSED
   */
  forward(batch: BagBatch, out?: Float32Array): Float32Array {
    return this.#run(batch, out, true);
  }

  /** As `forward`, for inference: counts nothing, `backward` cannot follow, and it runs on the `device` of the options. */
  lookup(batch: BagBatch, out?: Float32Array): Float32Array {
    return this.#run(batch, out, false);
  }

  #run(batch: BagBatch, out: Float32Array | undefined, train: boolean): Float32Array {
    checkOptions(batch, ['indices', 'offsets', 'weights'], 'a batch');
    const indices = asIndices(batch.indices);
    const offsets = asOffsets(batch.offsets);
    const weights = batch.weights === undefined ? undefined : checkFloats(batch.weights, 'weights');
    const size = Math.max(0, Math.floor((offsets.length - 1) / this.features.length));
    const result = out === undefined ? newOutput(size, this.outputWidth) : checkFloats(out, 'out');
    this.#native.forward(indices, offsets, weights, result, train);
    return result;
  }

  /**
   * Expands the gradient of the last `forward` to the internal tables and steps the optimizer, once per distinct row.
   *
   * @param outputGradient - d loss / d output, [batch, outputWidth]
   * @throws CollideError NO_FORWARD, INVALID_ARGUMENT, CLOSED
   */
  backward(outputGradient: Float32Array): void {
    this.#native.backward(checkFloats(outputGradient, 'the output gradient'));
  }

  /** Sets the learning rate of the steps to come: a schedule is a call per batch. */
  setLearningRate(rate: number): void {
    this.#native.setLearningRate(checkNumber(rate, 0, 1e6, 'learning rate'));
  }

  /** A copy of an internal table, [rows, table width] row-major. @throws CollideError INVALID_ARGUMENT for an unknown feature or table */
  weights(feature: string, table = 0): Float32Array {
    return this.#native.readWeights(...this.#at(feature, table));
  }

  /** Replaces an internal table's values, [rows, table width]. */
  setWeights(feature: string, values: Float32Array, table = 0): void {
    this.#native.writeWeights(...this.#at(feature, table), checkFloats(values, `weights of feature "${feature}"`));
  }

  /** A copy of the optimizer's state: rowwise Adagrad [rows], Adagrad [rows, table width], SGD none. */
  optimizerState(feature: string, table = 0): Float32Array {
    return this.#native.readState(...this.#at(feature, table));
  }

  setOptimizerState(feature: string, values: Float32Array, table = 0): void {
    this.#native.writeState(...this.#at(feature, table), checkFloats(values, `state of feature "${feature}"`));
  }

  /** Accesses per id by `forward` since creation, [cardinality], saturating at 2^32 - 1. */
  counts(feature: string): Uint32Array {
    return this.#native.readCounts(this.#at(feature, 0)[0]);
  }

  /** Ids that were out of range and clamped or hashed since creation. */
  badIndices(): number {
    return this.#native.badIndices();
  }

  memory(): MemoryReport {
    const { rows, mapping, optimizer, counts } = this.#native.memory();
    return { rows, mapping, optimizer, counts, total: rows + mapping };
  }

  /** Frees the native memory. May be called twice; any other use afterwards throws CLOSED. */
  close(): void {
    this.#native.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #at(name: string, table: number): [number, number] {
    const feature = this.features.findIndex((f) => f.name === name);
    if (feature < 0) {
      checkOneOf(
        name,
        this.features.map((f) => f.name),
        'the name of a feature',
      );
    }
    return [feature, checkInteger(table, 0, this.features[feature]!.hashes - 1, `the table of feature "${name}"`)];
  }
}

function checkFloats(values: unknown, where: string): Float32Array {
  if (values instanceof Float32Array) return values;
  throw new CollideError('INVALID_ARGUMENT', `Expected a Float32Array for ${where}, received ${describe(values)}`);
}

function newOutput(batch: number, width: number): Float32Array {
  try {
    return new Float32Array(batch * width);
  } catch (cause) {
    throw new CollideError(
      'OUT_OF_MEMORY',
      `Could not allocate ${batch * width * 4} bytes for the output of ${batch} bags x ${width} columns`,
      { cause },
    );
  }
}

function asIndices(indices: BagBatch['indices']): Uint32Array | Int32Array | BigInt64Array {
  if (indices instanceof Uint32Array || indices instanceof Int32Array || indices instanceof BigInt64Array)
    return indices;
  if (!Array.isArray(indices)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Uint32Array, Int32Array, BigInt64Array or an array of whole numbers for indices, received ${describe(indices)}`,
    );
  }
  const copy = new BigInt64Array(indices.length);
  for (const [position, id] of indices.entries()) {
    if (!Number.isSafeInteger(id)) {
      throw new CollideError(
        'INVALID_INDEX',
        `Expected a whole number for indices[${position}], received ${describe(id)}`,
      );
    }
    copy[position] = BigInt(id);
  }
  return copy;
}

function asOffsets(offsets: BagBatch['offsets']): Uint32Array {
  if (offsets instanceof Uint32Array) return offsets;
  if (!Array.isArray(offsets) && !(offsets instanceof Int32Array)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Uint32Array, Int32Array or an array of whole numbers for offsets, received ${describe(offsets)}`,
    );
  }
  const copy = new Uint32Array(offsets.length);
  for (const [position, offset] of (offsets as readonly number[]).entries()) {
    if (!Number.isInteger(offset) || offset < 0 || offset > 0xffff_ffff) {
      throw new CollideError(
        'INVALID_OFFSETS',
        `Expected a whole number from 0 to 2^32 - 1 for offsets[${position}], received ${describe(offset)}`,
      );
    }
    copy[position] = offset;
  }
  return copy;
}
