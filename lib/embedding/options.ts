/** What a set of embedding tables is made from: checked, completed with defaults, and handed to native code. */
import { chooseDevice, type Device } from '../device.ts';
import { CollideError, checkInteger, checkOneOf, checkOptions, checkSeed, describe } from '../errors.ts';
import { foldsOf } from '../hashing/training_hashes.ts';
import type { NativeEmbeddingConfig, NativeFeature } from '../native.ts';
import { optionNames } from '../option_names.ts';
import { completeFeature, type FeatureOptions } from './feature_options.ts';
import { type EmbeddingOptimizer, nativeEmbeddingOptimizer } from './optimizers/index.ts';

/** Options of {@link EmbeddingTables}. */
export interface EmbeddingTablesOptions {
  features: FeatureOptions[];
  /** Default `{ kind: 'rowwise-adagrad', learningRate: 0.02, epsilon: 1e-8 }`, the paper's. */
  optimizer?: EmbeddingOptimizer;
  /**
   * An id outside its feature: `error` (default) throws; `warn` takes id 0 and gives one process warning
   * (`CollideWarning`, code `INVALID_INDEX`) at the first; `ignore` takes id 0 silently, so its row is looked up and
   * trained as if id 0 had come; `clamp` takes the nearest id; `hash` hashes it into the range. `badIndices()` counts
   * them, also those ignored.
   */
  badIndex?: 'error' | 'warn' | 'ignore' | 'clamp' | 'hash';
  /** Whether training counts the accesses of each id. Default true; false saves 4 or 5 bytes per id and time. */
  countAccesses?: boolean;
  /**
   * Where the tables live and learn, with the same bits: `cpu` (default); `cuda`, which throws without a device;
   * `auto`: CUDA when the driver answers and has the memory, otherwise the CPU and one warning that says why. CUDA takes
   * float32 rows of up to 8,192 columns and no row sources. `device` of the tables says what it came to.
   */
  device?: Device;
  /** 0 to 2^64 - 1; initial values and stochastic rounding depend on it alone. Default 1. */
  seed?: number | bigint;
  /** Threads per call; default all that the process may use. The results do not depend on it. */
  threads?: number;
}

const OPTIONS = optionNames<EmbeddingTablesOptions>({
  features: true,
  optimizer: true,
  badIndex: true,
  countAccesses: true,
  device: true,
  seed: true,
  threads: true,
});

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
  checkDistinct(features);
  foldsOf(options.features, 'EmbeddingTables');
  const policies = ['error', 'warn', 'ignore', 'clamp', 'hash'] as const;
  const badIndex = checkOneOf(options.badIndex ?? 'error', policies, 'badIndex');
  return {
    features,
    optimizer: nativeEmbeddingOptimizer(options.optimizer ?? { kind: 'rowwise-adagrad' }),
    badIndex: badIndex === 'warn' || badIndex === 'ignore' ? 'zero' : badIndex,
    countAccesses: checkBoolean(options.countAccesses ?? true, 'countAccesses'),
    seed: checkSeed(options.seed ?? 1, 'seed'),
    threads: checkInteger(options.threads ?? 0, 0, 1024, 'threads (0: all)'),
    device: chooseDevice(options.device ?? 'cpu', 'EmbeddingTables', notOnCuda(features)),
  };
}

/** Feature names differ, and so do the tables that are named after a feature: sharing is always asked for. */
function checkDistinct(features: readonly NativeFeature[]): void {
  const names = new Set<string>();
  const owners = new Map<string, string>();
  for (const { name, hashes, tables } of features) {
    if (names.has(name))
      throw new CollideError('INVALID_ARGUMENT', `Expected distinct feature names, received "${name}" twice`);
    names.add(name);
    if (tables.length > 0) continue;
    for (const [h] of hashes.entries()) {
      const table = hashes.length === 1 ? name : `${name}/${h}`;
      const other = owners.get(table);
      if (other !== undefined) {
        throw new CollideError(
          'INVALID_ARGUMENT',
          `Expected other names for features "${other}" and "${name}", or their tables: both would call an internal table "${table}"`,
        );
      }
      owners.set(table, name);
    }
  }
}

/** The widest row that fits a block's shared memory: kWidestRow of native/cuda/embedding/backward_plan.h. */
const WIDEST_ON_CUDA = 8192;

/** What of these features the CUDA kernels cannot do, if anything. */
function notOnCuda(features: readonly NativeFeature[]): string | undefined {
  for (const { name, combine, precision, dim, hashes, source } of features) {
    if (source !== undefined) return `feature "${name}" has source "${source.kind}"`;
    if (precision !== 'float32') return `feature "${name}" has precision "${precision}"`;
    const width = combine === 'concat' ? dim / hashes.length : dim;
    if (width > WIDEST_ON_CUDA) return `feature "${name}" has rows of more than ${WIDEST_ON_CUDA} columns`;
  }
  return undefined;
}

function checkBoolean(value: unknown, where: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new CollideError('INVALID_ARGUMENT', `Expected true or false for ${where}, received ${describe(value)}`);
}
