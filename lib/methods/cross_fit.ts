/**
 * Cross-fitting: clusters from the newest labels that do not encode them. The teacher of the past goes on over the
 * student's rows in three ways: over all of them (its clusters are served) and over either half. A student row trains the
 * cluster that its id has for the teacher that did not see this row's half, so that the label of a rare id has no say in
 * which row it trains. docs/notebook/quality.md has what it gives.
 *
 * Costs two passes over the student's rows more than a teacher; O(ids log rows) a feature, in turns of the event loop.
 * Deterministic.
 */
import {
  learners,
  type MappingStatistics,
  type PrincipalComponents,
  principalComponents,
} from '../clustering/index.ts';
import { identityOrder } from '../clustering/order.ts';
import { checkSplit } from '../data/check_split.ts';
import type { FeatureInfo } from '../data/feature_info.ts';
import { checkSameVocabulary } from '../data/same_vocabulary.ts';
import type { Split } from '../data/types.ts';
import { Vocabulary } from '../data/vocabulary.ts';
import { CollideError, checkList, checkObject, checkOptions } from '../errors.ts';
import type { Recommender } from '../model/recommender.ts';
import { rememberHashing } from '../pipeline/detours.ts';
import { checkHashing, type Hashing, type HashingManifest } from '../pipeline/hashing.ts';
import { newcomerDetours } from '../pipeline/newcomers.ts';
import { checkSameTraining } from '../pipeline/origin.ts';
import { checkTeacher, rowsOf, Teacher, type TeacherFeature, type TeacherOptions } from '../pipeline/teacher.ts';
import { checkSplitOf, checkTrainingSplits } from '../training/check_splits.ts';
import type { Detours } from '../training/detours.ts';
import { fitFixed } from '../training/fit.ts';
import { buildRecommender, denseOptimizer, TRAINING_OPTIONS } from '../training/options.ts';
import { defaultBatchSize, trainEpoch } from '../training/train.ts';
import { epochSeed } from '../training/tune.ts';
import { inTurns } from '../turns.ts';
import { type LearnerOptions, ownOf } from './learn_hashing.ts';

/** Teachers of the past that went on over a student's rows. */
export interface CrossTeachers {
  /** Saw them all. */
  whole: Teacher;
  /** The k-th did not see the rows whose number is k modulo 2. */
  halves: readonly [Teacher, Teacher];
}

/**
 * Trains a teacher on the past and lets it go on, once, over the present: the student's rows, with the batch size and the
 * dense learning rate that suit the present. Dense columns stay standardised by the past.
 *
 * @param options - with one learning rate, chosen before, as `trainTeacher` does
 * @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, ABORTED, DIVERGED, CUDA_UNAVAILABLE
 * @example
 * ```ts
 * const teachers = await trainCrossTeachers(past, present, { learningRate: 0.1 });
 * const hashing = await learnHashing(teachers.whole, { size: 0.1, hotShare: 0.5, recent: [present] });
 * const student = await trainStudent(present, { hashing, detours: await crossFit(hashing, teachers, data.features) });
 * ```
 */
export async function trainCrossTeachers(
  past: Split,
  present: Split,
  options: Omit<TeacherOptions, 'validation'> = {},
): Promise<CrossTeachers> {
  checkSplit(past, 'trainCrossTeachers (the past)');
  checkSplit(present, 'trainCrossTeachers (the present)');
  checkOptions(options, [...TRAINING_OPTIONS.filter((name) => name !== 'validation'), 'dim'], 'trainCrossTeachers');
  checkTrainingSplits(past, options, 'trainCrossTeachers');
  const sides = { model: 'the past', data: 'the present' };
  checkSplitOf(past.vocabulary, present, 'the present of trainCrossTeachers', sides);
  const origin = { vocabulary: past.vocabulary };
  const { dim = 2, seed = 1, signal } = options;
  const build = (rate: number) => buildRecommender(past, undefined, dim, options, rate);
  const { model, ...fit } = await fitFixed(past, build, options);
  using owned = model;
  const start = snapshot(owned);
  // The present may be much larger than the past, or smaller: its batches and its dense rate are its own.
  const { learningRate } = denseOptimizer(present, options);
  if (learningRate !== undefined) owned.net.setLearningRate(learningRate);
  const batchSize = options.batchSize ?? defaultBatchSize(present.rows);
  const goOn = async (half?: 0 | 1): Promise<Teacher> => {
    start();
    const order = { batchSize, seed: epochSeed(seed, fit.epochs + 1), half, signal };
    await trainEpoch(owned, present, order);
    const rows = rowsOf(owned);
    const counts: Uint32Array[] = [];
    for (const f of present.features.keys()) {
      counts.push(await sum(past.idCounts(f), await idCounts(present, f, half, signal), signal));
    }
    const features = present.features.map(
      ({ name, cardinality }, f): TeacherFeature => ({
        name,
        cardinality,
        rows: rows[f]!,
        counts: counts[f]!,
      }),
    );
    return new Teacher(dim, features, fit, origin);
  };
  return { whole: await goOn(), halves: [await goOn(1), await goOn(0)] };
}

