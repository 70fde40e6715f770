/**
 * Teachers of the past that go on over the student's rows: over all of them, and over either half. See cross_fit.ts for what
 * they are good for. Costs two passes over the student's rows more than a teacher. Deterministic.
 */
import { checkSplit } from '../../data/check_split.ts';
import type { Split } from '../../data/types.ts';
import { checkOptions } from '../../errors.ts';
import type { Recommender } from '../../model/recommender.ts';
import { rowsOf, Teacher, type TeacherFeature, type TeacherOptions } from '../../pipeline/teacher.ts';
import { checkSplitOf, checkTrainingSplits } from '../../training/check_splits.ts';
import { fitFixed } from '../../training/fit.ts';
import { buildRecommender, denseOptimizer, TRAINING_OPTIONS } from '../../training/options.ts';
import { defaultBatchSize, trainEpoch } from '../../training/train.ts';
import { epochSeed } from '../../training/tune.ts';
import { inTurns } from '../../turns.ts';

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
 * const student = await trainStudent(present, { hashing: await crossFit(hashing, teachers) });
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
