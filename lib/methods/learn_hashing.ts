/** Learns the hash functions of every feature from a teacher. */
import {
  type JobOptions,
  type LearnerSettings,
  type LearnMappingOptions,
  learnMappings,
  type MappingStatistics,
  type MappingTask,
} from '../clustering/index.ts';
import { planMapping } from '../clustering/learn_mapping_options.ts';
import { learnerOptionNames } from '../clustering/learners/index.ts';
import type { Split } from '../data/types.ts';
import { CollideError, checkCallbacks, checkInteger, checkOptions, describe, throwIfAborted } from '../errors.ts';
import type { FeatureHashing } from '../hashing/feature_hashing.ts';
import type { HashFunction } from '../hashing/index.ts';
import { optionNames } from '../option_names.ts';
import { Hashing, type LearnedFeature } from '../pipeline/hashing.ts';
import { checkTeacher, type Teacher } from '../pipeline/teacher.ts';
import { checkFeatures } from './budget.ts';
import { serveColdIds } from './cold_ids.ts';
import { hashedParts, MOST_PARTS } from './parts.ts';
import { checkRecent, recentCounts } from './recent_counts.ts';
import { DEFAULT_MIN_ROWS, type RowOptions, targetRows } from './table_rows.ts';
import { isUntaught, tellUntaught } from './untaught.ts';

export interface SizeOptions extends RowOptions {
  /** Share of a compressed table's rows for the hottest ids. Default 0; `frequent` 0.5. */
  hotShare?: number;
  /**
   * Splits whose accesses decide which ids are hot. Counts carry no label, so everything up to the start of evaluation
   * may be counted, the student's own rows included. Default: the teacher's counts.
   */
  recent?: readonly Split[];
  seed?: number;
}

/** How the rows of a feature are learned: the options of `learnMapping`, but for the rows and the job. */
export interface LearnerOptions
  extends Omit<LearnMappingOptions, 'rows' | 'seed' | 'unseen' | 'method' | keyof JobOptions> {
  /** As for `learnMapping`, or 'modulo': the hashing trick, for a table whose teacher has nothing to say. */
  method?: LearnMappingOptions['method'] | 'modulo';
  /**
   * As for `learnMapping`, or 'out-of-vocabulary': cold ids, which own no row and have no cluster, are served by the
   * out-of-vocabulary row, see cold_ids.ts. It needs `recent`, and `outOfVocabulary` when the student trains.
   */
  unseen?: LearnMappingOptions['unseen'] | 'out-of-vocabulary';
  /**
   * Pieces that an id's row is put together of, side by side, each `dim / parts` wide: the first is that of the learned
   * hash, the others come from the hashing trick, each with another mixing hash over as many rows. Ids that share a cluster
   * are told apart by what they do not share, in the same bytes; a lookup reads `parts` places. Default 1.
   */
  parts?: number;
  seed?: number;
}

export interface LearnHashingOptions extends SizeOptions, LearnerOptions, Omit<JobOptions, 'onProgress'> {
  /** Rows of single features by name, as `planBudget` gives them; the others follow `size` and `minRows`. */
  rows?: Readonly<Record<string, number>>;
  /** Learner options of single features by name: each goes before the common one, and undefined means its default. */
  perFeature?: Readonly<Record<string, LearnerOptions>>;
  /** The feature at hand, and the share of the whole that is done, 0 to 1. */
  onProgress?: (progress: { step: string; share: number }) => void;
}

const SIZE_OPTIONS = ['size', 'minRows', 'hotShare', 'recent', 'seed'] as const;
const LEARNER_OPTIONS = optionNames<Omit<LearnerOptions, keyof LearnerSettings>>({
  hotShare: true,
  seed: true,
  method: true,
  unseen: true,
  parts: true,
  reservedShare: true,
  hashes: true,
  combine: true,
  projection: true,
  device: true,
});

/**
 * Learns the hash functions of all features from a teacher ("Learning to Collide", section 4). Features with fewer than
 * `minRows` ids stay whole. A feature of which the teacher knows nothing (constant or NULL in all its rows, or with hardly
 * any of the ids in `recent`) is hashed by modulo, with a process warning (code `COLLIDE_UNTAUGHT`) and its name in
 * `manifest.details.untaught`; unless `unseen` spreads such ids already ('hash', 'dealt', 'cluster').
 *
 * @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, VOCABULARY_MISMATCH (`recent` of other data than the teacher's),
 * ABORTED, CUDA_UNAVAILABLE, NOT_SUPPORTED
 * @example
 * ```ts
 * const hashing = await learnHashing(teacher, { size: 0.1, minRows: 10_000, hotShare: 0.5, recent: [present] });
 * await hashing.save('mapping.safetensors');
 * await learnHashing(teacher, { size: 0.1, perFeature: { user: { method: 'kd-tree', hotShare: 0.25 } } });
 * ```
 */
