/** Trains a model as the options say: at a fixed rate and number of epochs, or with both chosen on the validation split. */
import { checkSplit } from '../data/check_split.ts';
import type { Split } from '../data/types.ts';
import { CollideError, checkCallbacks, checkInteger, checkNumber, describe } from '../errors.ts';
import type { Recommender } from '../model/recommender.ts';
import { learningRates, type TrainingOptions } from './options.ts';
import { defaultBatchSize, MOST_BATCH, trainEpoch } from './train.ts';
import { DEFAULT_PATIENCE, epochSeed, type Tuned, tune } from './tune.ts';

/** What training settled on. */
export interface Fit {
  learningRate: number;
  epochs: number;
  batchSize: number;
  /** Learning rates that were left out because training diverged with them, if there were any. */
  diverged?: readonly number[];
}

/**
 * Chooses learning rate and epochs on `options.validation`; `onBest` sees the model at every improvement and its last
 * result is kept, so the model at its best epoch need not be trained again.
 *
 * @throws CollideError INVALID_ARGUMENT, ABORTED, DIVERGED
 */
export async function fitTuned<T>(
  train: Split,
  build: (learningRate: number) => Recommender,
  options: TrainingOptions & { validation: Split },
  onBest: (model: Recommender) => Promise<T> | T,
): Promise<Tuned<T> & Fit> {
  const { rates, epochs, patience, batchSize, seed } = completed(train, options);
  const tuned = await tune({
    train,
    validation: options.validation,
    learningRates: rates,
    maxEpochs: epochs,
    patience,
    batchSize,
    seed,
    outOfVocabulary: options.outOfVocabulary,
    build,
    onBest,
    signal: options.signal,
    onProgress: options.onProgress,
  });
  return { ...tuned, batchSize };
}

/** Trains one model for all its epochs at the one learning rate of the options. The caller closes it. */
export async function fitFixed(
  train: Split,
  build: (learningRate: number) => Recommender,
  options: TrainingOptions,
): Promise<{ model: Recommender } & Fit> {
  const { rates, epochs, batchSize, seed } = completed(train, options);
  if (rates.length !== 1) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected one learning rate without a validation split, received ${rates.length}`,
    );
  }
  const model = build(rates[0]!);
  try {
    for (let epoch = 1; epoch <= epochs; epoch++) {
      await trainEpoch(model, train, {
        batchSize,
        seed: epochSeed(seed, epoch),
        outOfVocabulary: options.outOfVocabulary,
        signal: options.signal,
        onProgress: ({ share }) =>
          options.onProgress?.({ step: `epoch ${epoch}`, share: (epoch - 1 + share) / epochs }),
      });
    }
  } catch (error) {
    model.close();
    throw error;
  }
  return { model, learningRate: rates[0]!, epochs, batchSize };
}

function completed(train: Split, options: TrainingOptions) {
  if (options.validation !== undefined) checkSplit(options.validation, 'validation');
  checkCallbacks(options.signal, options.onProgress);
  const rates = learningRates(options);
  if (!Array.isArray(rates) || rates.length === 0) {
    throw new CollideError('INVALID_ARGUMENT', `Expected at least one learning rate, received ${describe(rates)}`);
  }
  for (const rate of rates) checkNumber(rate, Number.MIN_VALUE, 1e6, 'learningRate');
  return {
    rates,
    epochs: checkInteger(options.epochs ?? 1, 1, 10_000, 'epochs'),
    patience: checkInteger(options.patience ?? DEFAULT_PATIENCE, 1, 10_000, 'patience'),
    batchSize: checkInteger(options.batchSize ?? defaultBatchSize(train.rows), 1, MOST_BATCH, 'batchSize'),
    seed: checkInteger(options.seed ?? 1, 0, 1e12, 'seed'),
  };
}
