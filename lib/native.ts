/**
 * The only file that loads the native addon: a typed 1:1 binding. Everything here takes arguments that its caller has
 * checked; the classes and functions above it (embedding/, clustering/, model/) are the public face.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CollideError } from './errors.ts';

/** What the loaded addon is: `collide doctor` prints it. */
export interface BuildInfo {
  napiVersion: number;
  compiler: string;
  /** What computes the dense net's matrix products: `portable (AVX-512)`, `portable (AVX2)` or `portable`. */
  blas: string;
  /** Threads available to this process. */
  threads: number;
  /** Whether the addon was built with its CUDA kernels. */
  cudaBuild: boolean;
}

/** Whether CUDA can be used on this machine, and why not. */
export interface CudaProbe {
  available: boolean;
  /** When available the device's name and memory, otherwise what is missing, and the remedy. */
  reason: string;
  /** The newest CUDA version that the driver supports, as `12.4`; null without a driver. */
  driver: string | null;
  /** The CUDA version that the addon was built with; null for a build without kernels. */
  runtime: string | null;
  /** What the build holds kernels for, as `sm_80 sm_90 compute_90`: machine code, and PTX for the driver to compile. */
  architectures: string;
  /** The driver that the build needs, as `CUDA 13.0 or later`. */
  needs: string;
  /** What came of the kernel that the first probe of a process launches: `right`, `not made`, `wrong`, or an error. */
  launch: string;
}

/** A job on its own native thread. `abort()` may be called at any time; the promise then rejects with ABORTED. */
export interface NativeJob<T> {
  promise: Promise<T>;
  abort(): void;
}

/** Principal components of native/cpu/clustering/principal.h, and the rows seen along them. */
export interface NativePrincipal {
  /** [dim] */
  mean: Float64Array;
  /** [components * dim] */
  axes: Float64Array;
  /** [components] */
  variances: Float64Array;
  /** [ids], unless it was not asked for, like the rotation [ids * components]. */
  projection: Float64Array;
  rotation: Float32Array;
}

/**
 * One hash function as native code takes it, with the parts of its kind, which native/core/hashing/kinds reads: numbers,
 * 64-bit ones as bigint, words, and arrays. lib/hashing/kinds makes it.
 */
export interface NativeHash {
  /** The name of a kind in native/core/hashing/kinds. */
  kind: string;
  /** Rows of the internal table. */
  rows: number;
  [part: string]: number | bigint | string | Uint8Array | Uint32Array;
}

export interface NativeFeature {
  name: string;
  cardinality: number;
  dim: number;
  pooling: 'sum' | 'mean' | 'none';
  /** pooling 'none': positions per bag. Otherwise 1. */
  sequenceLength: number;
  combine: 'sum' | 'concat' | 'multiply';
  precision: NativePrecision;
  /** Names of the internal tables, one per hash function. Empty: named after the feature. */
  tables: string[];
  hashes: NativeHash[];
  /** [0, 1 or folds][hashes]: over the same tables, to train. Empty: `hashes` train. */
  trainingHashes: NativeHash[][];
  /** Half-width of the uniform initial values. */
  initScale: number;
  /** What makes the rows, beside one hash function. Undefined: each hash function has an internal table. */
  source: NativeSource | undefined;
}

/** Copies rows of a table, [rows.length, table width]. */
export type TableReader = (rows: Uint32Array) => Float32Array;

/** A source of rows: native/core/embedding/row_source.h. Of native code by its kind, or with two functions in JavaScript. */
export interface NativeSource {
  kind: string;
  rows: number;
  dim: number;
  tables: { part: string; rows: number; width: number; exact: boolean; initCenter: number; initScale: number }[];
  numbers: Record<string, number>;
  makeRows?: (tables: TableReader[], rows: Uint32Array) => Float32Array;
  backward?: (
    tables: TableReader[],
    rows: Uint32Array,
    gradient: Float32Array,
  ) => { rows: Uint32Array; values: Float32Array }[];
}

export type NativePrecision = 'float32' | 'float16' | 'bfloat16' | 'int8' | 'int4';

/** See native/core/embedding/optimizers, one header a kind. */
export interface NativeEmbeddingOptimizer {
  kind: string;
  learningRate: number;
  /** A row's longer gradient is shortened to it; 0: none is. */
  maxRowNorm: number;
  /** All that the header's read_options reads. */
  options: Record<string, number>;
}

