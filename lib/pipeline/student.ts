/** The student: the model that is served, with hashed tables. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Split } from '../data/types.ts';
import type { Device, PlacedOn } from '../device.ts';
import { CollideError, checkOptions } from '../errors.ts';
import { fileError, readSafetensors, writeFileAtomic, writeSafetensors } from '../files/index.ts';
import { Recommender, type RecommenderOptions } from '../model/recommender.ts';
import { rowLosses } from '../training/metrics.ts';
import { evaluateSplit, type Metrics, predictSplit } from '../training/train.ts';
import { type Fit, fitFixed, fitTuned } from './fit.ts';
import { Hashing } from './hashing.ts';
import { buildRecommender, TRAINING_OPTIONS, type TrainingOptions } from './model_options.ts';
import { newcomerDetours } from './newcomers.ts';

export interface StudentOptions extends TrainingOptions {
  /** Hash functions of every feature; default full tables. */
  hashing?: Hashing;
  /** Embedding width. Default 16. */
  dim?: number;
}

export interface StudentBytes {
  /** Rows of all internal tables. */
  rows: number;
  /** What the hash functions need when serving. */
  mapping: number;
  /** Optimizer state, while training only. */
  optimizer: number;
  /** rows + mapping: what has to be served. */
  total: number;
}

const FORMAT = 'learn-to-collide student 2';

