/** The student: the model that is served, with hashed tables. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkSameVocabulary } from '../data/same_vocabulary.ts';
import { restoreVocabulary, storeVocabulary } from '../data/stored_vocabulary.ts';
import type { Split } from '../data/types.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import type { Device, PlacedOn } from '../device.ts';
import type { MemoryReport } from '../embedding/index.ts';
import { CollideError, type CollideErrorCode, checkOptions, checkText, describe } from '../errors.ts';
import { inFolder, type SafetensorsFile, withSafetensors, writeSafetensors } from '../files/index.ts';
import { tableOptions } from '../hashing/feature_hashing.ts';
import type { OnProgress } from '../job.ts';
import { Recommender, type RecommenderOptions } from '../model/recommender.ts';
import { optionNames } from '../option_names.ts';
import { checkSplitOf, checkTrainingSplits } from '../training/check_splits.ts';
import { type Fit, fitFixed, fitTuned } from '../training/fit.ts';
import { rowLosses } from '../training/metrics.ts';
import { buildRecommender, TRAINING_OPTIONS, type TrainingOptions } from '../training/options.ts';
import { evaluateSplit, type Metrics, predictSplit } from '../training/train.ts';
import { type Contents, checkFormat, type FileContents, Hashing } from './hashing.ts';
import { vocabularyOf } from './origin.ts';
import { Teacher } from './teacher.ts';

const OWN_OPTIONS = optionNames<Omit<StudentOptions, keyof TrainingOptions>>({ dim: true, hashing: true });

/** Options of {@link trainStudent}. */
export interface StudentOptions extends TrainingOptions {
  /** Hash functions of every feature; default full tables. Its training hashes are dropped when training is over. */
  hashing?: Hashing;
  /** Embedding width. Default 16. */
  dim?: number;
}

const FORMAT = 'learn-to-collide student 4';

/** The one file of a student's folder. */
const FILE = 'student.safetensors';

/** What a student is made of. */
interface StudentParts {
  model: Recommender;
  shape: StudentShape;
  hashing: Hashing | undefined;
  fit: Fit;
  vocabulary: Vocabulary;
}

/**
 * A trained model. Close it, or declare it with `using`: its tables are native memory.
 *
 * It is right for data of its vocabulary alone, and refuses others (VOCABULARY_MISMATCH): next week's rows are opened with
 * `openDataset({ ..., vocabulary: student.vocabulary })`.
 *
 * @example
 * ```ts
 * using student = await trainStudent(data.split('student'), { hashing, dim: 16 });
 * const { auc, logLoss } = await student.evaluate(data.split('evaluation'));
 * await student.save('student');
 * ```
 */
export class Student {
  readonly fit: Fit;
  /** What the ids mean that it was trained on. */
  readonly vocabulary: Vocabulary;
  /** The hash functions of its tables; undefined for full tables. */
  readonly hashing: Hashing | undefined;
  readonly #model: Recommender;
  readonly #shape: StudentShape;

  /** @internal */
  constructor({ model, shape, hashing, fit, vocabulary }: StudentParts) {
    this.#model = model;
    this.#shape = shape;
    this.hashing = hashing;
    this.fit = fit;
    this.vocabulary = vocabulary;
  }

