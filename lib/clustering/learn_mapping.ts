/**
 * Teacher rows and access counts -> hash functions: hot ids own rows, the ids that the teacher saw are clustered over
 * the rest, ids that it never saw go where `unseen` says. One hash function per internal table.
 *
 * O(ids * dim) on the caller's thread, in turns of the event loop, and the learner's own cost on a native one.
 * Deterministic: the same input and seed give the same entries.
 */
import type { PlacedOn } from '../device.ts';
import { checkOptions, throwIfAborted } from '../errors.ts';
import type { HashFunction, TableEntries } from '../hashing/hash_function.ts';
import { inTurns } from '../turns.ts';
import { hilbertKeys } from './hilbert.ts';
import type { JobOptions } from './job.ts';
import {
  isJoint,
  type JointMethod,
  type LearnMappingOptions,
  type MappingPlan,
  planMapping,
} from './learn_mapping_options.ts';
import { agglomerate } from './learners/agglomerative.ts';
import { equalMassBins } from './learners/equal_mass.ts';
import { kMeans } from './learners/k_means.ts';
import { learnKdTree } from './learners/kd_tree.ts';
import { learnLsh } from './learners/lsh.ts';
import { idWeights, optimalBins } from './learners/optimal_bins.ts';
import { hottestFirst, type Layout, layOut } from './mapping_layout.ts';
import { principalProjection } from './principal.ts';
import { type Counts, checkCountsInTurns, checkCountsShape, checkTeacherInTurns, checkTeacherShape } from './types.ts';

/** What a teacher knows of one feature. */
export interface TeacherKnowledge {
  /** Teacher rows, finite, [ids * dim]. */
  rows: Float32Array;
  dim: number;
  /** Accesses while the teacher trained, [ids]. */
  counts: Counts;
  /**
   * Recent accesses, by which hot ids are chosen, [ids]. Counts carry no label, so rows newer than the teacher's may be
   * counted. Default `counts`. A function is called when the table's turn comes.
   */
  hotCounts?: Counts | (() => Counts | Promise<Counts>);
}

/** What one internal table got. */
export interface TableStatistics {
  rows: number;
  /** Rows owned by one hot id each: rows 0 .. hotRows - 1, hottest first. */
  hotRows: number;
  /** Ids that were clustered, and the rows that the learner gave them. */
  clusteredIds: number;
  clusters: number;
  /** Rows without any id. */
  emptyRows: number;
  /** Ids in the fullest row. */
  largestRow: number;
  /** Rounds of the agglomerative method or of k-means; 0 for the others. */
  rounds: number;
  fallbackRounds: number;
  splitRounds: number;
  /** The limit of ids to a cluster, of the methods that have one; null for the others. */
  maxClusterSize: number | null;
  /** Clusters over that limit, which is a soft one without `strictSize`. */
  rowsOverLimit: number;
}

/** What {@link learnMapping} did. */
export interface MappingStatistics {
  ids: number;
  /** Ids with teacher count 0. */
  unseenIds: number;
  /** Share of the recent accesses (`hotCounts`) that fall on them. */
  unseenTraffic: number;
  /** Where the tables were learned. */
  device: PlacedOn;
  tables: TableStatistics[];
}

/** What {@link learnMapping} yields. */
export interface LearnedMapping {
  /** One per internal table: kind 'table', or 'identity' where there are rows for all ids. */
  hashes: HashFunction[];
  statistics: MappingStatistics;
}

const NO_ROUNDS = { rounds: 0, fallbackRounds: 0, splitRounds: 0 };
const NO_LIMIT: Pick<TableStatistics, 'maxClusterSize' | 'rowsOverLimit'> = { maxClusterSize: null, rowsOverLimit: 0 };

/**
 * Learns the hash functions of one feature from its teacher.
 *
 * Of the T rows of an internal table, round(hotShare * T) go to the ids with most recent accesses (ties: the lower id),
 * none to ids without any, and one row is always left for the other ids (but see `unseen` 'dealt'). The ids that the
 * teacher saw are clustered over the remaining rows. A table with at least as many rows as ids is the identity. With 2 hashes, the tables have
 * ceil(rows / 2) and floor(rows / 2) rows for 'sum' and `rows` each for 'concat': the multiple internal tables of
 * "Learning to Collide".
 *
 * @param teacher - one feature's teacher; its arrays are not used any more when the call returns its promise
 * @returns the hash functions, entries in the narrowest typed array that fits, and statistics
 * @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, CUDA_UNAVAILABLE, NOT_SUPPORTED (device 'cuda' and a method without
 * CUDA kernels), ABORTED, OUT_OF_MEMORY; always by rejecting the promise
 * @example
 * ```ts
 * const { hashes } = await learnMapping({ rows: teacherRows, dim: 2, counts }, { rows: 1000, hotShare: 0.5 });
 * ```
 */
