/** What a set of embedding tables is made from: checked, completed with defaults, and handed to native code. */
import { chooseDevice, type Device } from '../device.ts';
import { CollideError, checkInteger, checkNumber, checkOneOf, checkOptions, describe } from '../errors.ts';
import { checkHashFunction, type HashFunction, MOST_ROWS, nativeHash } from '../hashing/index.ts';
import type { NativeEmbeddingConfig, NativeFeature } from '../native.ts';

/**
 * Initial values, uniform in [-s, s): `dlrm` s = sqrt(1 / cardinality) of the uncompressed table, whatever the number of
 * rows; `invsqrtdim` s = 1 / sqrt(dim); `uniform` s = `scale`. It moves the AUC, so results record it.
 */
export type Init = { kind: 'dlrm' } | { kind: 'invsqrtdim' } | { kind: 'uniform'; scale: number };

export interface FeatureOptions {
  /** Unique among the features. */
  name: string;
  /** Number of ids: 0 to cardinality - 1. At most 2^32. */
  cardinality: number;
  /** Width of the embedding the model sees. At most 65,536. */
  dim: number;
  /**
   * How the ids of a bag become one vector; default `sum`. `mean` divides the (weighted) sum by the number of ids; an
   * empty bag gives zeros. `none` keeps `sequenceLength` positions side by side, zero padded.
   */
  pooling?: 'sum' | 'mean' | 'none';
  /** Pooling `none` only: positions per bag; a longer bag is an error. */
  sequenceLength?: number;
  /** One internal table per hash function. Default: one table, `identity` (uncompressed). */
  hashes?: HashFunction[];
  /** `sum`: each internal table is dim wide and rows add up. `concat`: each is dim / hashes.length wide. Default `sum`. */
  combine?: 'sum' | 'concat';
  /** Default `dlrm`. */
  init?: Init;
}

/**
 * Exact: one step per row and batch, from the sum of all its gradients ("Learning to Collide", section 5). Defaults:
 * learningRate 0.02, epsilon 1e-8 (1e-20 at least).
 */
export type EmbeddingOptimizer =
  | { kind: 'sgd'; learningRate?: number }
  | { kind: 'adagrad' | 'rowwise-adagrad'; learningRate?: number; epsilon?: number };

export interface EmbeddingTablesOptions {
  features: FeatureOptions[];
  /** Default `{ kind: 'rowwise-adagrad', learningRate: 0.02, epsilon: 1e-8 }`, the paper's. */
  optimizer?: EmbeddingOptimizer;
  /** An id outside its feature: `error` (default) throws; `clamp` takes the nearest id; `hash` hashes it into the range. */
  badIndex?: 'error' | 'clamp' | 'hash';
  /**
   * Where `lookup` runs; training runs on the CPU in this version. `cpu` (default); `cuda`, which throws without a
   * device; `auto`: CUDA when the driver answers, otherwise the CPU and one warning that says why. On CUDA the tables
   * are copied to the device at the first lookup after a change; sums are added in the CPU's order.
   */
  device?: Device;
  /** 0 to 2^64 - 1; initial values depend on it alone. Default 1. */
  seed?: number | bigint;
  /** Threads per call; default all that the process may use. The results do not depend on it. */
  threads?: number;
}

const OPTIONS = ['features', 'optimizer', 'badIndex', 'device', 'seed', 'threads'];
const FEATURE_OPTIONS = ['name', 'cardinality', 'dim', 'pooling', 'sequenceLength', 'hashes', 'combine', 'init'];

