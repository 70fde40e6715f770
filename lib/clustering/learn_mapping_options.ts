/** The options of learnMapping: their meaning, defaults and checks. */
import { chooseDevice, type Device, type PlacedOn } from '../device.ts';
import { CollideError, checkInteger, checkNumber, checkOneOf, checkOptions, checkSeed } from '../errors.ts';
import { checkJobOptions, JOB_OPTIONS, type JobOptions } from './job.ts';
import {
  type AgglomerateMethod,
  type ClusterProgress,
  completeMethod,
  METHOD_OPTIONS,
  STRICT_OBSTACLE,
} from './learners/agglomerative.ts';
import { BIN_MASSES, type BinMass } from './learners/equal_mass.ts';
import { completeKMeans, type KMeansMethod } from './learners/k_means.ts';
import type { LshMethod } from './learners/lsh.ts';
import { UNSEEN_POLICIES } from './mapping_layout.ts';
import { MOST_IDS } from './types.ts';

const METHODS = ['agglomerative', 'equal-mass', 'exact', 'kd-tree', 'k-means', 'lsh'] as const;

/** How the rows are learned. */
export type LearningMethod = (typeof METHODS)[number];

/** The methods whose learner has CUDA kernels. */
const CUDA_METHODS: readonly LearningMethod[] = ['agglomerative', 'equal-mass', 'kd-tree', 'k-means'];

/**
 * Where a method learns for a choice of device.
 *
 * @throws CollideError for `cuda` NOT_SUPPORTED, naming the methods that have CUDA kernels, or CUDA_UNAVAILABLE
 */
export function learnerDevice(device: Device, method: LearningMethod, where: string, strictSize = false): PlacedOn {
  const able = CUDA_METHODS.map((name) => `"${name}"`).join(', ');
  const obstacle = CUDA_METHODS.includes(method) ? undefined : `method "${method}" has no CUDA kernels: ${able} have`;
  return chooseDevice(device, where, obstacle ?? (strictSize === true ? STRICT_OBSTACLE : undefined));
}

const PROJECTIONS = ['principal', 'axis', 'hilbert'] as const;
type Projection = (typeof PROJECTIONS)[number];

const JOINT_METHODS = ['kd-tree', 'k-means', 'lsh'] as const;

/** The methods that take all dimensions of the teacher at once, where the others cluster a 1-D view of them. */
export type JointMethod = (typeof JOINT_METHODS)[number];

export function isJoint(method: LearningMethod): method is JointMethod {
  return (JOINT_METHODS as readonly string[]).includes(method);
}

/** Progress of one mapping: which table is being learned, how far the whole is, 0 to 1, and the agglomerative rounds. */
export interface MappingProgress extends Partial<ClusterProgress> {
  hash: number;
  share: number;
}

/**
 * Options of `learnMapping`. Those of {@link AgglomerateMethod} are for method 'agglomerative' (`maxClusterSize` for 'lsh',
 * too), those of {@link KMeansMethod} for 'k-means' (`weight` for 'exact', too), those of {@link LshMethod} for 'lsh'.
 * `device` is for all: 'exact' and 'lsh' have no CUDA kernels and are refused for 'cuda', for 'auto' learned on the CPU.
 * Projections are computed on the CPU.
 */
export interface LearnMappingOptions extends AgglomerateMethod, KMeansMethod, LshMethod, JobOptions<MappingProgress> {
  /** Row budget of the feature. */
  rows: number;
  /** Default 'agglomerative', the method of the paper. */
  method?: LearningMethod;
  /** Share of the rows, 0 (default) to 1, given to the ids hottest by `hotCounts`, one row each. */
  hotShare?: number;
  /**
   * Ids with teacher count 0 that own no hot row: 'shared' (default) sends all to one row of their own, 'reserved' spreads
   * them over a few rows of their own, 'hash' over all rows that are not hot, 'dealt' over all rows, hot ones included,
   * one by one in the order of their recent counts; 'cluster' clusters their untrained teacher rows like any other.
   * Among clusters they spoil rows that the teacher got right; in a hot row a rare id does little harm and starts out as
   * a typical one. With 'dealt' and hotShare 1 every id without a hot row is dealt. docs/methods.md has the measurements.
   */
  unseen?: (typeof UNSEEN_POLICIES)[number];
  /** For `unseen` 'reserved': the share of the rows that the unseen ids get, at least one row. Default 0.1. */
  reservedShare?: number;
  /** Internal tables, one clustering each, along different dimensions of the teacher or by other draws. Default 1. */
  hashes?: 1 | 2;
  /** For 2 hashes, how their rows meet: 'sum' (default) halves the row budget, 'concat' halves the width and keeps it. */
  combine?: 'sum' | 'concat';
  /**
   * The 1-D views that are clustered: principal components (default for 1 hash) or the teacher's axes (default for 2).
   * Method 'equal-mass' also takes the order along a Hilbert curve through all dimensions.
   */
  projection?: Projection;
  /** Seed of the hash of unseen ids and of method 'lsh', 0 (default) to 2^64 - 1; the second table takes the next seed. */
  seed?: number | bigint;
  /** Method 'equal-mass': what an id weighs, the square root of its count by default. */
  mass?: BinMass;
  /** Methods 'agglomerative' and 'lsh'. Default 4 * ceil(clustered ids / their rows). */
  maxClusterSize?: number;
  /** Method 'kd-tree': split along principal components instead of the teacher's axes. Default false. */
  rotate?: boolean;
}