export async function learnHashing(teacher: Teacher, options: LearnHashingOptions): Promise<Hashing> {
  checkTeacher(teacher, 'learnHashing');
  const other = ['rows', 'perFeature', 'signal', 'threads', 'onProgress'];
  const learning = [...LEARNER_OPTIONS, ...learnerOptionNames()];
  checkOptions(options, [...new Set([...SIZE_OPTIONS, ...learning, ...other])], 'learnHashing');
  const {
    size,
    minRows = DEFAULT_MIN_ROWS,
    hotShare = 0,
    recent,
    seed = 0,
    rows: chosen = {},
    perFeature = {},
    signal,
    threads,
    onProgress,
    ...learner
  } = options;
  checkCallbacks(signal, onProgress);
  throwIfAborted(signal);
  checkRecent(recent, teacher.vocabulary, 'learnHashing', 'the teacher');
  checkFeatures(chosen, teacher, 'rows of learnHashing');
  for (const [name, rows] of Object.entries(chosen)) checkInteger(rows, 1, 2 ** 32 - 1, `rows of "${name}"`);
  checkFeatures(perFeature, teacher, 'perFeature of learnHashing');
  for (const [name, own] of Object.entries(perFeature)) {
    checkOptions(own, learning, `perFeature "${name}" of learnHashing`);
    checkModulo(own, `perFeature "${name}" of learnHashing`);
  }
  const common = { ...learner, hotShare, seed };
  const learners = new Map(teacher.features.map(({ name }) => [name, { ...common, ...ownOf(perFeature, name) }]));
  const tasks: (MappingTask & { name: string; feature: number; unseenId: number | null })[] = [];
  const learnedFeatures = new Map<string, { hashes: HashFunction[]; trainingHash?: HashFunction }>();
  const untaught: string[] = [];
  for (const [f, { name, cardinality, rows: teacherRows, counts }] of teacher.features.entries()) {
    const { unseen, method, parts = 1, ...own } = learners.get(name)!;
    if (unseen === 'out-of-vocabulary') checkColdIds(recent, own.hashes);
    if (checkInteger(parts, 1, MOST_PARTS, `parts of "${name}"`) > 1) checkOneHash(own.hashes, 'parts above 1');
    const rows = Math.min(cardinality, ownOf(chosen, name) ?? targetRows(cardinality, options));
    const policy = unseen === 'out-of-vocabulary' ? 'shared' : unseen;
    if (rows >= cardinality) {
      if (method !== 'modulo') checkLearner(name, { ...own, method, unseen: policy }, cardinality, teacher.dim);
      learnedFeatures.set(name, { hashes: [{ kind: 'identity' }] });
      continue;
    }
    const gathers = policy === undefined || policy === 'shared' || policy === 'reserved';
    const unknown = method !== 'modulo' && gathers && isUntaught(teacher.features[f]!, f, recent);
    if (unknown) {
      checkLearner(name, { ...own, method, unseen: policy }, cardinality, teacher.dim);
      untaught.push(name);
    }
    if (unknown || method === 'modulo') {
      learnedFeatures.set(name, { hashes: [{ kind: 'modulo', rows }] });
      continue;
    }
    const hotCounts = recent === undefined ? counts : () => recentCounts(recent, f, cardinality, signal);
    const knowledge = { rows: teacherRows, dim: teacher.dim, counts, hotCounts };
    // The row that the learner does not get is that of the values never seen.
    const unseenId = unseen === 'out-of-vocabulary' && rows > 1 ? unseenIdOf(recent!, f) : null;
    const mapping = { ...own, method, rows: unseenId === null ? rows : rows - 1, unseen: policy };
    tasks.push({ name, feature: f, unseenId, teacher: knowledge, options: mapping });
  }
  tellUntaught(untaught);
  const learned = await learnMappings(tasks, {
    signal,
    threads,
    onProgress:
      onProgress &&
      (({ table, share, clusters }) => {
        const { name } = tasks[table]!;
        onProgress({ step: clusters === undefined ? name : `${name}: ${clusters} clusters`, share });
      }),
  });
  const statistics: Record<string, MappingStatistics> = {};
  const howLearned = new Map<string, LearnedFeature>();
  for (const [t, { name, feature, unseenId, options }] of tasks.entries()) {
    const { hashes, statistics: found } = learned[t]!;
    const { method = 'agglomerative', projection } = options;
    statistics[name] = found;
    const how: LearnedFeature = { method, projection, hotRows: found.tables[0]!.hotRows };
    howLearned.set(name, how);
    const hash = hashes[0];
    if (unseenId === null || hash?.kind !== 'table') {
      learnedFeatures.set(name, { hashes });
      continue;
    }
    const counts = await recentCounts(recent!, feature, hash.entries.length, signal);
    const { hash: served, trainingHash, coldRow } = await serveColdIds(hash, unseenId, counts, signal);
    how.coldRow = coldRow;
    learnedFeatures.set(name, { hashes: [served], trainingHash });
  }
  const features = teacher.features.map(({ name, cardinality }): FeatureHashing => {
    const { combine = 'sum', parts = 1, seed = 0 } = learners.get(name)!;
    const { hashes, trainingHash } = learnedFeatures.get(name)!;
    const [learned] = hashes;
    const whole = parts === 1 || learned?.kind !== 'table';
    const others = whole ? hashes.slice(1) : hashedParts(learned.rows, parts, seed);
    const served = { name, cardinality, combine: whole ? combine : ('concat' as const), hashes: [learned!, ...others] };
    return trainingHash === undefined ? served : { ...served, trainingHashes: [[trainingHash, ...others]] };
  });
  const counts = new Map(teacher.features.map(({ name, counts }) => [name, counts]));
  const own = Object.fromEntries([...learners].filter(([name]) => Object.hasOwn(perFeature, name)));
  const details = { hotShare, ...learner, perFeature: own, statistics, ...(untaught.length > 0 ? { untaught } : {}) };
  const manifest = {
    method: learner.method ?? 'agglomerative',
    size,
    minRows,
    seed,
    learned: Object.fromEntries(howLearned),
    details,
  };
  // A teacher made elsewhere knows no values; the rows that were counted may.
  const known = [teacher, ...(recent ?? [])].find(({ vocabulary }) => vocabulary.features[0]?.values !== undefined);
  const { vocabulary } = known ?? teacher;
  return new Hashing(features, manifest, counts, { vocabulary, teacher: teacher.fingerprint });
}

