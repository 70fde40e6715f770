/**
 * Cross-fitting: clusters from the newest labels that do not encode them. The teacher of the past goes on over the
 * student's rows in three ways: over all of them (its clusters are served) and over either half. A student row trains the
 * cluster that its id has for the teacher that did not see this row's half, so that the label of a rare id has no say in
 * which row it trains. docs/notebook/quality.md has what it gives.
 *
 * O(ids log rows) a feature, in turns of the event loop. Deterministic.
 */
import { learners, type PrincipalComponents, principalComponents } from '../../clustering/index.ts';
import { checkSameVocabulary } from '../../data/same_vocabulary.ts';
import { CollideError, checkList, checkObject, checkOptions } from '../../errors.ts';
import type { FeatureHashing } from '../../hashing/feature_hashing.ts';
import type { HashFunction } from '../../hashing/index.ts';
import { checkHashing, Hashing, type LearnedFeature } from '../../pipeline/hashing.ts';
import { checkSameTraining } from '../../pipeline/origin.ts';
import { checkTeacher, type TeacherFeature } from '../../pipeline/teacher.ts';
import { inTurns } from '../../turns.ts';
import type { CrossTeachers } from './cross_teachers.ts';
import { ownOf } from './options.ts';

/**
 * The hashing with training hashes of two folds: a student that is given it trains an example by the hash function of its
 * fold, and is served by the hash functions of the hashing. For a hashing that was learned from `teachers.whole` by a method
 * that cuts one dimension. Ids with a hot row keep it; the others train, in fold k, the cluster into whose interval their
 * value by `teachers.halves[k]` falls, or, unknown to it, what ids train that no teacher knows.
 *
 * @throws CollideError INVALID_ARGUMENT for a hashing of another kind, or one that other teachers were the source of;
 * VOCABULARY_MISMATCH, ABORTED; always by rejecting the promise
 */
export async function crossFit(
  hashing: Hashing,
  teachers: CrossTeachers,
  options: { signal?: AbortSignal } = {},
): Promise<Hashing> {
  checkParts(hashing, teachers);
  checkOptions(options, ['signal'], 'crossFit');
  const { manifest, counts, vocabulary, teacher } = hashing;
  if (manifest.learned === undefined) throw notCut(`"${manifest.method}"`);
  const features: FeatureHashing[] = [];
  for (const [f, feature] of hashing.features.entries()) {
    const hash = feature.hashes[0]!;
    if (hash.kind !== 'table') {
      features.push(feature);
      continue;
    }
    const learned = ownOf(manifest.learned, feature.name);
    if (learned === undefined || !isCut(learned)) {
      throw notCut(`"${learned?.method ?? manifest.method}" for feature "${feature.name}"`);
    }
    const several = feature.hashes[1]?.kind === 'table';
    features.push(several ? feature : await crossFitted(feature, hash, learned, teachers, f, options.signal));
  }
  return new Hashing(features, manifest, new Map(counts), { vocabulary, teacher });
}

type TableHash = HashFunction & { kind: 'table' };

/** A feature with training hashes of two folds, or as it is where no id has a cluster. */
async function crossFitted(
  feature: FeatureHashing,
  hash: TableHash,
  { hotRows, coldRow }: LearnedFeature,
  { whole, halves }: CrossTeachers,
  f: number,
  signal: AbortSignal | undefined,
): Promise<FeatureHashing> {
  const { entries } = hash;
  const { dim } = whole;
  const known = whole.features[f]!;
  const outOfVocabulary = whole.vocabulary.features[f]!.outOfVocabulary ?? null;
  const unseenRow = outOfVocabulary === null ? undefined : entries[outOfVocabulary]!;
  const clustered = (row: number) => row >= hotRows && row !== unseenRow && row !== coldRow;
  const members = await membersOf(known.counts, (id) => clustered(entries[id]!), signal);
  if (members.length === 0) return feature;
  const axis = await axisOf(known, dim, members, signal);
  const rowAt = await intervals(
    members,
    (id) => entries[id]!,
    (id) => project(known.rows, dim, id, axis),
    signal,
  );
  const shared = (feature.trainingHashes?.[0]?.[0] as TableHash | undefined) ?? hash; // of all folds
  const unknownRow = coldRow ?? unseenRow;
  const trainingHashes: HashFunction[][] = [];
  for (const half of halves) {
    const { rows, counts } = half.features[f]!;
    const trained = shared.entries.slice();
    const place = (begin: number, end: number) => {
      for (const id of members.subarray(begin, end)) {
        trained[id] = counts[id] === 0 ? (unknownRow ?? entries[id]!) : rowAt(project(rows, dim, id, axis));
      }
    };
    await inTurns(members.length, place, signal, sliceFor(dim));
    trainingHashes.push([{ ...hash, entries: trained }, ...feature.hashes.slice(1)]);
  }
  return { ...feature, trainingHashes };
}

/** That hashing and teachers belong together. */
function checkParts(hashing: Hashing, teachers: CrossTeachers): void {
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

/** Whether clusters are intervals of the first principal component. */
function isCut({ method, projection = 'principal' }: LearnedFeature): boolean {
  return learners.has(method) && learners.get(method, 'the hashing').cuts1D === true && projection === 'principal';
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

/** Clusters as intervals of values, cut midway between neighbours: value -> the row of the cluster that it falls into. */
async function intervals(
  members: Uint32Array,
  rowOf: (id: number) => number,
  positionOf: (id: number) => number,
  signal?: AbortSignal,
): Promise<(value: number) => number> {
  const clusters = new Map<number, { row: number; low: number; high: number }>();
  const widen = (begin: number, end: number) => {
    for (const id of members.subarray(begin, end)) {
      const value = positionOf(id);
      const row = rowOf(id);
      const known = clusters.get(row);
      if (known === undefined) clusters.set(row, { row, low: value, high: value });
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
    return sorted[from]!.row;
  };
}
