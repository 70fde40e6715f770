/**
 * Trains the student of a compression method. What the method may choose (hot shares, layouts of tables), the learning rate
 * and the number of epochs are chosen on the validation rows; a student with a choice made before is trained as it says.
 * `compare`, `trainAuto` and `collide train` are this.
 */

import type { Dataset, Split } from '../../data/types.ts';
import type { MemoryReport } from '../../embedding/index.ts';
import { isDiverged } from '../../errors.ts';
import type { OnProgress } from '../../job.ts';
import type { Recommender } from '../../model/recommender.ts';
import type { Hashing } from '../../pipeline/hashing.ts';
import { type Student, type StudentOptions, trainStudent } from '../../pipeline/student.ts';
import type { Teacher } from '../../pipeline/teacher.ts';
import { fitTuned } from '../../training/fit.ts';
import { rowLosses } from '../../training/metrics.ts';
import { buildRecommender, type TrainingOptions } from '../../training/options.ts';
import { evaluateSplit, type Metrics, predictSplit } from '../../training/train.ts';
import { crossFit } from '../learning/cross_fit.ts';
import type { CrossTeachers } from '../learning/cross_teachers.ts';
import type { CompressionMethod, MethodTask } from '../method.ts';
import { type Attempt, chooseShape, mostSets, type Shape } from './choose.ts';
import { type Measured, measure } from './measure.ts';
import type { MethodSettings } from './settings.ts';

/** What is being done, and the share of the whole that is done, 0 to 1. */

/** What was chosen on the validation rows. */
export interface Choice extends Shape {
  /** Of the embedding optimizer. */
  learningRate: number;
  epochs: number;
}

/** A layout of tables that did not train. */
export interface DroppedShape extends Shape {
  reason: string;
}

/** Where a method that needs teachers gets them; asked again, both give what they gave before. */
export interface TeacherSource {
  /** The teacher of the past rows. */
  teacher(onProgress: OnProgress): Promise<Measured<Teacher>>;
  /** Teachers that went on over the student's rows. */
  cross(onProgress: OnProgress): Promise<Measured<CrossTeachers>>;
}

export interface MethodTrainingOptions {
  data: Dataset;
  size: number;
  minRows: number;
  /** Width of the student's rows. */
  dim: number;
  seed: number;
  settings: MethodSettings;
  /** Model and training of the student, but for what is chosen. */
  student: Omit<TrainingOptions, 'learningRate' | 'epochs' | 'seed' | 'validation' | 'onProgress'>;
  /** Learning rates to choose from, and the most epochs to try of each. */
  learningRates: readonly number[];
  maxEpochs: number;
  teachers: TeacherSource;
  /** Told what is being done, and the share of it that is done, 0 to 1. */
  onProgress?: OnProgress;
}

/** A student that is looked at while it may still be trained further. */
export interface TrainedStudent {
  evaluate(split: Split, options?: { signal?: AbortSignal; onProgress?: OnProgress }): Promise<Metrics>;
  memory(): MemoryReport;
}

/** The student that the validation rows prefer, and what was seen of it. */
export interface Chosen<T> {
  choice: Choice;
  seen: T;
  /** Features of which the teacher could learn nothing; undefined for none. */
  untaught?: readonly string[];
  /** Learning rates that were left out because training diverged with them; undefined for none. */
  diverged?: readonly number[];
  /** Layouts that were left out because training diverged with every learning rate. */
  dropped: readonly DroppedShape[];
}

interface Tried<T> extends Attempt, Omit<Chosen<T>, 'dropped'> {}

/** Share of the progress that belongs to the teacher, and of a try to its hash functions. */
const TEACHER_SHARE = 1 / 3;
const HASHING_SHARE = 0.1;

export class MethodTraining {
  /** What the work took so far; a teacher that several share counts in each. */
  readonly seconds = { teacher: 0, cluster: 0, tune: 0, train: 0 };
  /** Tables that the method leaves whole though `size` would compress them. */
  readonly whole: readonly string[];
  readonly #method: CompressionMethod;
  readonly #options: MethodTrainingOptions;
  readonly #task: MethodTask;
  readonly #present: Split;
  /** Students to be trained one after the other, at most; each is as much of the progress. */
  #most = 1;
  #teacher: Teacher | undefined;
  #cross: CrossTeachers | undefined;