export async function learnMapping(teacher: TeacherKnowledge, options: LearnMappingOptions): Promise<LearnedMapping> {
  checkOptions(teacher, ['rows', 'dim', 'counts', 'hotCounts'], 'the teacher of learnMapping');
  const where = 'learnMapping';
  const ids = checkTeacherShape(teacher.rows, teacher.dim, teacher.counts, where);
  const plan = planMapping(options, ids, teacher.dim);
  const { signal } = plan.job;
  throwIfAborted(signal);
  // From here on the caller may do with the arrays what it likes.
  const given = hotCountsOf(teacher, ids);
  const [rows, counts] = [teacher.rows.slice(), teacher.counts.slice()];
  const hotCounts = (await given) ?? counts;
  await checkTeacherInTurns(rows, teacher.dim, counts, where, signal);
  if (hotCounts !== counts) {
    checkCountsShape(hotCounts, ids, `hotCounts of ${where}`);
    await checkCountsInTurns(hotCounts, `hotCounts of ${where}`, signal);
  }
  const unseen = await unseenShare(counts, hotCounts, signal);
  const tables = await prepare({ rows, dim: teacher.dim, counts }, hotCounts, plan);

  const hashes: HashFunction[] = [];
  const statistics: TableStatistics[] = [];
  for (const [k, table] of tables.entries()) {
    throwIfAborted(signal);
    if (table === undefined) {
      hashes.push({ kind: 'identity' });
      const all = { rows: ids, hotRows: 0, clusteredIds: 0, clusters: 0, emptyRows: 0, largestRow: 1 };
      statistics.push({ ...all, ...NO_ROUNDS, ...NO_LIMIT });
      continue;
    }
    const rows = plan.heights[k]!;
    const { entries, hotRows, members } = table.layout;
    const { assignment, ...learned } = await learn(table, k, plan);
    const fill = (begin: number, end: number) => {
      for (let i = begin; i < end; i++) entries[members[i]!] = hotRows + assignment[i]!;
    };
    await inTurns(members.length, fill, signal);
    hashes.push({ kind: 'table', rows, entries });
    const loads = await occupancy(entries, rows, signal);
    statistics.push({ rows, hotRows, clusteredIds: members.length, ...learned, ...loads });
  }
  return { hashes, statistics: { ids, ...unseen, device: plan.device, tables: statistics } };
}

/** A copy of what the caller gave, or what its function makes; the elements are still to be checked. */
function hotCountsOf({ hotCounts }: TeacherKnowledge, ids: number): Counts | Promise<Counts> | undefined {
  if (typeof hotCounts === 'function') return hotCounts();
  if (hotCounts === undefined || hotCounts === null) return undefined;
  checkCountsShape(hotCounts, ids, 'hotCounts of learnMapping');
  return hotCounts.slice();
}

/** One table's layout and copies of what its learner needs, all in the order of `layout.members`. */
interface Prepared {
  layout: Layout;
  counts: Float64Array;
  /** Teacher rows for the methods that take all dimensions, a 1-D view of them for the others. */
  input: Float32Array | Float64Array;
}

/** Lays out the tables; undefined for a table with rows for all ids. */
async function prepare(
  teacher: TeacherKnowledge,
  hotCounts: Counts,
  plan: MappingPlan,
): Promise<(Prepared | undefined)[]> {
  const { dim, counts } = teacher;
  const { signal } = plan.job;
  // Sorting is what costs: only where the order is asked for.
  const ordered = plan.hotShare > 0 || plan.unseen === 'dealt';
  const hottest = ordered ? await hottestFirst(hotCounts, signal) : new Uint32Array(0);
  const tables: (Prepared | undefined)[] = [];
  for (const [k, rows] of plan.heights.entries()) {
    if (rows >= counts.length) {
      tables.push(undefined);
      continue;
    }
    const layout = await layOut(counts, hottest, { ...plan, rows, seed: tableSeed(plan, k), signal });
    const { members } = layout;
    const memberCounts = new Float64Array(members.length);
    const memberRows = new Float32Array(members.length * dim);
    const gather = (begin: number, end: number) => {
      for (let i = begin; i < end; i++) {
        memberCounts[i] = counts[members[i]!]!;
        for (let d = 0; d < dim; d++) memberRows[i * dim + d] = teacher.rows[members[i]! * dim + d]!;
      }
    };
    await inTurns(members.length, gather, signal, Math.ceil(16_384 / dim));
    const joint = isJoint(plan.method) || members.length === 0;
    const input = joint ? memberRows : await project(memberRows, dim, memberCounts, k, plan);
    tables.push({ layout, counts: memberCounts, input });
  }
  return tables;
}

/** The 1-D view of the teacher that the k-th table clusters. */
async function project(
  rows: Float32Array,
  dim: number,
  counts: Float64Array,
  k: number,
  { projection, job: { threads, signal } }: MappingPlan,
): Promise<Float64Array> {
  if (dim === 1) return new Float64Array(rows);
  if (projection === 'hilbert') return hilbertKeys(rows, dim, { threads, signal });
  if (projection === 'principal') return principalProjection(rows, dim, counts, k, { threads, signal });
  const values = new Float64Array(counts.length);
  const pick = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) values[id] = rows[id * dim + k]!;
  };
  await inTurns(values.length, pick, signal);
  return values;
}