/** The checks of a learner whose table needs none: what is wrong with its options must not wait for a larger table. */
function checkLearner(name: string, { method, ...options }: LearnerOptions, ids: number, dim: number): void {
  try {
    planMapping(
      { ...(options as LearnMappingOptions), method: method as LearnMappingOptions['method'], rows: Math.max(2, ids) },
      dim,
    );
  } catch (error) {
    if (!(error instanceof CollideError)) throw error;
    throw new CollideError(error.code, `Table "${name}": ${error.message}`, { cause: error });
  }
}

/** @throws CollideError INVALID_ARGUMENT for an option beside method 'modulo', which learns nothing */
function checkModulo(own: LearnerOptions, where: string): void {
  const useless = Object.entries(own).find(([key, value]) => key !== 'method' && value !== undefined)?.[0];
  if (own.method !== 'modulo' || useless === undefined) return;
  throw new CollideError('INVALID_ARGUMENT', `Expected no ${useless} for ${where}: method "modulo" has no use for it`);
}

/** What is said of one feature; a name may be that of something every object has. */
export function ownOf<T>(byFeature: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(byFeature, name) ? byFeature[name] : undefined;
}

/** @throws CollideError INVALID_ARGUMENT where unseen 'out-of-vocabulary' makes no sense */
function checkColdIds(recent: readonly Split[] | undefined, hashes: number | undefined): void {
  if (recent === undefined || recent.length === 0) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected splits to count for unseen "out-of-vocabulary" (recent), received ${describe(recent)}`,
    );
  }
  checkOneHash(hashes, 'unseen "out-of-vocabulary"');
}

/** @throws CollideError INVALID_ARGUMENT for more than one learned hash */
function checkOneHash(hashes: number | undefined, where: string): void {
  if (hashes === undefined || hashes === 1) return;
  throw new CollideError('INVALID_ARGUMENT', `Expected 1 hash for ${where}, received ${describe(hashes)}`);
}

function unseenIdOf(recent: readonly Split[], feature: number): number | null {
  return recent[0]!.features[feature]?.outOfVocabulary ?? null;
}