export interface NativeEmbeddingConfig {
  features: NativeFeature[];
  optimizer: NativeEmbeddingOptimizer;
  /** What an index outside its feature becomes: an error, id 0, the nearest id, a hashed id. */
  badIndex: 'error' | 'zero' | 'clamp' | 'hash';
  countAccesses: boolean;
  /** Where the tables live and learn. */
  device: 'cpu' | 'cuda';
  seed: bigint;
  threads: number;
}

/** An internal table, known by its name; features that name the same one share it. */
export interface NativeTable {
  name: string;
  rows: number;
  width: number;
  precision: NativePrecision;
  bytesPerRow: number;
  /** Optimizer state values per row. */
  statePerRow: number;
}

export interface NativeLayout {
  features: {
    name: string;
    cardinality: number;
    dim: number;
    /** Output columns. */
    width: number;
    /** Which internal table each hash function addresses; or those of the source. */
    tables: number[];
    /** Number of hash functions. */
    hashes: number;
  }[];
  tables: NativeTable[];
  /** Of the training hashes; 1 without. */
  folds: number;
}

/** A table's rows as they are stored: see native/core/embedding/precision.h. */
export type NativeRows = Float32Array | Uint16Array | Uint8Array;

export interface NativeEmbedding {
  layout(): NativeLayout;
  /**
   * Writes the pooled rows into `out`: [batch, output columns], or with `batchSizes` [features] one
   * [bags, feature's columns] block after the other. `train` looks up by the training hashes of `fold`, keeps what
   * backward needs and counts accesses. Returns how many indices were replaced because they were out of range.
   */
  forward(
    indices: Uint32Array | Int32Array | BigInt64Array,
    offsets: Uint32Array | Int32Array | BigInt64Array,
    batchSizes: Uint32Array | undefined,
    weights: Float32Array | undefined,
    out: Float32Array,
    train: boolean,
    fold: number,
  ): number;
  /** Writes d loss / d weights [indices] into `weightGradient` when given. */
  backward(outputGradient: Float32Array, weightGradient: Float32Array | undefined): void;
  setLearningRate(rate: number): void;
  /** Steps of the optimizer so far. */
  steps(): number;
  setSteps(steps: number): void;
  /** Rows of an internal table from `first` on, as many as the array has, as float32 whatever their precision. */
  readWeights(table: number, first: number, into: Float32Array): void;
  /** Throws INVALID_ARGUMENT for a value that the table's precision cannot hold, as `writeWeights` does. */
  checkWeights(table: number, first: number, values: Float32Array): void;
  writeWeights(table: number, first: number, values: Float32Array): void;
  /** The same, bit for bit. */
  readRows(table: number, first: number, into: NativeRows): void;
  writeRows(table: number, first: number, rows: NativeRows): void;
  readState(table: number, first: number, into: Float32Array): void;
  writeState(table: number, first: number, values: Float32Array): void;
  /** Counts of a feature's ids from `first` on. */
  readCounts(feature: number, first: number, into: Uint32Array): void;
  writeCounts(feature: number, first: number, counts: Uint32Array): void;
  /** Indices replaced because they were out of range, since creation. */
  badIndices(): number;
  /** Frees the training hashes; `hashes` train from then on. */
  dropTrainingHashes(): void;
  memory(): { rows: number; mapping: number; trainingMapping: number; optimizer: number; counts: number };
  close(): void;
}

/** See native/core/dense/optimizers, one header a kind. */
export interface NativeDenseOptimizer {
  kind: string;
  learningRate: number;
  /** All that the header's read_options reads. */
  options: Record<string, number>;
}

export interface NativeDenseConfig {
  device: 'cpu' | 'cuda';
  /** Number of dense inputs; 0 for none. */
  dense: number;
  /** Embedding vectors per example, each `dim` wide. */
  vectors: number;
  dim: number;
  /** Ops: lib/model/head.ts has their type, native/core/dense/head.h checks them. */
  head: readonly object[];
  optimizer: NativeDenseOptimizer;
  seed: bigint;
  threads: number;
}