/** Remembers a model as it is; the function returned takes it back there. */
function snapshot({ tables, net }: Recommender): () => void {
  const [rows, parameters, state] = [tables.checkpoint(), net.parameters(), net.state()];
  return () => {
    tables.restore(rows);
    net.setParameters(parameters);
    net.setState(state);
  };
}

async function sum(a: Uint32Array, b: Uint32Array, signal?: AbortSignal): Promise<Uint32Array> {
  const total = new Uint32Array(a.length);
  const add = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) total[id] = a[id]! + b[id]!;
  };
  await inTurns(total.length, add, signal);
  return total;
}

/** Accesses per id in a half of a split, all of it by default. */
async function idCounts(split: Split, feature: number, half?: 0 | 1, signal?: AbortSignal): Promise<Uint32Array> {
  if (half === undefined) return split.idCounts(feature);
  const { ids, offsets } = split.ids(feature);
  const counts = new Uint32Array(split.features[feature]!.cardinality);
  const count = (begin: number, end: number) => {
    for (let row = 2 * begin + half; row < Math.min(split.rows, 2 * end); row += 2) {
      const last = offsets === null ? row + 1 : offsets[row + 1]!;
      for (let i = offsets === null ? row : offsets[row]!; i < last; i++) counts[ids[i]!]!++;
    }
  };
  await inTurns(Math.ceil(split.rows / 2), count, signal, 4096);
  return counts;
}

/**
 * The detours with which a student trains a hashing that was learned from `teachers.whole` by a method that cuts one
 * dimension. Ids with a hot row keep it; others train the cluster into whose interval the value of the other half's
 * teacher falls, or, unknown there, what ids train that no teacher knows.
 *
 * @throws CollideError INVALID_ARGUMENT for a hashing of another kind, or one that other teachers were the source of;
 * VOCABULARY_MISMATCH, ABORTED; always by rejecting the promise
 */
export async function crossFit(
  hashing: Hashing,
  teachers: CrossTeachers,
  features: readonly FeatureInfo[],
  { signal }: { signal?: AbortSignal } = {},
): Promise<Detours> {
  checkParts(hashing, teachers, features);
  const statistics = hashing.manifest.details?.statistics as Record<string, MappingStatistics> | undefined;
  if (statistics === undefined) throw notCut(`"${hashing.manifest.method}"`);
  const newcomers = newcomerDetours(hashing.features, features);
  const detours: Detours[number][] = [];
  for (const [f, { name, hashes, standIn }] of hashing.features.entries()) {
    const [hash] = hashes;
    if (hash?.kind !== 'table') {
      detours.push(undefined);
      continue;
    }
    checkCut(hashing.manifest, name);
    if (hashes.length > 1 && hashes[1]!.kind === 'table') {
      detours.push(undefined); // several learned ones
      continue;
    }
    const { entries } = hash;
    const { outOfVocabulary } = features[f]!;
    const { hotRows } = statistics[name]!.tables[0]!;
    const whole = teachers.whole.features[f]!;
    const { dim } = teachers.whole;
    const unseenRow = outOfVocabulary === null ? -1 : entries[outOfVocabulary]!;
    const unknown = standIn ?? outOfVocabulary;
    const members = await membersOf(
      whole.counts,
      (id) => entries[id]! >= hotRows && entries[id] !== unseenRow && id !== standIn,
      signal,
    );
    if (members.length === 0) {
      detours.push(newcomers[f]);
      continue;
    }
    const axis = await axisOf(whole, dim, members, signal);
    const idAt = await intervals(
      members,
      (id) => entries[id]!,
      (id) => project(whole.rows, dim, id, axis),
      signal,
    );
    const views: Uint32Array[] = [];
    for (const half of teachers.halves) {
      const { rows, counts } = half.features[f]!;
      const lookedUpAs = newcomers[f]?.[0]?.slice() ?? identityOrder(entries.length);
      const detour = (begin: number, end: number) => {
        for (const id of members.subarray(begin, end)) {
          lookedUpAs[id] = counts[id] === 0 ? (unknown ?? id) : idAt(project(rows, dim, id, axis));
        }
      };
      await inTurns(members.length, detour, signal, sliceFor(dim));
      views.push(lookedUpAs);
    }
    detours.push(views);
  }
  rememberHashing(detours, hashing);
  return detours;
}

