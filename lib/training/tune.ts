/**
 * Learning rate and number of epochs, chosen on a validation split. A comparison of compression methods is honest only
 * if each method and size gets its own: with one fixed rate, hashing looks worse than it is.
 */
import type { Split } from '../data/types.ts';
import { isDiverged } from '../errors.ts';
import type { Recommender } from '../model/recommender.ts';
import type { Detours } from './detours.ts';
import { evaluateSplit, type Metrics, type Newcomers, trainEpoch } from './train.ts';

export interface TuneOptions<T> {
  train: Split;
  validation: Split;
  learningRates: readonly number[];
  maxEpochs: number;
  batchSize: number;
  seed: number;
  newcomers?: Newcomers;
  detours?: Detours;
  /** A fresh model whose embedding optimizer has this learning rate. */
  build: (learningRate: number) => Recommender;
  /** Called at every improvement, with the model as it is then; the last call's result is returned. */
  onBest: (model: Recommender) => Promise<T> | T;
  signal?: AbortSignal;
  onProgress?: (text: string, share: number) => void;
}

export interface Tuned<T> {
  learningRate: number;
  epochs: number;
  validation: Metrics;
  result: T;
  /** Learning rates that were left out because training diverged with them, if there were any. */
  diverged?: readonly number[];
}

/**
 * Trains once per learning rate, looks at the validation log loss after every epoch, and stops a rate at the first epoch
 * that makes it worse, or diverges. Ties go to the earlier try, so the result is deterministic.
 *
 * @throws CollideError ABORTED; DIVERGED when every learning rate does
 */
export async function tune<T>(options: TuneOptions<T>): Promise<Tuned<T>> {
  const { learningRates, maxEpochs, signal } = options;
  let best: Tuned<T> | undefined;
  const diverged: number[] = [];
  let divergence: unknown;
  for (const [r, learningRate] of learningRates.entries()) {
    try {
      await tryRate(r, learningRate);
    } catch (error) {
      if (!isDiverged(error)) throw error;
      diverged.push(learningRate);
      divergence = error;
    }
  }
  if (best === undefined) throw divergence;
  return diverged.length === 0 ? best : { ...best, diverged };

  async function tryRate(r: number, learningRate: number): Promise<void> {
    using model = options.build(learningRate);
    let previous = Number.POSITIVE_INFINITY;
    for (let epoch = 1; epoch <= maxEpochs; epoch++) {
      await trainEpoch(model, options.train, {
        batchSize: options.batchSize,
        seed: epochSeed(options.seed, epoch),
        newcomers: options.newcomers,
        detours: options.detours,
        signal,
        onProgress: (rows) =>
          options.onProgress?.(
            `learning rate ${learningRate}, epoch ${epoch}`,
            (r + (epoch - 1 + rows / options.train.rows) / maxEpochs) / learningRates.length,
          ),
      });
      const validation = await evaluateSplit(model, options.validation, { signal });
      if (best === undefined || validation.logLoss < best.validation.logLoss) {
        best = { learningRate, epochs: epoch, validation, result: await options.onBest(model) };
      }
      if (validation.logLoss >= previous) break;
      previous = validation.logLoss;
    }
  }
}

/** The shuffle seed of an epoch: the same in tuning and in the training that repeats its choice. */
export function epochSeed(seed: number, epoch: number): number {
  return seed * 1000 + epoch;
}