  constructor(method: CompressionMethod, options: MethodTrainingOptions) {
    const { data, size, minRows, dim, seed, settings, student } = options;
    const { device, threads, signal } = student;
    this.#method = method;
    this.#options = options;
    this.#present = data.split('student');
    this.#task = {
      ...{ method: method.name, size, minRows, dim, seed, settings, device, threads, signal },
      ...{ features: data.features, vocabulary: data.vocabulary, recent: [this.#present] },
    };
    this.whole = method.keepsWhole?.(this.#task) ?? [];
  }

  /**
   * Tries all that the method may choose.
   *
   * @param look - sees the student at every improvement; what it gives for the chosen one is kept, which spares training
   * that one again
   * @param options.trainsNext - whether `train` is called after it; the progress counts with that
   * @throws CollideError ABORTED; DIVERGED when nothing that it may choose from, or its teacher, trains
   */
  async choose<T>(
    look: (student: TrainedStudent) => Promise<T> | T,
    { trainsNext = false }: { trainsNext?: boolean } = {},
  ): Promise<Chosen<T>> {
    const teacher = await this.#teacherOf({}, () => undefined);
    const { shapes, tables } = this.#method.choices?.({ ...this.#task, teacher }) ?? { shapes: [{}], tables: [] };
    const tries = shapes.length + mostSets(tables);
    this.#most = tries + Number(trainsNext);
    const dropped: DroppedShape[] = [];
    const best = await chooseShape(shapes, tables, async (shape, tried) => {
      try {
        return await this.#attempt(shape, look, this.#report(tried, tries > 1 ? `try ${tried + 1}: ` : ''));
      } catch (error) {
        if (isDiverged(error)) dropped.push({ ...shape, reason: error.message });
        throw error;
      }
    });
    const { losses: _, ...chosen } = best;
    return { ...chosen, dropped };
  }

  /**
   * Trains a student as a choice says. The caller closes it.
   *
   * @throws CollideError ABORTED, DIVERGED
   */
  async train(choice: Choice): Promise<{ student: Student; hashing: Hashing; teacher: Teacher | undefined }> {
    const { learningRate, epochs, ...shape } = choice;
    const report = this.#report(this.#most - 1, '');
    const { hashing, options } = await this.#prepare(shape, report);
    const { value: student, seconds } = await measure(() =>
      trainStudent(this.#present, { ...options, learningRate, epochs }),
    );
    this.seconds.train += seconds;
    return { student, hashing, teacher: await this.#teacherOf(shape, report) };
  }

  /** The best student with tables of this shape. */
  async #attempt<T>(
    shape: Shape,
    look: (student: TrainedStudent) => Promise<T> | T,
    onProgress: OnProgress,
  ): Promise<Tried<T>> {
    const { learningRates, maxEpochs, data, dim, student } = this.#options;
    const validation = data.split('validation');
    const { hashing, options } = await this.#prepare(shape, onProgress);
    const build = (rate: number) => buildRecommender(this.#present, options.hashing.features, dim, options, rate);
    const tuning = { ...options, learningRate: learningRates, epochs: maxEpochs, validation };
    const { value, seconds } = await measure(() =>
      fitTuned(this.#present, build, tuning, async (model) => ({
        losses: rowLosses(validation.labels, await predictSplit(model, validation, { signal: student.signal })),
        seen: await look(studentOf(model)),
      })),
    );
    this.seconds.tune += seconds;
    const { learningRate, epochs, diverged, result } = value;
    return { choice: { learningRate, epochs, ...shape }, untaught: untaughtOf(hashing), diverged, ...result };
  }

  /** Hash functions as they were learned, and all that training a student with them asks for. */
  async #prepare(
    shape: Shape,
    onProgress: OnProgress,
  ): Promise<{ hashing: Hashing; options: StudentOptions & { hashing: Hashing } }> {
    const { student, dim, seed } = this.#options;
    const { signal } = student;
    const teacher = await this.#teacherOf(shape, onProgress);
    const report = (step: string, share: number) => onProgress({ step, share });
    const { value: hashing, seconds } = await measure(() =>
      this.#method.build({
        ...this.#task,
        ...{ shape, teacher },
        onProgress: ({ step, share }) => report(`clustering ${step}`, HASHING_SHARE * share),
      }),
    );
    this.seconds.cluster += seconds;
    const trained = shape.crossFit ? await crossFit(hashing, this.#cross!, { signal }) : hashing;
    const options: StudentOptions & { hashing: Hashing } = {
      ...{ ...student, seed, hashing: trained, dim },
      onProgress: ({ step, share }) => report(step, HASHING_SHARE + (1 - HASHING_SHARE) * share),
    };
    return { hashing, options };
  }

  /**
   * The teacher whose rows a shape is learned from; none for a method that needs none.
   *
   * @param onProgress - of the student that it is for
   */
  async #teacherOf(shape: Shape, onProgress: OnProgress): Promise<Teacher | undefined> {
    if (this.#method.needs !== 'teacher') return undefined;
    const { teachers } = this.#options;
    if (this.#teacher === undefined) {
      const { value, seconds } = await teachers.teacher(({ step, share }) =>
        this.#options.onProgress?.({ step: `teacher: ${step}`, share: TEACHER_SHARE * share }),
      );
      this.#teacher = value;
      this.seconds.teacher += seconds;
    }
    if (!shape.crossFit) return this.#teacher;
    if (this.#cross === undefined) {
      const { value, seconds } = await teachers.cross(({ step }) =>
        onProgress({ step: `cross-fitted teacher, ${step}`, share: 0 }),
      );
      this.#cross = value;
      this.seconds.teacher += seconds;
    }
    return this.#cross.whole;
  }

  /** Progress of one student, as a share of all the work. */
  #report(before: number, name: string): OnProgress {
    const start = this.#method.needs === 'teacher' ? TEACHER_SHARE : 0;
    return ({ step, share }) =>
      this.#options.onProgress?.({
        step: `${name}${step}`,
        share: start + ((1 - start) * (before + share)) / this.#most,
      });
  }
}

/** Features of which the teacher of a hashing could learn nothing; undefined for none. */
export function untaughtOf({ manifest }: Hashing): readonly string[] | undefined {
  return manifest.details?.untaught;
}

function studentOf(model: Recommender): TrainedStudent {
  return {
    evaluate: (split, options) => evaluateSplit(model, split, options),
    memory: () => model.memory(),
  };
}