/** That hashing, teachers and features belong together. */
function checkParts(hashing: Hashing, teachers: CrossTeachers, features: readonly FeatureInfo[]): void {
  checkHashing(hashing, 'crossFit');
  checkObject(teachers, 'the teachers of crossFit, as trainCrossTeachers gives them,');
  const { whole, halves } = teachers;
  if (checkList(halves, 'halves of the teachers of crossFit').length !== 2) {
    throw new CollideError('INVALID_ARGUMENT', `Expected 2 halves for crossFit, received ${halves.length}`);
  }
  const sides = { model: 'the hashing', data: 'the teachers' };
  for (const teacher of [whole, ...halves]) {
    checkTeacher(teacher, 'crossFit');
    checkSameVocabulary(hashing.vocabulary, teacher.vocabulary, sides);
  }
  checkSameTraining(hashing.teacher, whole.fingerprint, sides);
  const vocabulary = new Vocabulary({ features });
  checkSameVocabulary(hashing.vocabulary, vocabulary, { ...sides, data: 'the features' });
}

/** Ids for a slice of work that takes O(dim + log rows) for each. */
function sliceFor(dim: number): number {
  return Math.ceil(16_384 / (dim + 8));
}

/** The ids that a teacher knows and that `belongs` holds for, ascending. */
async function membersOf(
  counts: Uint32Array,
  belongs: (id: number) => boolean,
  signal?: AbortSignal,
): Promise<Uint32Array> {
  const members = new Uint32Array(counts.length);
  let count = 0;
  const gather = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) if (counts[id]! > 0 && belongs(id)) members[count++] = id;
  };
  await inTurns(counts.length, gather, signal);
  return members.slice(0, count);
}

/** The first principal component of the members' rows. */
async function axisOf(
  { rows, counts }: TeacherFeature,
  dim: number,
  members: Uint32Array,
  signal?: AbortSignal,
): Promise<PrincipalComponents> {
  const memberRows = new Float32Array(members.length * dim);
  const memberCounts = new Float64Array(members.length);
  const gather = (begin: number, end: number) => {
    for (let i = begin; i < end; i++) {
      memberCounts[i] = counts[members[i]!]!;
      for (let d = 0; d < dim; d++) memberRows[i * dim + d] = rows[members[i]! * dim + d]!;
    }
  };
  await inTurns(members.length, gather, signal, sliceFor(dim));
  return principalComponents(memberRows, dim, memberCounts, { count: 1, signal });
}

/** @throws CollideError INVALID_ARGUMENT unless the feature's learner cuts the principal dimension */
function checkCut({ method: common, details }: HashingManifest, name: string): void {
  const own = ownOf((details?.perFeature ?? {}) as Record<string, LearnerOptions>, name);
  const { method = 'agglomerative', projection = 'principal' } =
    own ?? ({ ...details, method: common } as LearnerOptions);
  const cuts = learners.has(method) && learners.get(method, 'the hashing').cuts1D;
  if (!cuts || projection !== 'principal') throw notCut(`"${method}" for feature "${name}"`);
}

function notCut(received: string): CollideError {
  return new CollideError(
    'INVALID_ARGUMENT',
    `Expected a hashing learned by a method that cuts one dimension, the principal one, for crossFit, received ${received}`,
  );
}

function project(rows: Float32Array, dim: number, id: number, { mean, components }: PrincipalComponents): number {
  let value = 0;
  for (let d = 0; d < dim; d++) value += (rows[id * dim + d]! - mean[d]!) * components[0]![d]!;
  return value;
}

/** Clusters as intervals of values, cut midway between neighbours: value -> an id of the cluster that it falls into. */
async function intervals(
  members: Uint32Array,
  rowOf: (id: number) => number,
  positionOf: (id: number) => number,
  signal?: AbortSignal,
): Promise<(value: number) => number> {
  const clusters = new Map<number, { id: number; low: number; high: number }>();
  const widen = (begin: number, end: number) => {
    for (const id of members.subarray(begin, end)) {
      const value = positionOf(id);
      const known = clusters.get(rowOf(id));
      if (known === undefined) clusters.set(rowOf(id), { id, low: value, high: value });
      else {
        known.low = Math.min(known.low, value);
        known.high = Math.max(known.high, value);
      }
    }
  };
  await inTurns(members.length, widen, signal, 1024);
  const sorted = [...clusters.values()].sort((a, b) => a.low - b.low || a.high - b.high);
  const cuts = Float64Array.from(sorted.slice(1), ({ low }, k) => (sorted[k]!.high + low) / 2);
  return (value) => {
    let [from, to] = [0, cuts.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (cuts[middle]! <= value) from = middle + 1;
      else to = middle;
    }
    return sorted[from]!.id;
  };
}
