/** The fused multi-table embedding: one native call for all tables forward, one backward. */
import { makeOn, type PlacedOn } from '../device.ts';
import { CollideError, checkInteger, checkNumber, checkOneOf } from '../errors.ts';
import {
  type SafetensorsFile,
  type TensorInput,
  type TensorPieces,
  withSafetensors,
  writeSafetensors,
} from '../files/index.ts';
import {
  type NativeEmbedding,
  type NativeEmbeddingConfig,
  type NativeLayout,
  type NativeTable,
  native,
} from '../native.ts';
import {
  asBatchSizes,
  type BagBatch,
  type BatchSizes,
  checkBatch,
  checkFloats,
  firstBadIndex,
  outputLength,
} from './batch.ts';
import {
  checkpointPieces,
  type Kept,
  loadCheckpoint,
  readCheckpoint,
  roomFor,
  type Tensors,
  writeCheckpoint,
} from './checkpoint.ts';
import { PRECISIONS, type Precision } from './feature_options.ts';
import { mappingDigests } from './mapping_digest.ts';
import { completeOptions, type EmbeddingTablesOptions } from './options.ts';
import { giveBack, takeOutput } from './outputs.ts';

/** Bytes that tables hold, or a model with them; an internal table that features share counts once. */
export interface MemoryReport {
  /** Rows of all internal tables. */
  rows: number;
  /** What the hash functions need when serving. */
  mapping: number;
  /** What the training hashes need, where there are any and until they are dropped. */
  trainingMapping?: number;
  /** Optimizer state of the tables, while training only. */
  optimizer: number;
  /** Access counts, while training only. */
  counts: number;
  /** rows + mapping: what has to be served of the tables. */
  total: number;
  /** Parameters of the dense net, where there is one. Its optimizer's state is told by `DenseNet.memory`. */
  parameters?: number;
}

const FORMAT = 'learn-to-collide embedding tables 1';