export interface NativeDenseNet {
  /**
   * Forward, loss, backward and optimizer in one call. Writes d loss / d embeddings into `gradient`; returns the mean log
   * loss, or what is not finite when the step could not be taken.
   */
  step(dense: Float32Array, embeddings: Float32Array, labels: Float32Array, gradient: Float32Array): number;
  /** Writes logits [batch]. */
  predict(dense: Float32Array, embeddings: Float32Array, logits: Float32Array): void;
  setLearningRate(rate: number): void;
  /** All parameters, then all optimizer state, as one array each. */
  readParameters(): Float32Array;
  writeParameters(values: Float32Array): void;
  readState(): Float32Array;
  writeState(values: Float32Array): void;
  /** Of each tensor, the steps since it last had a gradient other than 0. */
  readIdle(): Float32Array;
  /** The parameter tensors, in order. */
  tensors(): { name: string; shape: number[]; start: number; length: number }[];
  /** Where among the parameters the bias of the logit is, if there is one. */
  outputBias(): number | undefined;
  /** Floats of `readState()`. */
  stateCount(): number;
  close(): void;
}

/** Steps of tables and a net on the same CUDA device: pooled rows and gradients stay there. Offsets: of one batch size. */
export interface NativeModelSteps {
  /** Starts a training step; the arrays are copied. At most two may have been started and not finished. */
  start(indices: Uint32Array, offsets: Uint32Array, dense: Float32Array, labels: Float32Array, fold: number): void;
  /** Waits for the oldest step; returns its mean log loss. If that is not finite, all started steps are over, and failed. */
  finish(): number;
  /** Writes logits [batch]. */
  predict(indices: Uint32Array, offsets: Uint32Array, dense: Float32Array, logits: Float32Array): void;
  close(): void;
}

export interface NativeAgglomerateOptions {
  device: 'cpu' | 'cuda';
  rows: number;
  mergesPerRound: number;
  /** 0: no limit. */
  maxClusterSize: number;
  /** Default false. */
  strictSize?: boolean;
  filters: { by: 'frequency' | 'distance' | 'size'; keep: number }[];
  mergedValue: 'mean' | 'count-weighted';
  /** 0: all available. */
  threads: number;
}

/** What a job of the learner gives: Clustering says what is in it. */
export interface NativeClustering {
  assignment: Uint32Array;
  values: Float64Array;
  sizes: Uint32Array;
  counts: Float64Array;
  rounds: number;
  fallbackRounds: number;
  splitRounds: number;
}

export interface NativeKMeansOptions {
  dim: number;
  rows: number;
  weight: 'count' | 'sqrt' | 'uniform';
  iterations: number;
  device: 'cpu' | 'cuda';
  threads: number;
}

/** What a job of the learner gives: KMeansClustering says what is in it. */
export interface NativeKMeansClustering {
  assignment: Uint32Array;
  centroids: Float64Array;
  sizes: Uint32Array;
  counts: Float64Array;
  distortion: number;
  iterations: number;
  moved: number;
}

/** What a job of the learner gives: LshClustering says what is in it. */
export interface NativeLshClustering {
  assignment: Uint32Array;
  width: number;
  buckets: number;
  splitBuckets: number;
}

