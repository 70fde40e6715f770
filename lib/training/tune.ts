/**
 * Learning rate and number of epochs, chosen on a validation split. A comparison of compression methods is honest only
 * if each method and size gets its own: with one fixed rate, hashing looks worse than it is.
 */

import type { Split } from '../data/types.ts';
import { isDiverged } from '../errors.ts';
import type { OnProgress } from '../job.ts';
import type { Recommender } from '../model/recommender.ts';
import { evaluateSplit, type Metrics, type OutOfVocabularyTraining, trainEpoch } from './train.ts';

/** See docs/notebook/training.md, "Early stopping". */
export const DEFAULT_PATIENCE = 1;

export interface TuneOptions<T> {
  train: Split;
  validation: Split;
  learningRates: readonly number[];
  maxEpochs: number;
  /** A rate is given up after so many epochs in a row that were no better than its best. */
  patience: number;
  batchSize: number;
  seed: number;
  outOfVocabulary?: OutOfVocabularyTraining;
  /** A fresh model whose embedding optimizer has this learning rate. */
  build: (learningRate: number) => Recommender;
  /** Called at every improvement, with the model as it is then; the result for the choice is returned. */
  onBest: (model: Recommender) => Promise<T> | T;
  /** Stops the work; the promise rejects with ABORTED. */
  signal?: AbortSignal;
  /** Told what is being done, and the share of it that is done, 0 to 1. */
  onProgress?: OnProgress;
}

export interface Tuned<T> {
  learningRate: number;
  epochs: number;
  validation: Metrics;
  result: T;
  /** The learning rates that diverged and were dropped, whatever they had come to before. Undefined for none. */
  diverged?: readonly number[];
}

/**
 * Trains once per learning rate and looks at the validation log loss after every epoch; after `patience` epochs that do
 * not better it, the next rate is tried. A rate that diverges is dropped. Ties go to the earlier try, so the result is
 * deterministic.
 *
 * @throws CollideError ABORTED; DIVERGED when every learning rate does
 */
export async function tune<T>(options: TuneOptions<T>): Promise<Tuned<T>> {
  const { learningRates, maxEpochs, patience, signal } = options;
  let best: Tuned<T> | undefined;
  const diverged: number[] = [];
  let divergence: unknown;
  for (const [r, learningRate] of learningRates.entries()) {
    try {
      best = (await tryRate(r, learningRate)) ?? best;
    } catch (error) {
      if (!isDiverged(error)) throw error;
      diverged.push(learningRate);
      divergence = error;
    }
  }
  if (best === undefined) throw divergence;
  return diverged.length === 0 ? best : { ...best, diverged };

  /** What the rate came to, if that is better than the best so far. */
  async function tryRate(r: number, learningRate: number): Promise<Tuned<T> | undefined> {
    using model = options.build(learningRate);
    let found: Tuned<T> | undefined;
    let least = Number.POSITIVE_INFINITY;
    let idle = 0; // epochs since
    for (let epoch = 1; epoch <= maxEpochs && idle < patience; epoch++) {
      await trainEpoch(model, options.train, {
        batchSize: options.batchSize,
        seed: epochSeed(options.seed, epoch),
        outOfVocabulary: options.outOfVocabulary,
        signal,
        onProgress: ({ share }) =>
          options.onProgress?.({
            step: `learning rate ${learningRate}, epoch ${epoch}`,
            share: (r + (epoch - 1 + share) / maxEpochs) / learningRates.length,
          }),
      });
      const validation = await evaluateSplit(model, options.validation, { signal });
      idle = validation.logLoss < least ? 0 : idle + 1;
      least = Math.min(least, validation.logLoss);
      if (idle === 0 && (best === undefined || least < best.validation.logLoss)) {
        found = { learningRate, epochs: epoch, validation, result: await options.onBest(model) };
      }
    }
    return found;
  }
}

/** The shuffle seed of an epoch: the same in tuning and in the training that repeats its choice. */
export function epochSeed(seed: number, epoch: number): number {
  return seed * 1000 + epoch;
}