/**
 * A trained model. Close it, or declare it with `using`: its tables are native memory.
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
  readonly #model: Recommender;
  readonly #shape: StudentShape;
  readonly #hashing: Hashing | undefined;

  constructor(model: Recommender, shape: StudentShape, hashing: Hashing | undefined, fit: Fit) {
    this.#model = model;
    this.#shape = shape;
    this.#hashing = hashing;
    this.fit = fit;
  }

  /** Exact AUC, log loss and normalized entropy on a split. @throws CollideError ABORTED, CLOSED */
  evaluate(
    split: Split,
    options: { signal?: AbortSignal; onProgress?: (rows: number) => void } = {},
  ): Promise<Metrics> {
    return evaluateSplit(this.#model, split, options);
  }

  /** The log loss of each row of a split, [split.rows]. */
  async losses(split: Split, options: { signal?: AbortSignal } = {}): Promise<Float64Array> {
    return rowLosses(split.labels, await predictSplit(this.#model, split, options));
  }

  /** Probabilities of label 1, [split.rows]. */
  async predict(split: Split, options: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    const logits = await predictSplit(this.#model, split, options);
    return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
  }

  /** Where its tables and its net live. */
  get devices(): { tables: PlacedOn; net: PlacedOn } {
    return this.#model.devices;
  }

  memory(): StudentBytes {
    const { rows, mapping, optimizer, total } = this.#model.tables.memory();
    return { rows, mapping, optimizer, total };
  }

  /**
   * Writes `model.safetensors` (tables and dense parameters), `hashing.safetensors` and `student.json` into a folder.
   * The json comes last: a folder that has it is complete.
   *
   * @throws CollideError FILE_IO
   */
  async save(folder: string): Promise<void> {
    try {
      await mkdir(folder, { recursive: true });
    } catch (cause) {
      throw fileError('write', folder, cause);
    }
    const data = this.#model.net.parameters();
    const tensors = { ...this.#model.tables.checkpoint('rows'), dense: { shape: [data.length], data } };
    await writeSafetensors(join(folder, 'model.safetensors'), tensors, { format: FORMAT });
    if (this.#hashing !== undefined) await this.#hashing.save(join(folder, 'hashing.safetensors'));
    const about = { format: FORMAT, shape: this.#shape, fit: this.fit, hashed: this.#hashing !== undefined };
    await writeFileAtomic(join(folder, 'student.json'), `${JSON.stringify(about, null, 2)}\n`);
  }

  /**
   * @param options - `device` as for `trainStudent`, wherever it was trained
   * @throws CollideError FILE_IO, FILE_FORMAT when the folder does not hold a complete student, CUDA_UNAVAILABLE
   */
  static async load(folder: string, options: { device?: Device; threads?: number } = {}): Promise<Student> {
    checkOptions(options, ['device', 'threads'], 'Student.load');
    const path = join(folder, 'student.json');
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (cause) {
      throw fileError('read', path, cause);
    }
    const broken = (why: string, cause?: unknown) =>
      new CollideError('FILE_FORMAT', `Expected a student in ${folder}: ${why}`, { cause });
    let about: { format: string; shape: StudentShape; fit: Fit; hashed: boolean };
    try {
      about = JSON.parse(text);
    } catch (cause) {
      throw broken(`${path} is not JSON`, cause);
    }
    if (about.format !== FORMAT) throw broken(`${path} has format "${about.format}"`);
    const hashing = about.hashed ? await Hashing.load(join(folder, 'hashing.safetensors')) : undefined;
    const { tensors } = await readSafetensors(join(folder, 'model.safetensors'));
    const model = new Recommender({
      ...about.shape,
      features: about.shape.features.map((feature, f) => ({ ...feature, ...hashesOf(hashing, f) })),
      embeddingOptimizer: { kind: 'sgd' }, // it serves: no state
      countAccesses: false,
      device: options.device,
      threads: options.threads ?? 0,
    });
    try {
      model.tables.restore(tensors);
      model.net.setParameters(floats(tensors, 'dense'));
    } catch (cause) {
      model.close();
      throw broken(cause instanceof Error ? cause.message : String(cause), cause);
    }
    return new Student(model, about.shape, hashing, about.fit);
  }

  close(): void {
    this.#model.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** What has to be known to build the model again before its parameters are read. */
type StudentShape = Pick<RecommenderOptions, 'dense' | 'dim' | 'bottomHidden' | 'topHidden'> & {
  features: { name: string; cardinality: number }[];
};

function hashesOf(hashing: Hashing | undefined, f: number) {
  if (hashing === undefined) return {};
  const { hashes, combine } = hashing.features[f]!;
  return { hashes, combine };
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
 * @throws CollideError INVALID_ARGUMENT (also a hashing of other features), UNKNOWN_OPTION, ABORTED, DIVERGED,
 *   CUDA_UNAVAILABLE
 */
export async function trainStudent(split: Split, options: StudentOptions = {}): Promise<Student> {
  checkOptions(options, [...TRAINING_OPTIONS, 'dim', 'hashing'], 'trainStudent');
  const { hashing, dim = 16, validation } = options;
  if (hashing !== undefined) checkHashing(hashing, split);
  const detours = options.detours ?? newcomerDetours(hashing?.features, split.features);
  const served = hashing?.features.some(({ standIn }) => standIn !== undefined) === true;
  if (served && !((options.newcomers?.share ?? 0) > 0)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      'Expected newcomers with a share above 0 for trainStudent: the hashing was learned with unseen "newcomer"',
    );
  }
  let chosen: TrainingOptions = { ...options, detours };
  const build = (learningRate: number) =>
    buildRecommender(split, hashing?.features, dim, { ...options, detours }, learningRate);
  if (validation !== undefined) {
    const { learningRate, epochs } = await fitTuned(split, build, { ...chosen, validation }, () => undefined);
    chosen = { ...chosen, learningRate, epochs };
  }
  const { model, ...fit } = await fitFixed(split, build, chosen);
  const features = split.features.map(({ name, cardinality }) => ({ name, cardinality }));
  const { bottomHidden, topHidden } = options;
  const shape = { features, dense: split.denseCount, dim, bottomHidden, topHidden };
  return new Student(model, shape, hashing, fit);
}

/** @throws CollideError INVALID_ARGUMENT unless the hashing is of exactly the split's features */
export function checkHashing(hashing: Hashing, split: Split): void {
  for (const [f, { name, cardinality }] of split.features.entries()) {
    const feature = hashing.features[f];
    if (feature?.name === name && feature.cardinality === cardinality) continue;
    const received = feature ? `"${feature.name}" with ${feature.cardinality} ids` : 'none';
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a hashing of feature "${name}" with ${cardinality} ids at position ${f}, received ${received}`,
    );
  }
  if (hashing.features.length !== split.features.length) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a hashing of ${split.features.length} features, received ${hashing.features.length}`,
    );
  }
}