export interface NativeBinding {
  initialize(errorClass: typeof CollideError): void;
  buildInfo(): BuildInfo;
  probeCuda(): CudaProbe;
  EmbeddingTables: {
    new (config: NativeEmbeddingConfig): NativeEmbedding;
    /** The same features and hash functions with the rows rounded to a precision; counts and optimizer state stay behind. */
    new (source: NativeEmbedding, precision: NativePrecision): NativeEmbedding;
  };
  /** Bytes that this process may still use. */
  availableMemory(): number;
  /** The address of a buffer's first byte modulo 64. */
  addressModulo64(buffer: ArrayBuffer): number;
  /**
   * An array of `count` values, which are anything, in memory that is used again when its buffer was collected or given
   * back; undefined where JavaScript takes no memory of others.
   */
  takeOutput(count: number): Float32Array<ArrayBuffer> | undefined;
  /** Detaches the buffer of such an array; false for another array. */
  giveOutputBack(array: Float32Array): boolean;
  DenseNet: new (config: NativeDenseConfig) => NativeDenseNet;
  ModelSteps: new (tables: NativeEmbedding, net: NativeDenseNet) => NativeModelSteps;
  /** Values and counts are copied before this returns. onProgress(round, clusters). */
  agglomerate(
    values: Float64Array,
    counts: Float64Array,
    options: NativeAgglomerateOptions,
    onProgress: ((round: number, clusters: number) => void) | undefined,
  ): NativeJob<NativeClustering>;
  /** Both yield the row of each id, [ids]. Inputs are copied before they return. onProgress(done, all). */
  equalMass(
    keys: Float64Array,
    counts: Float64Array,
    options: { rows: number; mass: 'sqrt' | 'cbrt' | 'one'; device: 'cpu' | 'cuda'; threads: number },
    onProgress: ((done: number, all: number) => void) | undefined,
  ): NativeJob<Uint32Array>;
  /** Both copy their inputs before they return. Where rows of 1 to 26 values lie on a Hilbert curve, [ids]. */
  hilbertKeys(teacherRows: Float32Array, options: { dim: number; threads: number }): NativeJob<Float64Array>;
  principal(
    teacherRows: Float32Array,
    counts: Float64Array,
    options: {
      dim: number;
      /** The leading ones wanted. */
      components: number;
      /** What is made of the rows: nothing, their coordinates along the last of the components, or along all. */
      output: 'axes' | 'projection' | 'rotation';
      threads: number;
    },
  ): NativeJob<NativePrincipal>;
  kdTree(
    teacherRows: Float32Array,
    counts: Float64Array,
    options: { dim: number; rows: number; device: 'cpu' | 'cuda'; threads: number },
    onProgress: ((done: number, all: number) => void) | undefined,
  ): NativeJob<Uint32Array>;
  /** Points, counts and start clusters (undefined: the kd-tree's) are copied before this returns. onProgress(iteration, moved). */
  kmeans(
    points: Float32Array,
    counts: Float64Array,
    start: Uint32Array | undefined,
    options: NativeKMeansOptions,
    onProgress: ((iteration: number, moved: number) => void) | undefined,
  ): NativeJob<NativeKMeansClustering>;
  /** Points, directions and offsets are copied before this returns. maxSize 0: no limit. onProgress(share, needed). */
  lsh(
    points: Float32Array,
    directions: Float64Array,
    offsets: Float64Array,
    options: { dim: number; rows: number; maxSize: number; threads: number },
    onProgress: ((share: number, needed: number) => void) | undefined,
  ): NativeJob<NativeLshClustering>;
  /** Values and weights are copied before this returns. onProgress(share, bins). */
  optimalBins(
    values: Float64Array,
    weights: Float64Array,
    options: { rows: number; search: 'auto' | 'layers' | 'lagrangian'; threads: number },
    onProgress: ((share: number, bins: number) => void) | undefined,
  ): NativeJob<{ assignment: Uint32Array; cost: number }>;
}

let binding: NativeBinding | undefined;

/** An installed package lacks cmake-js, a tool of its developers; npm brings node-gyp along. */
function buildAdvice(): string {
  const gyp = `npm run build:gyp --prefix "${packageRoot}"`;
  if (!existsSync(join(packageRoot, 'node_modules', 'cmake-js'))) {
    return `Build it once, about a minute on two cores: ${gyp} (needs g++ with C++20, make and python3)`;
  }
  return `Build it with: npm run build:native (g++, make, cmake), or ${gyp} (g++, make, python3)`;
}

/** The package's own folder: this file is lib/native.ts in a checkout and dist/native.js in an installed package. */
export const packageRoot: string = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * The native addon, loaded at the first call.
 *
 * @throws CollideError NATIVE_MISSING with the build command, when there is none for this platform or it cannot load
 */
export function native(): NativeBinding {
  if (binding === undefined) {
    try {
      const load = createRequire(import.meta.url)('node-gyp-build') as (folder: string) => NativeBinding;
      binding = load(packageRoot);
    } catch (cause) {
      const folder = process.env.LEARN_TO_COLLIDE_PREBUILD ?? packageRoot;
      const built = existsSync(join(folder, 'build', 'Release', 'learn_to_collide.node'));
      const found = built ? 'was found but could not be loaded' : 'was not found';
      const why = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
      throw new CollideError(
        'NATIVE_MISSING',
        `The native addon ${found} for ${process.platform}-${process.arch} in ${folder}: ${why}. ${buildAdvice()}`,
        { cause },
      );
    }
    binding.initialize(CollideError);
  }
  return binding;
}

/** How the addon was built and what it may use. @throws CollideError NATIVE_MISSING */
export function buildInfo(): BuildInfo {
  return native().buildInfo();
}

/** Whether a CUDA device can be used, and if not what is missing. Never throws for a missing driver or device. */
export function probeCuda(): CudaProbe {
  return native().probeCuda();
}
