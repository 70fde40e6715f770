/** What teacher, student and comparison share: the model's shape and how it is trained. */

import type { Split } from '../data/types.ts';
import type { Device } from '../device.ts';
import type { EmbeddingOptimizer, Init } from '../embedding/index.ts';
import { CollideError, checkInteger, describe } from '../errors.ts';
import { type FeatureHashing, tableOptions } from '../hashing/feature_hashing.ts';
import type { OnProgress } from '../job.ts';
import type { HeadOp } from '../model/head.ts';
import { type DenseOptimizer, denseOptimizers } from '../model/optimizers/index.ts';
import { Recommender } from '../model/recommender.ts';
import { type Standardization, standardizationOf } from '../model/standardization.ts';
import { optionNames } from '../option_names.ts';
import { defaultBatchSize, type OutOfVocabularyTraining } from './train.ts';

/** Options of a model: its layers and optimizers, and where it runs. */
export interface ModelOptions {
  /**
   * What the model does with embedding vectors and dense inputs: one of `heads` by name (`dlrm`, `deepfm`, your own), or a
   * list of ops. A saved student holds the ops. Default `dlrm`.
   */
  head?: string | readonly HeadOp[];
  /**
   * For heads that take it (`dlrm`): hidden widths of the layers on dense inputs, without the last one of width dim; used
   * with dense inputs. Default [64].
   */
  bottomHidden?: readonly number[];
  /** For heads that take it: hidden widths of the layers that end in the logit, without the last one of width 1. Default [64]. */
  topHidden?: readonly number[];
  /** Without a learning rate, which is an option of its own. Default rowwise Adagrad. */
  embeddingOptimizer?: EmbeddingOptimizer;
  /** Default LAMB; its learning rate by default 0.002 (the paper's) at 4,096 steps an epoch (see `lambRate`). */
  denseOptimizer?: DenseOptimizer;
  /** First values of the embedding rows. Default: as of EmbeddingTables. */
  init?: Init;
  /**
   * Whether dense columns are standardised, by the mean and the standard deviation of the rows that are trained: the
   * statistics become part of the model, which takes raw values all the same. Default true.
   */
  standardize?: boolean;
}

/** Options that {@link trainTeacher} and {@link trainStudent} have in common. */
export interface TrainingOptions extends ModelOptions {
  /** A number, or several to choose from on `validation`. Default 0.02. */
  learningRate?: number | readonly number[];
  /** Passes over the split; with `validation` the most to try. Default 1. */
  epochs?: number;
  /** Chooses learning rate and number of epochs by log loss. */
  validation?: Split;
  /** With `validation`: a rate is given up after so many epochs in a row that were no better than its best. Default 1. */
  patience?: number;
  /** Default about 1,024 batches an epoch: a power of two from 32 to 32,768. */
  batchSize?: number;
  /**
   * Trains the out-of-vocabulary rows: a share of the accesses to ids that `older` examples (the teacher's) do not have are
   * looked up as out-of-vocabulary ids. Useful where ids are new all the time and unlike the average id. Default: the
   * out-of-vocabulary rows stay untrained.
   */
  outOfVocabulary?: OutOfVocabularyTraining;
  /** Initial values and order of rows. Default 1. */
  seed?: number;
  /**
   * Where the model lives and learns: `cpu` (default); `cuda`, an error where there is no CUDA device; `auto`: CUDA where
   * there is one, otherwise the CPU. The dense net on CUDA agrees with the CPU's to float32 precision, not bit for bit.
   */
  device?: Device;
  /** Native threads; results do not depend on it. Default: all of this machine. */
  threads?: number;
  /** Stops the work; the promise rejects with ABORTED. */
  signal?: AbortSignal;
  /** Told what is being done, and the share of it that is done, 0 to 1. */
  onProgress?: OnProgress;
}

export const MODEL_OPTIONS = optionNames<ModelOptions>({
  head: true,
  bottomHidden: true,
  topHidden: true,
  embeddingOptimizer: true,
  denseOptimizer: true,
  init: true,
  standardize: true,
});

export const TRAINING_OPTIONS = [
  ...MODEL_OPTIONS,
  ...optionNames<Omit<TrainingOptions, keyof ModelOptions>>({
    learningRate: true,
    epochs: true,
    validation: true,
    patience: true,
    batchSize: true,
    outOfVocabulary: true,
    seed: true,
    device: true,
    threads: true,
    signal: true,
    onProgress: true,
  }),
];

/** A fresh model for the features of a split. `hashing` undefined: full tables. */
export function buildRecommender(
  split: Split,
  hashing: readonly FeatureHashing[] | undefined,
  dim: number,
  options: TrainingOptions,
  learningRate: number,
): Recommender {
  return new Recommender({
    features: split.features.map(({ name, cardinality }, f) => ({
      name,
      cardinality,
      ...(hashing === undefined ? {} : tableOptions(hashing[f]!)),
    })),
    dense: split.denseCount,
    dim: checkInteger(dim, 1, 65536, 'dim'),
    head: options.head,
    bottomHidden: options.bottomHidden,
    topHidden: options.topHidden,
    embeddingOptimizer: { ...tableOptimizer(options), learningRate },
    denseOptimizer: denseOptimizer(split, options),
    init: options.init,
    standardization: standardizationFor(split, options),
    countAccesses: false, // the split knows how often its ids come
    baseRate: split.labels.reduce((sum, label) => sum + label, 0) / split.rows,
    seed: options.seed ?? 1,
    device: options.device,
    threads: options.threads ?? 0,
  });
}

/** Of the tables, whose rate is not its own: rates are tried. @throws CollideError INVALID_ARGUMENT where it has one */
function tableOptimizer({ embeddingOptimizer }: TrainingOptions): EmbeddingOptimizer {
  const optimizer = embeddingOptimizer ?? { kind: 'rowwise-adagrad' };
  if (optimizer.learningRate === undefined) return optimizer;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected no learningRate in embeddingOptimizer, received ${describe(optimizer.learningRate)}: the option learningRate beside it is that of the tables`,
  );
}

function standardizationFor(split: Split, { standardize = true }: TrainingOptions): Standardization | undefined {
  if (typeof standardize !== 'boolean') {
    throw new CollideError('INVALID_ARGUMENT', `Expected a boolean for standardize, received ${describe(standardize)}`);
  }
  return standardize && split.denseCount > 0 ? standardizationOf(split.dense, split.denseCount) : undefined;
}

/** With the learning rate that suits the steps of an epoch over a split. */
export function denseOptimizer(split: Split, { denseOptimizer, batchSize }: TrainingOptions): DenseOptimizer {
  const optimizer = denseOptimizer ?? { kind: 'lamb' };
  const { rateForSteps } = denseOptimizers.get(optimizer.kind, 'denseOptimizer.kind');
  if (rateForSteps === undefined || optimizer.learningRate !== undefined) return optimizer;
  return { ...optimizer, learningRate: rateForSteps(split.rows / (batchSize ?? defaultBatchSize(split.rows))) };
}

/** The learning rates to try, at least one. */
export function learningRates(options: TrainingOptions): readonly number[] {
  const rates = options.learningRate ?? 0.02;
  return typeof rates === 'number' ? [rates] : rates;
}