type Learned = { assignment: Uint32Array; clusters: number } & typeof NO_ROUNDS & typeof NO_LIMIT;

async function learn({ layout, counts, input }: Prepared, k: number, plan: MappingPlan): Promise<Learned> {
  const { clusterRows: rows } = layout;
  const ids = counts.length;
  const clusters = Math.min(ids, rows);
  if (ids === 0) return { assignment: new Uint32Array(0), clusters, ...NO_ROUNDS, ...NO_LIMIT };
  const { signal, threads, onProgress } = plan.job;
  const overall = (share: number) => ({ hash: k, share: (k + share) / plan.heights.length });
  const job: JobOptions<number> = {
    signal,
    threads,
    onProgress: onProgress && ((share) => onProgress(overall(share))),
  };
  if (input instanceof Float32Array) {
    return { clusters, ...NO_ROUNDS, ...NO_LIMIT, ...(await learnJointly(input, counts, rows, k, plan, job)) };
  }
  if (plan.method === 'equal-mass') {
    const assignment = await equalMassBins(input, counts, rows, {
      ...job,
      mass: plan.mass,
      device: plan.device,
    });
    return { assignment, clusters, ...NO_ROUNDS, ...NO_LIMIT };
  }
  if (plan.method === 'exact') {
    const { assignment } = await optimalBins(input, idWeights(counts, plan.kMeans.weight), { rows, signal });
    return { assignment, clusters, ...NO_ROUNDS, ...NO_LIMIT };
  }
  const maxClusterSize = plan.agglomerative.maxClusterSize ?? 4 * Math.ceil(ids / clusters);
  const { assignment, sizes, rounds, fallbackRounds, splitRounds } = await agglomerate(input, counts, {
    ...plan.agglomerative,
    maxClusterSize,
    rows,
    signal,
    threads,
    onProgress:
      onProgress &&
      ((progress) => onProgress({ ...progress, ...overall((ids - progress.clusters) / (ids - clusters)) })),
  });
  const limit = { maxClusterSize, rowsOverLimit: sizes.filter((size) => size > maxClusterSize).length };
  return { assignment, clusters, rounds, fallbackRounds, splitRounds, ...limit };
}

/** The methods that take all dimensions of the teacher at once. */
async function learnJointly(
  teacherRows: Float32Array,
  counts: Float64Array,
  rows: number,
  k: number,
  plan: MappingPlan,
  job: JobOptions<number>,
): Promise<{ assignment: Uint32Array; rounds?: number; maxClusterSize?: number }> {
  const { signal, threads, onProgress } = job;
  const dim = teacherRows.length / counts.length;
  switch (plan.method as JointMethod) {
    case 'kd-tree':
      return {
        assignment: await learnKdTree(teacherRows, dim, counts, rows, {
          ...job,
          rotate: plan.rotate,
          device: plan.device,
        }),
      };
    case 'k-means': {
      const { iterations: most } = plan.kMeans;
      const { assignment, iterations } = await kMeans(teacherRows, dim, counts, {
        ...plan.kMeans,
        device: plan.device,
        rows,
        signal,
        threads,
        onProgress: onProgress && (({ iteration }) => onProgress(iteration / most)),
      });
      return { assignment, rounds: iterations };
    }
    case 'lsh': {
      const { maxClusterSize = 4 * Math.ceil(counts.length / Math.min(counts.length, rows)) } = plan.agglomerative;
      const seed = tableSeed(plan, k);
      const { assignment } = await learnLsh(teacherRows, dim, {
        ...plan.lsh,
        maxClusterSize,
        rows,
        seed,
        signal,
        threads,
      });
      return { assignment, maxClusterSize };
    }
  }
}

/** Every internal table hashes by a seed of its own. */
function tableSeed(plan: MappingPlan, k: number): bigint {
  return BigInt.asUintN(64, plan.seed + BigInt(k));
}

async function unseenShare(
  counts: Counts,
  hotCounts: Counts,
  signal: AbortSignal | undefined,
): Promise<{ unseenIds: number; unseenTraffic: number }> {
  let unseenIds = 0;
  let accesses = 0;
  let total = 0;
  const add = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) {
      total += hotCounts[id]!;
      if (counts[id] !== 0) continue;
      unseenIds++;
      accesses += hotCounts[id]!;
    }
  };
  await inTurns(counts.length, add, signal);
  return { unseenIds, unseenTraffic: total > 0 ? accesses / total : 0 };
}

async function occupancy(
  entries: TableEntries,
  rows: number,
  signal: AbortSignal | undefined,
): Promise<{ emptyRows: number; largestRow: number }> {
  const load = new Uint32Array(rows);
  const count = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) load[entries[id]!]!++;
  };
  await inTurns(entries.length, count, signal);
  let emptyRows = 0;
  let largestRow = 0;
  const look = (begin: number, end: number) => {
    for (let row = begin; row < end; row++) {
      if (load[row] === 0) emptyRows++;
      if (load[row]! > largestRow) largestRow = load[row]!;
    }
  };
  await inTurns(rows, look, signal);
  return { emptyRows, largestRow };
}
