/**
 * The only file that loads the native addon: a typed 1:1 binding. Everything here takes arguments that its caller has
 * checked; the classes and functions above it (embedding/, clustering/, model/) are the public face.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CollideError } from './errors.ts';

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

export interface CudaProbe {
  available: boolean;
  /** When available the device's name and memory, otherwise what is missing. */
  reason: string;
}

/** A job on its own native thread. `abort()` may be called at any time; the promise then rejects with ABORTED. */
export interface NativeJob<T> {
  promise: Promise<T>;
  abort(): void;
}

/** One hash function as native code takes it; see lib/hashing for the kinds. */
export interface NativeHash {
  kind: 'identity' | 'modulo' | 'mixed' | 'quotient' | 'table' | 'hot';
  /** Rows of the internal table. */
  rows: number;
  /** mixed, or hot with a mixed tail. */
  seed?: bigint;
  divisor?: number;
  /** table: packed little-endian entries, `bytesPerEntry` each. */
  entries?: Uint8Array;
  bytesPerEntry?: number;
  /** hot: one bit per id, set for ids that own a row. */
  bitmap?: Uint32Array;
  tail?: 'modulo' | 'mixed';
}

export interface NativeFeature {
  name: string;
  cardinality: number;
  dim: number;
  pooling: 'sum' | 'mean' | 'none';
  /** pooling 'none': positions per bag. Otherwise 1. */
  sequenceLength: number;
  combine: 'sum' | 'concat';
  hashes: NativeHash[];
  /** Half-width of the uniform initial values. */
  initScale: number;
}

export interface NativeEmbeddingConfig {
  features: NativeFeature[];
  optimizer: { kind: 'sgd' | 'adagrad' | 'rowwise-adagrad'; learningRate: number; epsilon: number };
  badIndex: 'error' | 'clamp' | 'hash';
  /** Where forward without `train` runs. */
  device: 'cpu' | 'cuda';
  seed: bigint;
  threads: number;
}

export interface NativeEmbedding {
  /** Writes [batch, output dims] into `out`. `train` keeps what backward needs and counts accesses. */
  forward(
    indices: Uint32Array | Int32Array | BigInt64Array,
    offsets: Uint32Array,
    weights: Float32Array | undefined,
    out: Float32Array,
    train: boolean,
  ): void;
  backward(outputGradient: Float32Array): void;
  setLearningRate(rate: number): void;
  readWeights(feature: number, table: number): Float32Array;
  writeWeights(feature: number, table: number, values: Float32Array): void;
  readState(feature: number, table: number): Float32Array;
  writeState(feature: number, table: number, values: Float32Array): void;
  readCounts(feature: number): Uint32Array;
  /** Ids clamped or hashed because they were out of range, since creation. */
  badIndices(): number;
  memory(): { rows: number; mapping: number; optimizer: number; counts: number };
  close(): void;
}

export interface NativeDenseConfig {
  /** Number of dense inputs; 0 for none. */
  dense: number;
  /** Embedding vectors per example, each `dim` wide. */
  vectors: number;
  dim: number;
  /** Widths of the bottom layers; the last equals `dim`. Empty: a learned constant vector stands in (no dense inputs). */
  bottom: number[];
  /** Widths of the top layers; the last is 1. */
  top: number[];
  optimizer: {
    kind: 'sgd' | 'adagrad' | 'lamb';
    learningRate: number;
    epsilon: number;
    beta1: number;
    beta2: number;
    weightDecay: number;
  };
  seed: bigint;
  threads: number;
}

export interface NativeDenseNet {
  /** Forward, loss, backward and optimizer in one call. Writes d loss / d embeddings into `gradient`; returns the mean log loss. */
  step(dense: Float32Array, embeddings: Float32Array, labels: Float32Array, gradient: Float32Array): number;
  /** Writes logits [batch]. */
  predict(dense: Float32Array, embeddings: Float32Array, logits: Float32Array): void;
  setLearningRate(rate: number): void;
  /** All parameters, then all optimizer state, as one array each. */
  readParameters(): Float32Array;
  writeParameters(values: Float32Array): void;
  readState(): Float32Array;
  writeState(values: Float32Array): void;
  parameterCount(): number;
  close(): void;
}

export interface NativeAgglomerateOptions {
  rows: number;
  mergesPerRound: number;
  /** 0: no limit. */
  maxClusterSize: number;
  filters: { by: 'frequency' | 'distance' | 'size'; keep: number }[];
  mergedValue: 'mean' | 'count-weighted';
}

export interface NativeClustering {
  assignment: Uint32Array;
  values: Float64Array;
  sizes: Uint32Array;
  counts: Float64Array;
  rounds: number;
  fallbackRounds: number;
  splitRounds: number;
}

export interface NativeBinding {
  initialize(errorClass: typeof CollideError): void;
  buildInfo(): BuildInfo;
  probeCuda(): CudaProbe;
  EmbeddingTables: new (config: NativeEmbeddingConfig) => NativeEmbedding;
  DenseNet: new (config: NativeDenseConfig) => NativeDenseNet;
  /** Values and counts are copied before this returns. onProgress(round, clusters). */
  agglomerate(
    values: Float64Array,
    counts: Float64Array,
    options: NativeAgglomerateOptions,
    onProgress: ((round: number, clusters: number) => void) | undefined,
  ): NativeJob<NativeClustering>;
}

let binding: NativeBinding | undefined;

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
        `The native addon ${found} for ${process.platform}-${process.arch} in ${folder}: ${why}. Build it with "npm run build:native" (cmake) or "npm run build:gyp" (python3) in ${packageRoot}`,
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
