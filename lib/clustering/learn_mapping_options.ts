/** The options of learnMapping: their meaning, defaults and checks. */
import type { Device, PlacedOn } from '../device.ts';
import { CollideError, checkInteger, checkNumber, checkOneOf, checkOptions, checkSeed } from '../errors.ts';
import { checkJobOptions, JOB_OPTIONS, type JobOptions, type Progress } from '../job.ts';
import { optionNames } from '../option_names.ts';
import { completeOptions, type Learner } from './learner.ts';
import {
  type LearnerName,
  type LearnerSettings,
  learnerDevice,
  learnerOptionNames,
  learners,
} from './learners/index.ts';
import { UNSEEN_POLICIES } from './mapping_layout.ts';
import { MOST_IDS } from './types.ts';

/** How the rows are learned: the name of a learner, of this package or of those that a program has added. */
export type LearningMethod = LearnerName | (string & {});

const PROJECTIONS = ['principal', 'axis', 'hilbert'] as const;
export type Projection = (typeof PROJECTIONS)[number];

/** Progress of one mapping. */
export interface MappingProgress extends Progress {
  /** The table that is being learned. */
  hash: number;
  /** Of a learner that merges clusters: rounds done, and clusters left. */
  round?: number;
  clusters?: number;
}

/**
 * Options of `learnMapping`, beside those of the learners (`LearnerSettings`), of which `method` takes its own. One that it does
 * not have is an error. `device` is for all: a learner without CUDA kernels is refused for 'cuda', and runs on the CPU for
 * 'auto'. Projections are computed on the CPU.
 */
export interface LearnMappingOptions extends LearnerSettings, JobOptions<MappingProgress> {
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
   * a typical one. With 'dealt' and hotShare 1 every id without a hot row is dealt. docs/notebook/quality.md has the measurements.
   */
  unseen?: (typeof UNSEEN_POLICIES)[number];
  /** For `unseen` 'reserved': the share of the rows that the unseen ids get, at least one row. Default 0.1. */
  reservedShare?: number;
  /** Internal tables, one clustering each, along different dimensions of the teacher or by other draws. Default 1. */
  hashes?: 1 | 2;
  /** For 2 hashes, how their rows meet: 'sum' (default) halves the row budget, 'concat' halves the width and keeps it. */
  combine?: 'sum' | 'concat';
  /**
   * Of methods that cluster a value: the 1-D views that they get, principal components (default for 1 hash) or the teacher's
   * axes (default for 2). A method for which the order of the ids is enough ('equal-mass') also takes the order along a
   * Hilbert curve through all dimensions.
   */
  projection?: Projection;
  /** Seed of the hash of unseen ids and of method 'lsh', 0 (default) to 2^64 - 1; the second table takes the next seed. */
  seed?: number | bigint;
  /** Of the methods that have it: most ids of a row. Default 4 * ceil(clustered ids / their rows). */
  maxClusterSize?: number;
  /** Where the learner runs, with the same bits. Default 'cpu'. */
  device?: Device;
}

const OWN_OPTIONS = optionNames<Omit<LearnMappingOptions, keyof LearnerSettings | keyof JobOptions>>({
  rows: true,
  method: true,
  hotShare: true,
  unseen: true,
  reservedShare: true,
  hashes: true,
  combine: true,
  projection: true,
  seed: true,
  device: true,
});

/** Checked options with their defaults. */
export interface MappingPlan {
  learner: Learner;
  /** The learner's own options. */
  own: Record<string, unknown>;
  device: PlacedOn;
  /** Rows of each internal table. */
  heights: number[];
  hotShare: number;
  unseen: (typeof UNSEEN_POLICIES)[number];
  reservedShare: number;
  projection: Projection;
  seed: bigint;
  job: JobOptions<MappingProgress>;
}

/**
 * Checks and completes the options of `learnMapping` for a teacher of width `dim`.
 *
 * @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, CUDA_UNAVAILABLE or NOT_SUPPORTED
 */
export function planMapping(options: LearnMappingOptions, dim: number): MappingPlan {
  checkOptions(options, [...OWN_OPTIONS, ...learnerOptionNames(), ...JOB_OPTIONS], 'learnMapping');
  const where = (name: string) => `${name} of learnMapping`;
  const rows = checkInteger(options.rows, 1, MOST_IDS, where('rows'));
  const learner = learners.get(options.method ?? 'agglomerative', where('method'));
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
  checkFits(options, learner, hashes, dim);
  if (hashes === 2 && combine === 'sum') checkInteger(rows, 2, MOST_IDS, where('rows with 2 hashes summed,'));
  const own = completeOptions<Record<string, unknown>>(learner.options, { ...options }, 'learnMapping');
  const device = learnerDevice(options.device ?? 'cpu', learner.name, 'learnMapping', own);
  checkJobOptions(options, 'learnMapping');
  const { signal, onProgress, threads } = options;
  return {
    learner,
    own,
    device,
    heights: heightsOf(rows, hashes, combine),
    hotShare: checkNumber(options.hotShare ?? 0, 0, 1, where('hotShare')),
    unseen,
    reservedShare: checkNumber(options.reservedShare ?? 0.1, 0, 1, where('reservedShare')),
    projection: checkOneOf(projection, PROJECTIONS, where('projection')),
    seed: checkSeed(options.seed ?? 0, 'seed of learnMapping'),
    job: { signal, onProgress, threads },
  };
}

function heightsOf(rows: number, hashes: number, combine: 'sum' | 'concat'): number[] {
  if (hashes === 1) return [rows];
  return combine === 'concat' ? [rows, rows] : [Math.ceil(rows / 2), Math.floor(rows / 2)];
}

/** An option that the method would ignore is an error: a comparison must not believe that it was applied. */
function checkFits(options: LearnMappingOptions, learner: Learner, hashes: number, dim: number): void {
  const { name: method, dimensions, ordersOnly = false, seeded = false } = learner;
  const given: Record<string, unknown> = { ...options };
  const others = learnerOptionNames().filter((name) => !Object.hasOwn(learner.options, name));
  const useless = [...others, ...(dimensions === 'all' ? ['projection'] : [])].find(
    (name) => given[name] !== undefined,
  );
  if (useless !== undefined) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected no ${useless} for learnMapping: method "${method}" has no use for it`,
    );
  }
  if (hashes === 2 && dimensions === 'all' && !seeded) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected hashes 1 for learnMapping with method "${method}": it clusters all teacher dimensions at once`,
    );
  }
  if (options.projection === 'hilbert' && (!ordersOnly || hashes === 2)) {
    const able = learners.entries.filter((other) => other.ordersOnly === true).map((other) => `"${other.name}"`);
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected method ${able.join(' or ')} and 1 hash for projection "hilbert" of learnMapping, received "${method}" and ${hashes}: distances along the curve mean nothing, and there is only one`,
    );
  }
  if (hashes > dim && dimensions === 'one') {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a teacher at least as wide as there are hashes for learnMapping, received dim ${dim} and hashes ${hashes}`,
    );
  }
}
