/** The teacher: a narrow model of full height, trained on past data, whose rows say which ids are alike. */

import { checkFeatureInfos } from '../data/check_features.ts';
import { checkSplit } from '../data/check_split.ts';
import { restoreVocabulary, storeVocabulary } from '../data/stored_vocabulary.ts';
import type { Split } from '../data/types.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import { CollideError, checkInteger, checkObject, checkOptions, checkText, describe } from '../errors.ts';
import { readSafetensors, type Safetensors, writeSafetensors } from '../files/index.ts';
import type { Recommender } from '../model/recommender.ts';
import { optionNames } from '../option_names.ts';
import { checkTrainingSplits } from '../training/check_splits.ts';
import { type Fit, fitFixed, fitTuned } from '../training/fit.ts';
import { buildRecommender, TRAINING_OPTIONS, type TrainingOptions } from '../training/options.ts';
import { measureSensitivity } from '../training/sensitivity.ts';
import { type Contents, checkFormat } from './hashing.ts';
import { fingerprint, type Origin, vocabularyOf } from './origin.ts';

const OWN_OPTIONS = optionNames<Omit<TeacherOptions, keyof TrainingOptions>>({ dim: true });

/** What a teacher knows of a feature. */
export interface TeacherFeature {
  name: string;
  cardinality: number;
  /** [cardinality, dim] */
  rows: Float32Array;
  /** Accesses per id in the teacher's split (one pass), [cardinality]. */
  counts: Uint32Array;
  /** Mean squared gradient per access and dimension, where the teacher was trained here: how much its errors hurt. */
  sensitivity?: number;
}

const FORMAT = 'learn-to-collide teacher 2';

/** Whether a file says that it is a teacher of this package, of any version. */
export function isTeacherFile({ metadata }: Safetensors): boolean {
  return metadata.format?.startsWith('learn-to-collide teacher ') === true;
}

/** A small model of full height: a narrow row and an access count for each id. Its rows say which ids are alike. */
export class Teacher {
  readonly dim: number;
  readonly features: readonly TeacherFeature[];
  /** How it was trained; undefined for one that was made elsewhere. */
  readonly fit: Fit | undefined;
  /** What the ids mean. Of a teacher that was made elsewhere: names and numbers of ids alone. */
  readonly vocabulary: Vocabulary;
  #fingerprint: string | undefined;

