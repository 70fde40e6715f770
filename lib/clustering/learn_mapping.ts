/**
 * Teacher rows and access counts -> hash functions: hot ids own rows, the ids that the teacher saw are clustered over
 * the rest, ids that it never saw go where `unseen` says. One hash function per internal table.
 *
 * O(ids * dim) on the caller's thread, in turns of the event loop, and the learner's own cost on a native one.
 * Deterministic: the same input and seed give the same entries.
 */

import { checkOptions, throwIfAborted } from '../errors.ts';
import type { HashFunction } from '../hashing/index.ts';
import type { Progress } from '../job.ts';
import { optionNames } from '../option_names.ts';
import { inTurns } from '../turns.ts';
import { hilbertKeys } from './hilbert.ts';
import { type LearnMappingOptions, type MappingPlan, planMapping } from './learn_mapping_options.ts';
import { hottestFirst, type Layout, layOut } from './mapping_layout.ts';
import {
  type MappingStatistics,
  NOTHING_LEARNED,
  occupancy,
  sizesOf,
  type TableStatistics,
  unseenShare,
} from './mapping_statistics.ts';
import { principalProjection } from './principal.ts';
import { type Counts, checkCountsInTurns, checkCountsShape, checkTeacherInTurns, checkTeacherShape } from './types.ts';

const KNOWLEDGE = optionNames<TeacherKnowledge>({ rows: true, dim: true, counts: true, hotCounts: true });

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

/** What {@link learnMapping} yields. */
export interface LearnedMapping {
  /** One per internal table: kind 'table', or 'identity' where there are rows for all ids. */
  hashes: HashFunction[];
  statistics: MappingStatistics;
}

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
  checkOptions(teacher, KNOWLEDGE, 'the teacher of learnMapping');
  const where = 'learnMapping';
  const ids = checkTeacherShape(teacher.rows, teacher.dim, teacher.counts, where);
  const plan = planMapping(options, teacher.dim);
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
      statistics.push({ ...all, ...NOTHING_LEARNED });
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

/** Lays out the tables; undefined for a table with rows for all ids. The teacher's rows are consumed. */
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
    // The last table moves its rows together where they are: members ascend, so none is overwritten before it is read.
    const last = k === plan.heights.length - 1;
    const memberRows = last ? teacher.rows.subarray(0, members.length * dim) : new Float32Array(members.length * dim);
    const gather = (begin: number, end: number) => {
      for (let i = begin; i < end; i++) {
        memberCounts[i] = counts[members[i]!]!;
        for (let d = 0; d < dim; d++) memberRows[i * dim + d] = teacher.rows[members[i]! * dim + d]!;
      }
    };
    await inTurns(members.length, gather, signal, Math.ceil(16_384 / dim));
    const whole = plan.learner.dimensions === 'all' || members.length === 0;
    const input = whole ? memberRows : await project(memberRows, dim, memberCounts, k, plan);
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

type Learned = { assignment: Uint32Array } & Pick<TableStatistics, 'clusters' | keyof typeof NOTHING_LEARNED>;

async function learn({ layout, counts, input }: Prepared, k: number, plan: MappingPlan): Promise<Learned> {
  const ids = counts.length;
  const clusters = Math.min(ids, layout.clusterRows);
  if (ids === 0) return { assignment: new Uint32Array(0), clusters, ...NOTHING_LEARNED };
  const { signal, threads, onProgress } = plan.job;
  const tell = (progress: Progress) =>
    onProgress?.({ ...progress, hash: k, share: (k + progress.share) / plan.heights.length });
  const learned = await plan.learner.learn(
    { vectors: input, dim: input.length / ids, counts },
    {
      ...plan.own,
      clusters,
      device: plan.device,
      seed: tableSeed(plan, k),
      signal,
      threads,
      onProgress: onProgress && tell,
    },
  );
  const { assignment, maxClusterSize = null } = learned;
  const { fallbackRounds = 0, splitRounds = 0, rounds = 0 } = learned as Partial<TableStatistics>;
  const sizes = await sizesOf(assignment, ids, clusters, plan.learner.name, signal);
  const rowsOverLimit = maxClusterSize === null ? 0 : sizes.filter((size) => size > maxClusterSize).length;
  return { assignment, clusters, rounds, fallbackRounds, splitRounds, maxClusterSize, rowsOverLimit };
}

/** Every internal table hashes by a seed of its own. */
function tableSeed(plan: MappingPlan, k: number): bigint {
  return BigInt.asUintN(64, plan.seed + BigInt(k));
}