const OWN_OPTIONS = [
  'rows',
  'method',
  'hotShare',
  'unseen',
  'reservedShare',
  'hashes',
  'combine',
  'projection',
  'seed',
  'mass',
  'weight',
  'iterations',
  'directions',
  'rotate',
  ...JOB_OPTIONS,
] as const;

/** Checked options with their defaults. */
export interface MappingPlan {
  method: LearningMethod;
  device: PlacedOn;
  /** Rows of each internal table. */
  heights: number[];
  hotShare: number;
  unseen: (typeof UNSEEN_POLICIES)[number];
  reservedShare: number;
  projection: Projection;
  seed: bigint;
  mass: BinMass;
  kMeans: Required<KMeansMethod>;
  lsh: LshMethod;
  rotate: boolean | undefined;
  agglomerative: AgglomerateMethod;
  job: JobOptions<MappingProgress>;
}

/**
 * Checks and completes the options of `learnMapping` for a teacher of `ids` ids and width `dim`.
 *
 * @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, CUDA_UNAVAILABLE or NOT_SUPPORTED
 */
export function planMapping(options: LearnMappingOptions, ids: number, dim: number): MappingPlan {
  checkOptions(options, [...OWN_OPTIONS, ...METHOD_OPTIONS], 'learnMapping');
  const where = (name: string) => `${name} of learnMapping`;
  const rows = checkInteger(options.rows, 1, MOST_IDS, where('rows'));
  const method = checkOneOf(options.method ?? 'agglomerative', METHODS, where('method'));
  const hashes = checkInteger(options.hashes ?? 1, 1, 2, where('hashes'));
  const combine = checkOneOf(options.combine ?? 'sum', ['sum', 'concat'], where('combine'));
  const unseen = checkOneOf(options.unseen ?? 'shared', UNSEEN_POLICIES, where('unseen'));
  if (options.reservedShare !== undefined && unseen !== 'reserved') {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected no reservedShare for learnMapping: unseen "${unseen}" has no use for it`,
    );
  }
  const projection = options.projection ?? (hashes === 1 ? 'principal' : 'axis');
  checkFits(options, method, hashes, dim);
  if (hashes === 2 && combine === 'sum') checkInteger(rows, 2, MOST_IDS, where('rows with 2 hashes summed,'));
  const device = learnerDevice(options.device ?? 'cpu', method, 'learnMapping', options.strictSize);
  completeMethod({ ...options, device }, ids, rows, 'learnMapping');
  checkJobOptions(options, 'learnMapping');
  const { mergesPerRound, maxClusterSize, strictSize, filters, mergedValue, signal, onProgress, threads } = options;
  return {
    method,
    device,
    heights: heightsOf(rows, hashes, combine),
    hotShare: checkNumber(options.hotShare ?? 0, 0, 1, where('hotShare')),
    unseen,
    reservedShare: checkNumber(options.reservedShare ?? 0.1, 0, 1, where('reservedShare')),
    projection: checkOneOf(projection, PROJECTIONS, where('projection')),
    seed: checkSeed(options.seed ?? 0, 'seed of learnMapping'),
    mass: checkOneOf(options.mass ?? 'sqrt', BIN_MASSES, where('mass')),
    kMeans: completeKMeans(options, 'learnMapping'),
    lsh:
      options.directions === undefined
        ? {}
        : { directions: checkInteger(options.directions, 1, 64, where('directions')) },
    rotate: options.rotate,
    agglomerative: { mergesPerRound, maxClusterSize, strictSize, filters, mergedValue, device },
    job: { signal, onProgress, threads },
  };
}

function heightsOf(rows: number, hashes: number, combine: 'sum' | 'concat'): number[] {
  if (hashes === 1) return [rows];
  return combine === 'concat' ? [rows, rows] : [Math.ceil(rows / 2), Math.floor(rows / 2)];
}

/** An option that the method would ignore is an error: a comparison must not believe that it was applied. */
function checkFits(options: LearnMappingOptions, method: LearningMethod, hashes: number, dim: number): void {
  const useless = [
    ...METHOD_OPTIONS.filter(
      (name) => name !== 'device' && method !== 'agglomerative' && !(name === 'maxClusterSize' && method === 'lsh'),
    ),
    ...(method === 'equal-mass' ? [] : (['mass'] as const)),
    ...(method === 'k-means' || method === 'exact' ? [] : (['weight'] as const)),
    ...(method === 'k-means' ? [] : (['iterations'] as const)),
    ...(method === 'lsh' ? [] : (['directions'] as const)),
    ...(method === 'kd-tree' ? [] : (['rotate'] as const)),
    ...(isJoint(method) ? (['projection'] as const) : []),
  ].find((name) => options[name] !== undefined);
  if (useless !== undefined) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected no ${useless} for learnMapping: method "${method}" has no use for it`,
    );
  }
  if (hashes === 2 && isJoint(method) && method !== 'lsh') {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected hashes 1 for learnMapping with method "${method}": it clusters all teacher dimensions at once`,
    );
  }
  if (options.projection === 'hilbert' && (method !== 'equal-mass' || hashes === 2)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected method "equal-mass" and 1 hash for projection "hilbert" of learnMapping, received "${method}" and ${hashes}: distances along the curve mean nothing, and there is only one`,
    );
  }
  if (hashes > dim && method !== 'lsh') {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a teacher at least as wide as there are hashes for learnMapping, received dim ${dim} and hashes ${hashes}`,
    );
  }
}