/** @throws CollideError INVALID_ARGUMENT or UNKNOWN_OPTION naming the feature and the option */
export function completeOptions(options: EmbeddingTablesOptions): NativeEmbeddingConfig {
  checkOptions(options, OPTIONS, 'EmbeddingTables');
  if (!Array.isArray(options.features) || options.features.length === 0) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected at least one feature for EmbeddingTables, received ${describe(options.features)}`,
    );
  }
  const features = options.features.map(completeFeature);
  const names = new Set<string>();
  for (const { name } of features) {
    if (names.has(name))
      throw new CollideError('INVALID_ARGUMENT', `Expected distinct feature names, received "${name}" twice`);
    names.add(name);
  }
  return {
    features,
    optimizer: completeOptimizer(options.optimizer ?? { kind: 'rowwise-adagrad' }),
    badIndex: checkOneOf(options.badIndex ?? 'error', ['error', 'clamp', 'hash'], 'badIndex'),
    seed: checkSeed(options.seed ?? 1),
    threads: checkInteger(options.threads ?? 0, 0, 1024, 'threads (0: all)'),
    device: chooseDevice(options.device ?? 'cpu', 'EmbeddingTables'),
  };
}

function completeFeature(feature: FeatureOptions, position: number): NativeFeature {
  checkOptions(feature, FEATURE_OPTIONS, `features[${position}]`);
  if (typeof feature.name !== 'string' || feature.name === '') {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a name for features[${position}], received ${describe(feature.name)}`,
    );
  }
  const where = `feature "${feature.name}"`;
  const cardinality = checkInteger(feature.cardinality, 1, MOST_ROWS, `cardinality of ${where}`);
  const dim = checkInteger(feature.dim, 1, 65536, `dim of ${where}`);
  const pooling = checkOneOf(feature.pooling ?? 'sum', ['sum', 'mean', 'none'], `pooling of ${where}`);
  if ((pooling === 'none') !== (feature.sequenceLength !== undefined)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a sequenceLength exactly when pooling is "none" for ${where}, received ${describe(feature.sequenceLength)} with pooling "${pooling}"`,
    );
  }
  const hashes = feature.hashes ?? [{ kind: 'identity' }];
  if (!Array.isArray(hashes) || hashes.length === 0) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected at least one hash function for ${where}, received ${describe(hashes)}`,
    );
  }
  for (const [h, hash] of hashes.entries()) checkHashFunction(hash, cardinality, `hashes[${h}] of ${where}`);
  const combine = checkOneOf(feature.combine ?? 'sum', ['sum', 'concat'], `combine of ${where}`);
  if (combine === 'concat' && dim % hashes.length !== 0) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a dim divisible by ${hashes.length} (hash functions to concat) for ${where}, received ${dim}`,
    );
  }
  return {
    name: feature.name,
    cardinality,
    dim,
    pooling,
    sequenceLength: checkInteger(feature.sequenceLength ?? 1, 1, 65536, `sequenceLength of ${where}`),
    combine,
    hashes: hashes.map((hash) => nativeHash(hash, cardinality)),
    initScale: initScale(feature.init ?? { kind: 'dlrm' }, cardinality, dim, where),
  };
}

function initScale(init: Init, cardinality: number, dim: number, where: string): number {
  checkOptions(init, ['kind', 'scale'], `init of ${where}`);
  const kind = checkOneOf(init.kind, ['dlrm', 'invsqrtdim', 'uniform'], `init of ${where}`);
  if (kind === 'dlrm') return Math.sqrt(1 / cardinality);
  if (kind === 'invsqrtdim') return Math.sqrt(1 / dim);
  return checkNumber((init as { scale: number }).scale, 0, 1e30, `init scale of ${where}`);
}

function completeOptimizer(optimizer: EmbeddingOptimizer): NativeEmbeddingConfig['optimizer'] {
  checkOptions(optimizer, ['kind', 'learningRate', 'epsilon'], 'optimizer');
  const kind = checkOneOf(optimizer.kind, ['sgd', 'adagrad', 'rowwise-adagrad'], 'optimizer kind');
  const { epsilon } = optimizer as { epsilon?: number }; // sgd has none and ignores one
  return {
    kind,
    learningRate: checkNumber(optimizer.learningRate ?? 0.02, 0, 1e6, 'learningRate'),
    // Not 0: the first step of a row whose gradient's square underflows would divide by it.
    epsilon: checkNumber(epsilon ?? 1e-8, 1e-20, 1e6, 'epsilon'),
  };
}

function checkSeed(seed: unknown): bigint {
  if (typeof seed === 'bigint' || Number.isSafeInteger(seed)) {
    const wide = BigInt(seed as number | bigint);
    if (wide >= 0n && wide < 2n ** 64n) return wide;
  }
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a whole number from 0 to 2^53 - 1, or a bigint below 2^64, for seed, received ${describe(seed)}`,
  );
}
