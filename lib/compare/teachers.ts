/** The teachers of a comparison: one a seed, trained when a method first asks for it. */

import type { Dataset } from '../data/types.ts';
import { isDiverged } from '../errors.ts';
import type { OnProgress } from '../job.ts';
import { type Measured, measure } from '../methods/choosing/measure.ts';
import type { TeacherSource } from '../methods/choosing/method_training.ts';
import { type CrossTeachers, trainCrossTeachers } from '../methods/learning/cross_teachers.ts';
import { type Teacher, trainTeacher } from '../pipeline/teacher.ts';
import type { Fit } from '../training/fit.ts';
import type { CompareConfig } from './config.ts';
import { modelOptions } from './model_options.ts';

export const FIRST_SEED = 1;

/** A teacher that diverged does so for all methods of its seed: it is not trained again, but thrown again. */
async function outcome<T>(work: () => Promise<T>): Promise<() => T> {
  try {
    const value = await work();
    return () => value;
  } catch (error) {
    if (!isDiverged(error)) throw error;
    return () => {
      throw error;
    };
  }
}

/**
 * Keeps the teachers of one seed at a time. Learning rate and epochs are chosen with the first seed, whichever is asked for
 * first.
 */
export class CompareTeachers {
  readonly #config: CompareConfig;
  readonly #data: Dataset;
  readonly #signal: AbortSignal | undefined;
  #chosen: (() => Pick<Fit, 'learningRate' | 'epochs'>) | undefined;
  #seed: number | undefined;
  #teacher: (() => Measured<Teacher>) | undefined;
  #cross: (() => Measured<CrossTeachers>) | undefined;

  constructor(config: CompareConfig, data: Dataset, signal: AbortSignal | undefined) {
    this.#config = config;
    this.#data = data;
    this.#signal = signal;
  }

  /** The teachers that the students of a seed learn from. */
  ofSeed(seed: number): TeacherSource {
    return {
      teacher: (onProgress) => this.teacher(seed, onProgress),
      cross: (onProgress) => this.cross(seed, onProgress),
    };
  }

  /** The teacher of a seed. @throws CollideError ABORTED; DIVERGED, every time it is asked for */
  async teacher(seed: number, onProgress: OnProgress): Promise<Measured<Teacher>> {
    this.#turnTo(seed);
    this.#teacher ??= await outcome(() => measure(() => this.#train(seed, onProgress)));
    return this.#teacher();
  }

  /** The cross-fitted teachers of a seed. @throws CollideError as `teacher` */
  async cross(seed: number, onProgress: OnProgress): Promise<Measured<CrossTeachers>> {
    await this.teacher(seed, onProgress);
    this.#cross ??= await outcome(() =>
      measure(() =>
        trainCrossTeachers(this.#data.split('teacher'), this.#data.split('student'), {
          ...this.#shared(onProgress),
          ...this.#chosen!(),
          seed,
        }),
      ),
    );
    return this.#cross();
  }

  #turnTo(seed: number): void {
    if (this.#seed === seed) return;
    this.#seed = seed;
    this.#teacher = undefined;
    this.#cross = undefined;
  }

  async #train(seed: number, onProgress: OnProgress): Promise<Teacher> {
    const { compare, teacher } = this.#config;
    const split = this.#data.split('teacher');
    let first: Teacher | undefined;
    this.#chosen ??= await outcome(async () => {
      first = await trainTeacher(split, {
        ...this.#shared(onProgress),
        seed: FIRST_SEED,
        learningRate: teacher.learningRate ?? compare.tune.learningRate,
        epochs: teacher.maxEpochs,
        validation: this.#data.split('validation'),
      });
      const { learningRate, epochs } = first.fit!;
      return { learningRate, epochs };
    });
    const chosen = this.#chosen();
    if (seed === FIRST_SEED && first !== undefined) return first;
    return trainTeacher(split, { ...this.#shared(onProgress), ...chosen, seed });
  }

  #shared(onProgress: OnProgress) {
    return {
      ...modelOptions(this.#config),
      ...{ dim: this.#config.teacher.dim, signal: this.#signal },
      onProgress,
    };
  }
}