/** What `withPrecision` hands to the constructor instead of options. */
class Rounded {
  constructor(
    readonly source: NativeEmbedding,
    readonly precision: Precision,
    readonly warns: boolean,
    readonly mappings: readonly Uint8Array[],
  ) {}
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
 * const pooled = tables.newOutput(2); // made once, used for every batch
 * tables.forward({ indices: [17, 42, 17], offsets: [0, 2, 3] }, pooled); // two bags, [2, 16]
 * tables.backward(new Float32Array(pooled.length).fill(0.1));
 * ```
 */
export class EmbeddingTables {
  readonly features: readonly { name: string; cardinality: number; dim: number; hashes: number }[];
  /** The internal tables, shared ones once. */
  readonly internalTables: readonly { name: string; rows: number; width: number; precision: Precision }[];
  /** Where these tables live, learn and are looked up. */
  readonly device: PlacedOn;
  /** Columns of the output: the sum over features of dim (times sequenceLength for pooling `none`). */
  readonly outputWidth: number;
  readonly #native: NativeEmbedding;
  readonly #layout: NativeLayout;
  readonly #optimizer: string;
  readonly #counts: boolean;
  /** Why backward is refused, if it is. */
  readonly #serving: string | undefined;
  readonly #mappings: readonly Uint8Array[];
  #warns: boolean;
  #folds: number;

  /** @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, OUT_OF_MEMORY, CUDA_UNAVAILABLE, NOT_SUPPORTED */
  constructor(options: EmbeddingTablesOptions);
  /** @internal */
  constructor(rounded: Rounded);
  constructor(options: EmbeddingTablesOptions | Rounded) {
    const { EmbeddingTables: Native } = native();
    let completed: NativeEmbeddingConfig | undefined;
    if (options instanceof Rounded) {
      const { source, precision, warns } = options;
      this.#native = new Native(source, precision);
      this.device = 'cpu';
      this.#optimizer = 'sgd';
      this.#counts = false;
      this.#serving = 'these were made by withPrecision, for serving';
      this.#warns = warns;
    } else {
      const config = completeOptions(options);
      completed = config;
      [this.#native, this.device] = makeOn(
        options.device ?? 'cpu',
        config.device,
        (device) => new Native({ ...config, device }),
      );
      this.#optimizer = config.optimizer.kind;
      this.#counts = config.countAccesses;
      const rounded = config.features.find(({ precision }) => precision === 'int8' || precision === 'int4');
      if (rounded) this.#serving = `feature "${rounded.name}" has precision "${rounded.precision}", which serves only`;
      this.#warns = options.badIndex === 'warn';
    }
    this.#layout = this.#native.layout();
    this.#folds = this.#layout.folds;
    this.#mappings = options instanceof Rounded ? options.mappings : mappingDigests(this.#layout, completed!.features);
    this.features = this.#layout.features.map(({ name, cardinality, dim, hashes }) => ({
      name,
      cardinality,
      dim,
      hashes,
    }));
    const described = ({ name, rows, width, precision }: NativeTable) => ({ name, rows, width, precision });
    this.internalTables = this.#layout.tables.map(described);
    this.outputWidth = outputLength(this.#layout, 1);
  }

  /** Folds of the examples that train by different hash functions (`trainingHashes`); otherwise 1. */
  get folds(): number {
    return this.#folds;
  }

  /**
   * Looks up and pools a batch, by the training hashes of its fold where a feature has them, keeps what `backward` needs
   * and counts the accesses. A batch that is refused writes and
   * counts nothing; call `forward` again before `backward` then.
   *
   * @param out - [batch * outputWidth] to write into. Default: an array of memory that earlier outputs used which have
   * been collected or given back. One from `newOutput`, used for every batch, stays in the processor's caches
   * @returns [batch, outputWidth], row-major; with `batchSizes` one [bags, columns of the feature] block after the other
   * @throws CollideError INVALID_INDEX, INVALID_OFFSETS, INVALID_ARGUMENT, UNKNOWN_OPTION, OUT_OF_MEMORY, CLOSED
   */
  forward(batch: BagBatch, out?: Float32Array): Float32Array {
    return this.#run(batch, out, true);
  }

  /** As `forward`, for inference: looks up by `hashes`, counts nothing, and `backward` cannot follow. */
  lookup(batch: BagBatch, out?: Float32Array): Float32Array {
    return this.#run(batch, out, false);
  }

  #run(batch: BagBatch, out: Float32Array | undefined, train: boolean): Float32Array {
    const checked = checkBatch(batch, this.features.length, this.#folds);
    const { indices, offsets, batchSizes, weights, fold, bags } = checked;
    const result = out === undefined ? takeOutput(outputLength(this.#layout, bags)) : checkFloats(out, 'out');
    const replaced = this.#native.forward(indices, offsets, batchSizes, weights, result, train, fold);
    if (replaced > 0 && this.#warns) {
      this.#warns = false;
      process.emitWarning(
        `${replaced} of ${indices.length} indices were looked up as id 0: ${firstBadIndex(this.#layout, checked)}. ` +
          'Later ones are only counted, by badIndices()',
        { type: 'CollideWarning', code: 'INVALID_INDEX' },
      );
    }
    return result;
  }

  /**
   * A new array for the output of batches, its first element on a 64-byte boundary. Make it once and pass it to every
   * `forward` or `lookup` of such a batch.
   *
   * @param bags - of every feature, or one number per feature (`batchSizes`)
   */
  newOutput(bags: BatchSizes): Float32Array<ArrayBuffer> {
    const sizes = typeof bags === 'number' ? checkInteger(bags, 0, 0xffff_ffff, 'bags') : undefined;
    const length = outputLength(this.#layout, sizes ?? asBatchSizes(bags as Uint32Array, this.features.length));
    return takeOutput(length).fill(0);
  }

  /**
   * Hands an output of `forward`, `lookup` or `newOutput` back, so that the next one uses its memory at once rather than
   * when the array was collected. The array is empty afterwards.
   *
   * @throws CollideError INVALID_ARGUMENT for what is no Float32Array
   */
  giveBack(output: Float32Array): void {
    giveBack(output);
  }

  /**
   * Expands the gradient of the last `forward` to the internal tables and steps the optimizer, once per distinct row.
   *
   * @param outputGradient - d loss / d output, of the output's length; each a number of at most 1e12 in size (a larger one
   * would make the optimizer's sums of squares infinite, and its rows would never move again), with `clipRowNorm` 1e30
   * @param weightGradient - [indices] to write d loss / d weights into, of the rows before the step: the dot product of
   * the bag's gradient and the id's row (divided by the number of ids for `mean`). Also without weights, as if all were 1
   * @throws CollideError NO_FORWARD, INVALID_ARGUMENT (also for a gradient that is NaN, infinite or too large: it names the
   *   position), CLOSED, NOT_SUPPORTED for tables that only serve; nothing has changed then
   */
  backward(outputGradient: Float32Array, weightGradient?: Float32Array): void {
    if (this.#serving !== undefined) {
      throw new CollideError('NOT_SUPPORTED', `Expected tables that can be trained for backward: ${this.#serving}`);
    }
    const ofWeights = weightGradient === undefined ? undefined : checkFloats(weightGradient, 'the weight gradient');
    this.#native.backward(checkFloats(outputGradient, 'the output gradient'), ofWeights);
  }

  /** Sets the learning rate of the steps to come: a schedule is a call per batch. */
  setLearningRate(rate: number): void {
    this.#native.setLearningRate(checkNumber(rate, 0, 1e6, 'learning rate'));
  }

  /** Optimizer steps so far, which correct the bias of the Adam kinds. */
  get steps(): number {
    return this.#native.steps();
  }

  set steps(steps: number) {
    this.#native.setSteps(checkInteger(steps, 0, Number.MAX_SAFE_INTEGER, 'steps'));
  }

  /** A copy of an internal table, [rows, table width] row-major. @throws CollideError INVALID_ARGUMENT for an unknown feature or table */
  weights(feature: string, table = 0): Float32Array {
    const t = this.#table(feature, table);
    const { rows, width } = this.#layout.tables[t]!;
    const values = roomFor('F32', rows * width, `the weights of feature "${feature}"`);
    this.#native.readWeights(t, 0, values);
    return values;
  }

  /** Replaces an internal table's values, [rows, table width], rounded to its precision. */
  setWeights(feature: string, values: Float32Array, table = 0): void {
    const t = this.#table(feature, table);
    const { rows, width } = this.#layout.tables[t]!;
    this.#native.writeWeights(t, 0, checkFloats(values, `weights of feature "${feature}"`, rows * width));
  }

  /**
   * A copy of the optimizer's state, row-major: of every row the values that the kind of optimizer describes, none for SGD.
   */
  optimizerState(feature: string, table = 0): Float32Array {
    const t = this.#table(feature, table);
    const { rows, statePerRow } = this.#layout.tables[t]!;
    const state = roomFor('F32', rows * statePerRow, `the state of feature "${feature}"`);
    this.#native.readState(t, 0, state);
    return state;
  }

  /** Replaces the optimizer state of a table, as {@link optimizerState} gives it. */
  setOptimizerState(feature: string, values: Float32Array, table = 0): void {
    const t = this.#table(feature, table);
    const { rows, statePerRow } = this.#layout.tables[t]!;
    this.#native.writeState(t, 0, checkFloats(values, `state of feature "${feature}"`, rows * statePerRow));
  }

  /** Accesses per id by `forward` since creation, [cardinality], saturating at 2^32 - 1. @throws CollideError NOT_SUPPORTED without countAccesses */
  counts(feature: string): Uint32Array {
    const position = this.#feature(feature);
    if (!this.#counts) {
      throw new CollideError(
        'NOT_SUPPORTED',
        'Expected tables made with countAccesses: true for counts(), received false',
      );
    }
    const { cardinality } = this.#layout.features[position]!;
    const counts = roomFor('U32', cardinality, `the counts of feature "${feature}"`);
    this.#native.readCounts(position, 0, counts);
    return counts;
  }

  /** Ids that were out of range and replaced since creation, by any policy but `error`. */
  badIndices(): number {
    return this.#native.badIndices();
  }

  /**
   * Frees the training hashes of all features, when training is over. What was learned stays as it is; a later `forward`
   * looks up by `hashes`, as `lookup` does. A `backward` cannot follow before the next `forward`.
   */
  dropTrainingHashes(): void {
    this.#native.dropTrainingHashes();
    this.#folds = 1;
  }

  /** Bytes by what they are for. */
  memory(): MemoryReport {
    const { rows, mapping, trainingMapping, optimizer, counts } = this.#native.memory();
    const report = { rows, mapping, optimizer, counts, total: rows + mapping };
    return trainingMapping === 0 ? report : { ...report, trainingMapping };
  }

  /**
   * The same features and hash functions with the rows rounded to another precision, for serving: `lookup` on the CPU.
   * It has its own memory; these tables stay as they are. What rounding costs is said with `Precision`.
   *
   * @throws CollideError OUT_OF_MEMORY; INVALID_ARGUMENT also when a row has values that the precision cannot hold
   * @example
   * ```ts
   * using small = tables.withPrecision('int8'); // trained in float32, served with a quarter of the bytes
   * tables.memory().rows / small.memory().rows; // 64 columns: 256 bytes a row to 68, 3.8
   * ```
   */
  withPrecision(precision: Precision): EmbeddingTables {
    const checked = checkOneOf(precision, PRECISIONS, 'precision');
    return new EmbeddingTables(new Rounded(this.#native, checked, this.#warns, this.#mappings));
  }

  /**
   * Everything that training has changed, as named tensors: rows, optimizer state, counts, steps (see checkpoint.ts for
   * the names). Options are not part of it, and neither is a learning rate that was set since.
   *
   * @param contents - `rows` leaves out what serving does not need. Default `training`; tables that only serve have
   * nothing but rows
   * @throws CollideError OUT_OF_MEMORY, also for a table whose rows are more than an array can hold: `save` has no limit
   */
  checkpoint(contents: 'training' | 'rows' = 'training'): Record<string, TensorInput> {
    return readCheckpoint(this.#kept(), checkOneOf(contents, ['training', 'rows'], 'contents of a checkpoint'));
  }

  /**
   * Takes a checkpoint's values: training goes on bit for bit. float32 rows are rounded to the precision of the tables;
   * what these tables do not keep (state of another use, counts, tensors of other names) is left alone, and of a
   * checkpoint of `rows` the rest of these tables stays as it is.
   *
   * @throws CollideError INVALID_ARGUMENT for a tensor that is missing or of another shape, before anything is changed
   */
  restore(tensors: Tensors): void {
    writeCheckpoint(this.#kept(), tensors);
  }

  /** As `checkpoint`, for `writeSafetensors` to write piece by piece: a few megabytes are in memory at a time. */
  checkpointPieces(contents: 'training' | 'rows' = 'training'): Record<string, TensorPieces> {
    return checkpointPieces(this.#kept(), checkOneOf(contents, ['training', 'rows'], 'contents of a checkpoint'));
  }

  /**
   * As `restore`, from an open file of the tensors (and maybe others), piece by piece.
   *
   * @throws CollideError INVALID_ARGUMENT for a tensor that is missing or of another shape, before anything is changed;
   * FILE_IO for a disk that fails while it is read, which leaves the tables half restored
   */
  async restoreFrom(file: SafetensorsFile): Promise<void> {
    await loadCheckpoint(this.#kept(), file);
  }

  /**
   * Writes a checkpoint as a safetensors file, whole or not at all, with a few megabytes of memory. Until the promise
   * settles the tables may be looked up, not trained.
   *
   * @throws CollideError FILE_IO; INVALID_ARGUMENT when the tables were changed meanwhile
   */
  async save(path: string, contents: 'training' | 'rows' = 'training'): Promise<void> {
    await writeSafetensors(path, this.checkpointPieces(contents), { format: FORMAT });
  }

  /**
   * Reads a file that `save` wrote and restores it, with a few megabytes of memory. Do not use the tables until the
   * promise settles.
   *
   * @throws CollideError FILE_IO; FILE_FORMAT, also for a file of other tables, before anything is changed
   */
  async load(path: string): Promise<void> {
    await withSafetensors(path, async (file) => {
      const refuse = (why: string, cause?: unknown) =>
        new CollideError('FILE_FORMAT', `Expected a checkpoint of these embedding tables in ${path}: ${why}`, {
          cause,
        });
      if (file.metadata.format !== FORMAT) throw refuse(`the metadata format is "${file.metadata.format ?? ''}"`);
      try {
        await this.restoreFrom(file);
      } catch (cause) {
        throw cause instanceof CollideError && cause.code === 'INVALID_ARGUMENT' ? refuse(cause.message, cause) : cause;
      }
    });
  }

  /** Frees the native memory. May be called twice; any other use afterwards throws CLOSED. */
  close(): void {
    this.#native.close();
  }

  /** As `close`: `using` calls it. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal The native tables, for a model whose steps are native as a whole. */
  get native(): NativeEmbedding {
    return this.#native;
  }

  #kept(): Kept {
    return {
      native: this.#native,
      layout: this.#layout,
      optimizer: this.#optimizer,
      counts: this.#counts,
      mappings: this.#mappings,
      serving: this.#serving !== undefined,
    };
  }

  #feature(name: string): number {
    const feature = this.features.findIndex((f) => f.name === name);
    if (feature < 0) {
      checkOneOf(
        name,
        this.features.map((f) => f.name),
        'the name of a feature',
      );
    }
    return feature;
  }

  /** The internal table of a feature's hash function, or one of its source's. */
  #table(name: string, table: number): number {
    const { tables } = this.#layout.features[this.#feature(name)]!;
    return tables[checkInteger(table, 0, tables.length - 1, `the table of feature "${name}"`)]!;
  }
}
