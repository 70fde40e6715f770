/** `auto` as one call: from a data set to a student with learned hash functions, all of its choices made on validation rows. */

import { checkDataset } from '../../data/check_split.ts';
import type { Dataset } from '../../data/types.ts';
import {
  CollideError,
  checkCallbacks,
  checkInteger,
  checkList,
  checkNumber,
  checkObject,
  checkOneOf,
  checkOptions,
  describe,
} from '../../errors.ts';
import type { OnProgress } from '../../job.ts';
import { optionNames } from '../../option_names.ts';
import type { Hashing } from '../../pipeline/hashing.ts';
import type { Student } from '../../pipeline/student.ts';
import { Teacher } from '../../pipeline/teacher.ts';
import { MODEL_OPTIONS, type ModelOptions, type TrainingOptions } from '../../training/options.ts';
import { auto } from '../auto.ts';
import type { CrossTeachers } from '../learning/cross_teachers.ts';
import { MOST_PARTS } from '../learning/parts.ts';
import { DEFAULT_MIN_ROWS, sizeForBytes, targetRows } from '../table_rows.ts';
import { type Choice, type DroppedShape, MethodTraining, untaughtOf } from './method_training.ts';
import { DEFAULT_DIM, defaultSettings, type MethodSettings } from './settings.ts';
import { type TeacherSettings, teachersOf } from './teachers.ts';

/** Options of {@link trainAuto}. Each that is a list is a choice that the validation rows make. */
export interface AutoOptions
  extends ModelOptions,
    Pick<TrainingOptions, 'batchSize' | 'patience' | 'device' | 'threads' | 'signal'> {
  /** Rows of a compressed table as a share of its ids, above 0, at most 1. Default 0.1, unless `bytes` is given. */
  size?: number;
  /**
   * In place of `size`: most bytes of all tables together, mappings included, as a share of those of full tables. All
   * compressed tables get the same share of their ids, the largest that keeps within it.
   */
  bytes?: number;
  /** Features with fewer ids stay whole. Default 500. */
  minRows?: number;
  /** Width of the student's rows. Default 16. */
  dim?: number;
  /** Shares of a table's rows for the hottest ids. Default [0, 0.5, 0.75, 0.9, 1]. */
  hotShare?: number | readonly number[];
  /** Whether the teacher goes on over the student's rows, cross-fitted. Default [false, true]. */
  crossFit?: boolean | readonly boolean[];
  /** Pieces that a row is put together of; see `learnHashing`. Default [1, 4], without what does not divide `dim`. */
  parts?: number | readonly number[];
  /** Where ids go that own no row and that the teacher never saw; see `learnHashing`. Default 'out-of-vocabulary'. */
  unseen?: MethodSettings['unseen'];
  /** Share of the student's accesses to ids new since the teacher that trains the out-of-vocabulary row. Default 0.05. */
  outOfVocabularyShare?: number;
  /** Of the student's tables. Default [0.02, 0.05, 0.1]. */
  learningRate?: number | readonly number[];
  /** The most passes over the student's rows to try. Default 4. */
  epochs?: number;
  /** A teacher that is trained already, on rows older than the student's; or how to train one. */
  teacher?: Teacher | TeacherSettings;
  /** Teachers of `trainCrossTeachers`, where they are trained already. Default: trained when first asked for. */
  crossTeachers?: CrossTeachers;
  /** A choice made before, with another seed, say: nothing is tried then. */
  choice?: Choice;
  /** Of teacher, hash functions and student. Default 1. */
  seed?: number;
  /** Told what is being done, and the share of it that is done, 0 to 1. */
  onProgress?: OnProgress;
}

/** What {@link trainAuto} made, and how. `saveModel` takes it as it is. */
export interface AutoTraining {
  /** Close it, or declare it with `using`. */
  student: Student;
  hashing: Hashing;
  /** The teacher that the hash functions were learned from: of the past, or one that went on over the student's rows. */
  teacher: Teacher;
  choice: Choice;
  /** The share of its ids that a compressed table got. */
  size: number;
  /** Tables that stayed whole because learned hash functions would take at least as many bytes. */
  whole: readonly string[];
  /** Features of which the teacher could learn nothing: hashed by modulo. */
  untaught: readonly string[];
  /** Learning rates that were left out because training diverged with them. */
  diverged: readonly number[];
  /** Layouts that were left out because training diverged with every learning rate. */
  dropped: readonly DroppedShape[];
  /** The teacher's is undefined for one that was handed in. */
  seeds: { teacher: number | undefined; hashing: number; student: number };
  /** What it took. */
  seconds: { teacher: number; cluster: number; tune: number; train: number };
}

const OPTIONS = [
  ...MODEL_OPTIONS,
  ...optionNames<Omit<AutoOptions, keyof ModelOptions>>({
    ...{ batchSize: true, patience: true, device: true, threads: true, signal: true },
    ...{ size: true, bytes: true, minRows: true, dim: true, hotShare: true, crossFit: true, parts: true, unseen: true },
    ...{
      outOfVocabularyShare: true,
      learningRate: true,
      epochs: true,
      teacher: true,
      crossTeachers: true,
      choice: true,
    },
    ...{ seed: true, onProgress: true },
  }),
];

