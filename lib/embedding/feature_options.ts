/** One feature of a set of embedding tables: its options, checked and completed with defaults. */
import { CollideError, checkInteger, checkNumber, checkOneOf, checkOptions, describe } from '../errors.ts';
import { checkHashFunction, type HashFunction, MOST_ROWS, nativeHash, rowCount } from '../hashing/index.ts';
import { checkTrainingHashes, type TrainingHashes } from '../hashing/training_hashes.ts';
import type { NativeFeature } from '../native.ts';
import { optionNames } from '../option_names.ts';
import { checkSource, completeSource } from './sources/check.ts';
import type { SourceOptions } from './sources/row_source.ts';

/**
 * Initial values, uniform in [-s, s): `dlrm` s = sqrt(1 / cardinality) of the uncompressed table, whatever the number of
 * rows; `invsqrtdim` s = 1 / sqrt(dim); `uniform` s = `scale`. It moves the AUC, so results record it. With `multiply`
 * this is the first table's; the others start in [0.5, 1.5), so that the product has the scale of a row.
 */
export type Init = { kind: 'dlrm' } | { kind: 'invsqrtdim' } | { kind: 'uniform'; scale: number };

export const PRECISIONS = ['float32', 'float16', 'bfloat16', 'int8', 'int4'] as const;

/**
 * How the values of rows are stored. float16 and bfloat16 (2 bytes) train with stochastic rounding: a step's result goes
 * to one of the two nearest values at random, right on average. int8 and int4 (1 and 1/2 byte, plus 4 bytes a row of
 * scale and bias) serve only: `backward` throws, `setWeights` and `withPrecision` round to the nearest.
 *
 * The error of a value x of an int8 or int4 row is at most 0.501 step + 2^-23 |x|, with
 * step = 1.001 (largest - smallest + |smallest| / 1024 + 2^-24) / codes + 2^-24 of the row's values, codes = 255 or 15: half
 * of range / codes unless the row lies far from 0 for its range or has a range below 1e-4. A smallest value above 65,504
 * counts as 65,504, where the codes of such a row begin.
 */
export type Precision = (typeof PRECISIONS)[number];

/** A feature of {@link EmbeddingTables}: its ids, its tables, and how a bag becomes one vector. */
export interface FeatureOptions {
  /** Unique among the features. */
  name: string;
  /** Number of ids: 0 to cardinality - 1. At most 2^32 - 1. */
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
  /**
   * Hash functions by which `forward` looks ids up to train, while `lookup` serves by `hashes`: over the same internal
   * tables, so with as many rows. One list for all batches, or one list a fold, for batches of one fold (`fold` of a
   * batch). They take memory until `dropTrainingHashes`, and are not part of a checkpoint. Default: `hashes` train, too.
   */
  trainingHashes?: TrainingHashes;
  /**
   * How an id's rows of the internal tables become its row, before pooling. `sum`: each table is dim wide and the rows
   * add up. `multiply`: element by element. `concat`: each is dim / hashes.length wide, side by side. Default `sum`.
   */
  combine?: 'sum' | 'concat' | 'multiply';
  /** Of the internal tables. Default `float32`. */
  precision?: Precision;
  /**
   * Name of the internal table of each hash function. Default the feature's name, or `name/0`, `name/1` ... for several.
   * Features that name the same table share its rows, and so may the hash functions of one feature. Rows, width and
   * precision must agree, and `multiply` with itself only. Initial values are those of the first feature that names it.
   * With a `source` one name, of its first table; features that name the same one share the source.
   */
  tables?: string[];
  /**
   * What makes the rows, by name (`rowSources`), as `{ kind: 'mixed-dimension', width: 4 }`. It makes those that the
   * feature's one hash function asks for. Default: each hash function has an internal table. On the CPU only.
   */
  source?: SourceOptions;
  /** Default `dlrm`. */
  init?: Init;
}

const FEATURE_OPTIONS = optionNames<FeatureOptions>({
  name: true,
  cardinality: true,
  dim: true,
  pooling: true,
  sequenceLength: true,
  hashes: true,
  trainingHashes: true,
  combine: true,
  precision: true,
  tables: true,
  source: true,
  init: true,
});

/** @throws CollideError INVALID_ARGUMENT or UNKNOWN_OPTION naming the feature and the option */
export function completeFeature(feature: FeatureOptions, position: number): NativeFeature {
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
  const { trainingHashes } = feature;
  if (trainingHashes !== undefined) checkTrainingHashes(trainingHashes, hashes, cardinality, where);
  const combine = checkOneOf(feature.combine ?? 'sum', ['sum', 'concat', 'multiply'], `combine of ${where}`);
  if (combine === 'concat' && dim % hashes.length !== 0) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a dim divisible by ${hashes.length} (hash functions to concat) for ${where}, received ${dim}`,
    );
  }
  const scale = initScale(feature.init ?? { kind: 'dlrm' }, cardinality, dim, where);
  return {
    name: feature.name,
    cardinality,
    dim,
    pooling,
    sequenceLength: checkInteger(feature.sequenceLength ?? 1, 1, 65536, `sequenceLength of ${where}`),
    combine,
    precision: checkOneOf(feature.precision ?? 'float32', PRECISIONS, `precision of ${where}`),
    tables: checkTables(feature.tables, hashes.length, where),
    hashes: hashes.map((hash) => nativeHash(hash, cardinality)),
    trainingHashes: (trainingHashes ?? []).map((list) => list.map((hash) => nativeHash(hash, cardinality))),
    initScale: scale,
    source:
      feature.source === undefined
        ? undefined
        : completeSource(checkSource(feature.source, hashes.length, combine, where), feature.source, {
            rows: rowCount(hashes[0]!, cardinality),
            dim,
            initScale: scale,
            where,
          }),
  };
}

function checkTables(tables: unknown, hashes: number, where: string): string[] {
  if (tables === undefined) return [];
  const named = (name: unknown) => typeof name === 'string' && name !== '';
  if (Array.isArray(tables) && tables.length === hashes && tables.every(named)) return tables;
  const received = Array.isArray(tables) ? `[${tables.map(describe).join(', ')}]` : describe(tables);
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected tables of ${where} to be an array of ${hashes} names, one per hash function, received ${received}`,
  );
}

function initScale(init: Init, cardinality: number, dim: number, where: string): number {
  checkOptions(init, ['kind', 'scale'], `init of ${where}`);
  const kind = checkOneOf(init.kind, ['dlrm', 'invsqrtdim', 'uniform'], `init of ${where}`);
  if (kind === 'dlrm') return Math.sqrt(1 / cardinality);
  if (kind === 'invsqrtdim') return Math.sqrt(1 / dim);
  return checkNumber((init as { scale: number }).scale, 0, 1e30, `init scale of ${where}`);
}