  /**
   * Exact AUC, log loss and normalized entropy on a split.
   *
   * @throws CollideError VOCABULARY_MISMATCH for a split of other data, INVALID_ARGUMENT, ABORTED, CLOSED
   */
  async evaluate(split: Split, options: { signal?: AbortSignal; onProgress?: OnProgress } = {}): Promise<Metrics> {
    return evaluateSplit(this.#model, checkSplitOf(this.vocabulary, split, 'evaluate'), options);
  }

  /** The log loss of each row of a split, [split.rows]. @throws CollideError as `evaluate` */
  async losses(split: Split, options: { signal?: AbortSignal } = {}): Promise<Float64Array> {
    checkSplitOf(this.vocabulary, split, 'losses');
    return rowLosses(split.labels, await predictSplit(this.#model, split, options));
  }

  /** Probabilities of label 1, [split.rows]. @throws CollideError as `evaluate` */
  async predict(split: Split, options: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    checkSplitOf(this.vocabulary, split, 'predict');
    const logits = await predictSplit(this.#model, split, options);
    return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
  }

  /** Where its tables and its net live. */
  get devices(): { tables: PlacedOn; net: PlacedOn } {
    return this.#model.devices;
  }

  /** Bytes of its tables, mapping and net. */
  memory(): MemoryReport {
    return this.#model.memory();
  }

  /**
   * Writes `student.safetensors` into a folder, which is made if it is not there: rows, dense parameters, hash functions,
   * vocabulary and shape in one file, so that the folder holds the old student or the new one, never a mixture.
   *
   * @throws CollideError FILE_IO
   */
  async save(folder: string): Promise<void> {
    checkText(folder, 'the folder of a student');
    const { tensors, metadata } = this.contents();
    await inFolder(folder, () => writeSafetensors(join(folder, FILE), tensors, metadata));
  }

  /** @internal What `save` writes. */
  contents(): FileContents {
    const data = this.#model.net.parameters();
    const hashing = this.hashing?.parts('hashing.') ?? { tensors: {}, metadata: {} };
    const tensors: Contents['tensors'] = {
      dense: { shape: [data.length], data },
      ...hashing.tensors,
    };
    const metadata = {
      ...hashing.metadata,
      format: FORMAT,
      shape: JSON.stringify(this.#shape),
      fit: JSON.stringify(this.fit),
      ...(this.hashing === undefined ? {} : { 'hashing.fingerprint': this.hashing.fingerprint }),
      vocabulary: storeVocabulary(this.vocabulary, tensors),
    };
    return { tensors: { ...this.#model.tables.checkpointPieces('rows'), ...tensors }, metadata };
  }

  /**
   * @param options - `device` as for `trainStudent`, wherever it was trained
   * @throws CollideError FILE_IO, FILE_FORMAT when the folder does not hold a whole student, CUDA_UNAVAILABLE
   */
  static async load(folder: string, options: { device?: Device; threads?: number } = {}): Promise<Student> {
    checkText(folder, 'the folder of a student');
    checkOptions(options, ['device', 'threads'], 'Student.load');
    const path = join(folder, FILE);
    if (!existsSync(path) && existsSync(join(folder, 'student.json'))) {
      checkFormat('learn-to-collide student 2', FORMAT, folder);
    }
    return withSafetensors(path, (file) => Student.#from(file, options));
  }

  static async #from(file: SafetensorsFile, options: { device?: Device; threads?: number }): Promise<Student> {
    const { path } = file;
    checkFormat(file.metadata.format, FORMAT, path);
    // The rows go straight into the tables, some at a time.
    const { tensors, metadata } = await file.readAll((name) => !name.startsWith('rows/'));
    let model: Recommender | undefined;
    try {
      const vocabulary = restoreVocabulary(metadata.vocabulary, tensors);
      const shape = JSON.parse(metadata.shape ?? '') as StudentShape;
      const fit = JSON.parse(metadata.fit ?? '') as Fit;
      const hashed = metadata['hashing.features'] !== undefined;
      const hashing = hashed ? Hashing.from({ tensors, metadata }, 'hashing.', vocabulary) : undefined;
      model = new Recommender({
        ...shape,
        features: shape.features.map((feature, f) => ({ ...feature, ...hashesOf(hashing, f) })),
        embeddingOptimizer: { kind: 'sgd' }, // it serves: no state
        countAccesses: false,
        device: options.device,
        threads: options.threads ?? 0,
      });
      await model.tables.restoreFrom(file);
      model.net.setParameters(floats(tensors, 'dense'));
      return new Student({
        model,
        shape,
        hashing,
        fit,
        vocabulary: vocabularyOf(shape.features, vocabulary, 'its tables'),
      });
    } catch (cause) {
      model?.close();
      if (cause instanceof CollideError && PASSED_ON.has(cause.code)) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new CollideError('FILE_FORMAT', `Expected a whole student in ${path}: ${why}`, { cause });
    }
  }

  /** Gives its native memory back. What is called afterwards throws CLOSED. */
  close(): void {
    this.#model.close();
  }

  /** As `close`: `using` calls it. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Failures of a device or disk are not the file's. */
const PASSED_ON: ReadonlySet<CollideErrorCode> = new Set([
  'FILE_IO',
  'CUDA_UNAVAILABLE',
  'CUDA_FAILED',
  'OUT_OF_MEMORY',
  'NATIVE_MISSING',
]);

/** What has to be known to build the model again before its parameters are read. */
type StudentShape = Pick<RecommenderOptions, 'dense' | 'dim' | 'head' | 'standardization'> & {
  features: { name: string; cardinality: number }[];
};

function hashesOf(hashing: Hashing | undefined, f: number) {
  return hashing === undefined ? {} : tableOptions(hashing.features[f]!);
}

function floats(tensors: Readonly<Record<string, { data: unknown }>>, name: string): Float32Array {
  const data = tensors[name]?.data;
  if (data instanceof Float32Array) return data;
  throw new Error(`the tensor ${name} is missing`);
}

/**
 * Trains a student. With `validation` and several learning rates, the rate and the number of epochs are chosen there
 * first, then the student is trained with them.
 *
 * @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, VOCABULARY_MISMATCH (a hashing, `validation` or `older` rows of
 * other data), ABORTED, DIVERGED, CUDA_UNAVAILABLE
 */
export async function trainStudent(split: Split, options: StudentOptions = {}): Promise<Student> {
  checkOptions(options, [...TRAINING_OPTIONS, ...OWN_OPTIONS], 'trainStudent');
  const { hashing, dim = 16, validation } = options;
  checkTrainingSplits(split, options, 'trainStudent');
  if (hashing !== undefined) checkHashing(hashing, split);
  const coldIds = Object.values(hashing?.manifest.learned ?? {}).some(({ coldRow }) => coldRow !== undefined);
  if (coldIds && !((options.outOfVocabulary?.share ?? 0) > 0)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      'Expected outOfVocabulary with a share above 0 for trainStudent: the hashing was learned with unseen "out-of-vocabulary"',
    );
  }
  let chosen: TrainingOptions = options;
  let diverged: Fit['diverged'];
  const build = (learningRate: number) => buildRecommender(split, hashing?.features, dim, options, learningRate);
  if (validation !== undefined) {
    const tuned = await fitTuned(split, build, { ...chosen, validation }, () => undefined);
    diverged = tuned.diverged;
    chosen = { ...chosen, learningRate: tuned.learningRate, epochs: tuned.epochs };
  }
  const { model, ...fixed } = await fitFixed(split, build, chosen);
  model.tables.dropTrainingHashes();
  const fit: Fit = diverged === undefined ? fixed : { ...fixed, diverged };
  const features = split.features.map(({ name, cardinality }) => ({ name, cardinality }));
  const { standardization } = model;
  const shape = { features, dense: split.denseCount, dim, head: model.net.head, standardization };
  return new Student({ model, shape, hashing: hashing?.forServing(), fit, vocabulary: split.vocabulary });
}

/** @throws CollideError INVALID_ARGUMENT unless it is a hashing, VOCABULARY_MISMATCH unless it is of the split's data */
function checkHashing(hashing: unknown, split: Split): void {
  if (!(hashing instanceof Hashing)) {
    const isTeacher = hashing instanceof Teacher ? '. learnHashing(teacher, { size }) makes one of a teacher' : '';
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Hashing for hashing of trainStudent, received ${describe(hashing)}${isTeacher}`,
    );
  }
  checkSameVocabulary(hashing.vocabulary, split.vocabulary, { model: 'the hashing', data: 'the rows to train on' });
}