/**
 * Trains a teacher on split `teacher`, learns hash functions from it, and trains the student on split `student`. How many
 * rows the hottest ids get, whether the teacher goes on over the student's rows, the pieces of a row, tables that are
 * better hashed without learning, the learning rate and the epochs are chosen on split `validation`. It is method `auto` of
 * `compare`: equal options and seed give the same student.
 *
 * @param data - with splits `teacher`, `student` and `validation`, as `openDataset` makes them
 * @throws CollideError INVALID_ARGUMENT (no such split, `bytes` below the least that is possible), UNKNOWN_OPTION,
 * VOCABULARY_MISMATCH (a teacher of other data), ABORTED, DIVERGED when nothing that it may choose from trains,
 * CUDA_UNAVAILABLE, NOT_SUPPORTED
 * @example
 * ```ts
 * const model = await trainAuto(data, { bytes: 0.1 });
 * console.log(model.choice, await model.student.evaluate(data.split('evaluation')));
 * await saveModel('model', model);
 * ```
 */
export async function trainAuto(data: Dataset, options: AutoOptions = {}): Promise<AutoTraining> {
  checkDataset(data, 'trainAuto');
  checkOptions(options, OPTIONS, 'trainAuto');
  const { minRows = DEFAULT_MIN_ROWS, seed = 1, choice, onProgress, signal } = options;
  checkCallbacks(signal, onProgress);
  checkInteger(seed, 0, 1e12, 'seed of trainAuto');
  const dim = checkInteger(options.dim ?? DEFAULT_DIM, 1, 65_536, 'dim of trainAuto');
  if (choice !== undefined) checkObject(choice, 'choice of trainAuto');
  const size = sizeOf(data, options, minRows, dim);
  const learningRates = listOf(options.learningRate ?? [0.02, 0.05, 0.1], 'learningRate');
  const { batchSize, patience, device, threads } = options;
  const model = Object.fromEntries(MODEL_OPTIONS.map((name) => [name, options[name]])) as ModelOptions;
  const training = { ...model, ...{ batchSize, patience, device, threads, signal } };
  const teachers = teachersOf(data, { ...options, ...{ training, seed, learningRates } });
  const run = new MethodTraining(auto, {
    ...{ data, size, minRows, dim, seed, learningRates, teachers, onProgress },
    settings: settingsOf(options, dim, teachers.canGoOn),
    student: { ...training, outOfVocabulary: { older: data.split('teacher'), share: outOfVocabularyShareOf(options) } },
    maxEpochs: options.epochs ?? 4,
  });
  const best = choice === undefined ? await run.choose(() => undefined, { trainsNext: true }) : { choice, dropped: [] };
  const { student, hashing, teacher } = await run.train(best.choice);
  onProgress?.({ step: 'trained', share: 1 });
  return {
    ...{ student, hashing, teacher: teacher!, choice: best.choice, size, whole: run.whole },
    ...{ untaught: untaughtOf(hashing) ?? [], dropped: best.dropped },
    diverged: ('diverged' in best ? best.diverged : undefined) ?? [],
    seeds: { teacher: options.teacher instanceof Teacher ? undefined : seed, hashing: seed, student: seed },
    seconds: run.seconds,
  };
}

function sizeOf({ features }: Dataset, { size, bytes }: AutoOptions, minRows: number, dim: number): number {
  if (bytes === undefined) {
    targetRows(1, { size: size ?? 0.1, minRows });
    return size ?? 0.1;
  }
  if (size === undefined) return sizeForBytes(features, { bytes, minRows, dim });
  throw new CollideError('INVALID_ARGUMENT', `Expected either size or bytes for trainAuto, received both`);
}

/** What `auto` may choose from. */
function settingsOf(options: AutoOptions, dim: number, canGoOn: boolean): MethodSettings {
  const defaults = defaultSettings(dim);
  const hotShare = listOf(options.hotShare ?? defaults.hotShare, 'hotShare');
  for (const share of hotShare) checkNumber(share, 0, 1, 'hotShare of trainAuto');
  const crossFit = listOf(options.crossFit ?? (canGoOn ? defaults.crossFit : [false]), 'crossFit');
  for (const value of crossFit) {
    if (value === false || (value === true && canGoOn)) continue;
    const expected =
      value === true ? 'a teacher with its learning rate and epochs (or crossTeachers)' : 'true or false';
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected ${expected} for crossFit of trainAuto, received ${describe(value === true ? options.teacher : value)}`,
    );
  }
  const parts = listOf(options.parts ?? defaults.parts, 'parts');
  for (const value of parts) {
    checkInteger(value, 1, MOST_PARTS, 'parts of trainAuto');
    if (dim % value === 0) continue;
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected parts that divide dim (${dim}) for trainAuto, received ${value}`,
    );
  }
  const unseen = checkOneOf(
    options.unseen ?? defaults.unseen,
    ['shared', 'dealt', 'out-of-vocabulary'],
    'unseen of trainAuto',
  );
  return { hotShare, crossFit, parts, unseen };
}

function outOfVocabularyShareOf({ outOfVocabularyShare = 0.05, unseen = 'out-of-vocabulary' }: AutoOptions): number {
  const share = checkNumber(outOfVocabularyShare, 0, 1, 'outOfVocabularyShare of trainAuto');
  if (share > 0 || unseen !== 'out-of-vocabulary') return share;
  throw new CollideError(
    'INVALID_ARGUMENT',
    'Expected an outOfVocabularyShare above 0 for trainAuto (unseen is out-of-vocabulary), received 0',
  );
}

/** One value or several, at least one. */
function listOf<T extends number | boolean>(value: T | readonly T[], name: string): readonly T[] {
  const list = Array.isArray(value) ? checkList(value as readonly T[], `${name} of trainAuto`) : [value as T];
  if (list.length > 0) return list;
  throw new CollideError('INVALID_ARGUMENT', `Expected at least one ${name} for trainAuto, received none`);
}