  /**
   * @throws CollideError INVALID_ARGUMENT when rows or counts do not fit, VOCABULARY_MISMATCH when the vocabulary is of
   * other features
   */
  constructor(
    dim: number,
    features: readonly TeacherFeature[],
    fit?: Fit,
    { vocabulary }: Pick<Origin, 'vocabulary'> = {},
  ) {
    checkInteger(dim, 1, 65_536, 'dim of a Teacher');
    checkFeatureInfos(features, 'features of a Teacher');
    for (const { name, cardinality, rows, counts } of features) {
      if (!(rows instanceof Float32Array && counts instanceof Uint32Array)) {
        throw new CollideError(
          'INVALID_ARGUMENT',
          `Expected rows in a Float32Array and counts in a Uint32Array for feature "${name}", received ${describe(rows)} and ${describe(counts)}`,
        );
      }
      if (rows.length === cardinality * dim && counts.length === cardinality) continue;
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected ${cardinality} x ${dim} values and ${cardinality} counts for feature "${name}", received ${rows.length} and ${counts.length}`,
      );
    }
    this.dim = dim;
    this.features = features;
    this.fit = fit;
    this.vocabulary = vocabularyOf(features, vocabulary, 'the teacher');
  }

  /** SHA-256, in hex, of rows, counts and vocabulary: hashings learned from it keep it. Computed at the first call. */
  get fingerprint(): string {
    this.#fingerprint ??= fingerprint(this.vocabulary.fingerprint, this.#tensors());
    return this.#fingerprint;
  }

  #tensors(): Contents['tensors'] {
    const tensors: Contents['tensors'] = {};
    for (const [f, { cardinality, rows, counts }] of this.features.entries()) {
      tensors[`feature${f}.rows`] = { shape: [cardinality, this.dim], data: rows };
      tensors[`feature${f}.counts`] = { shape: [cardinality], data: counts };
    }
    return tensors;
  }

  /** Writes rows and counts of every feature, and the vocabulary, as safetensors. @throws CollideError FILE_IO */
  async save(path: string): Promise<void> {
    const { tensors, metadata } = this.contents();
    await writeSafetensors(path, tensors, metadata);
  }

  /** @internal What `save` writes. */
  contents(): Contents {
    const tensors = this.#tensors();
    const metadata = {
      format: FORMAT,
      vocabulary: storeVocabulary(this.vocabulary, tensors),
      features: JSON.stringify(this.features.map(({ name }) => name)),
      ...(this.features.some(({ sensitivity }) => sensitivity === undefined)
        ? {}
        : { sensitivities: JSON.stringify(this.features.map(({ sensitivity }) => sensitivity)) }),
      ...(this.fit === undefined ? {} : { fit: JSON.stringify(this.fit) }),
    };
    return { tensors, metadata };
  }

  /** @throws CollideError FILE_IO, FILE_FORMAT when the file is not a teacher of this package */
  static async load(path: string): Promise<Teacher> {
    return Teacher.from(await readSafetensors(path), path);
  }

  /** @param path - for messages. @throws CollideError FILE_FORMAT when these are not a teacher of this package */
  static from(file: Safetensors, path: string): Teacher {
    checkObject(file, 'Teacher.from');
    checkText(path, 'path of Teacher.from');
    const { tensors, metadata } = file;
    checkObject(metadata, 'metadata of Teacher.from');
    checkFormat(metadata.format, FORMAT, path);
    try {
      const names = JSON.parse(metadata.features ?? '') as string[];
      const sensitivities = JSON.parse(metadata.sensitivities ?? '[]') as number[];
      let dim = 0;
      const features = names.map((name, f): TeacherFeature => {
        const rows = tensors[`feature${f}.rows`];
        const counts = tensors[`feature${f}.counts`];
        if (
          !(rows?.data instanceof Float32Array) ||
          !(counts?.data instanceof Uint32Array) ||
          rows.shape.length !== 2
        ) {
          throw new Error(`the rows or counts of feature "${name}" are missing`);
        }
        dim = rows.shape[1]!;
        const known = { name, cardinality: rows.shape[0]!, rows: rows.data, counts: counts.data };
        return sensitivities[f] === undefined ? known : { ...known, sensitivity: sensitivities[f] };
      });
      const fit = metadata.fit === undefined ? undefined : (JSON.parse(metadata.fit) as Fit);
      const vocabulary = restoreVocabulary(metadata.vocabulary, tensors);
      return new Teacher(dim, features, fit, { vocabulary });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new CollideError('FILE_FORMAT', `Expected a whole teacher in ${path}: ${why}`, { cause });
    }
  }
}

/** Options of {@link trainTeacher}. */
export interface TeacherOptions extends TrainingOptions {
  /** Width of the teacher's rows; the paper uses 2 or 4. Default 2. */
  dim?: number;
}

/**
 * Trains a teacher on a split and counts its accesses ("Learning to Collide", sections 3 and 4). With `validation`, the
 * learning rate and the number of epochs are chosen there. The student must train on other rows than the teacher:
 * clusters that encode a rare id's labels make the student over-fit.
 *
 * @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, VOCABULARY_MISMATCH (validation rows of other data), ABORTED,
 * DIVERGED, CUDA_UNAVAILABLE
 * @example
 * ```ts
 * const teacher = await trainTeacher(data.split('teacher'), { dim: 2, validation: data.split('validation') });
 * ```
 */
export async function trainTeacher(split: Split, options: TeacherOptions = {}): Promise<Teacher> {
  checkSplit(split, 'trainTeacher');
  checkOptions(options, [...TRAINING_OPTIONS, ...OWN_OPTIONS], 'trainTeacher');
  checkTrainingSplits(split, options, 'trainTeacher');
  const origin = { vocabulary: split.vocabulary };
  const { dim = 2, validation } = options;
  const build = (learningRate: number) => buildRecommender(split, undefined, dim, options, learningRate);
  if (validation !== undefined) {
    const { result, learningRate, epochs, batchSize, diverged } = await fitTuned(
      split,
      build,
      { ...options, validation },
      (model) => learnedBy(model, validation, options.signal),
    );
    const fit = { learningRate, epochs, batchSize, ...(diverged === undefined ? {} : { diverged }) };
    return new Teacher(dim, featuresOf(split, result), fit, origin);
  }
  const { model, ...fit } = await fitFixed(split, build, options);
  using owned = model;
  return new Teacher(dim, featuresOf(split, await learnedBy(owned, split, options.signal)), fit, origin);
}

/** @throws CollideError INVALID_ARGUMENT for anything but a Teacher */
export function checkTeacher(value: unknown, where: string): Teacher {
  if (value instanceof Teacher) return value;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a Teacher, as trainTeacher and loadVectors give it, for ${where}, received ${describe(value)}`,
  );
}

/** The trained rows of every feature. */
export function rowsOf(model: Recommender): Float32Array[] {
  return model.tables.features.map(({ name }) => model.tables.weights(name));
}

/** What is kept of a teacher's model. */
interface Learned {
  rows: Float32Array[];
  sensitivities: number[];
}

async function learnedBy(model: Recommender, probe: Split, signal: AbortSignal | undefined): Promise<Learned> {
  return { rows: rowsOf(model), sensitivities: await measureSensitivity(model, probe, { signal }) };
}

function featuresOf(split: Split, { rows, sensitivities }: Learned): TeacherFeature[] {
  return split.features.map(({ name, cardinality }, f) => ({
    name,
    cardinality,
    rows: rows[f]!,
    counts: split.idCounts(f),
    sensitivity: sensitivities[f]!,
  }));
}
