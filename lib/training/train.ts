/** The training loop and the evaluation of a model on a split. Both give the event loop a turn every few batches. */

import { setImmediate as turn } from 'node:timers/promises';
import { batches, shuffled } from '../data/batches.ts';
import { checkSplit } from '../data/check_split.ts';
import type { Split } from '../data/types.ts';
import {
  CollideError,
  checkCallbacks,
  checkInteger,
  checkNumber,
  checkOptions,
  describe,
  throwIfAborted,
} from '../errors.ts';
import type { OnProgress } from '../job.ts';
import { Recommender } from '../model/recommender.ts';
import { optionNames } from '../option_names.ts';
import { auc, logLossOfLogits, normalizedEntropyOfLogits } from './metrics.ts';
import { replaceNewIds } from './out_of_vocabulary.ts';

const OUT_OF_VOCABULARY_OPTIONS = optionNames<OutOfVocabularyTraining>({ older: true, share: true });

const PREDICT_OPTIONS = optionNames<Pick<EpochOptions, 'signal' | 'onProgress'>>({ signal: true, onProgress: true });

/** How good predictions are on a split. */
export interface Metrics {
  /** Exact area under the ROC curve, ties counted half. */
  auc: number;
  /** Mean log loss in nats. */
  logLoss: number;
  /** Log loss over the entropy of the split's own label rate. */
  normalizedEntropy: number;
}

/** Accesses to ids that `older` does not have are trained, with probability `share`, on the out-of-vocabulary row. */
export interface OutOfVocabularyTraining {
  /** Rows older than those that are trained: the teacher's. Ids that they lack are new. */
  older: Split;
  /** From 0 to below 1. */
  share: number;
}

/** Options of {@link trainEpoch}, {@link evaluateSplit} and {@link predictSplit}. */
export interface EpochOptions {
  batchSize: number;
  /** Rows are shuffled by it; another number each epoch. */
  seed: number;
  /** Trains the out-of-vocabulary rows; see out_of_vocabulary.ts. Default: they are never trained. */
  outOfVocabulary?: OutOfVocabularyTraining;
  /** Trains only the rows of this fold, row % 2. Default: all. */
  half?: 0 | 1;
  /** Stops the work; the promise rejects with ABORTED. */
  signal?: AbortSignal;
  /** Told what is being done, and the share of it that is done, 0 to 1. */
  onProgress?: OnProgress;
}

const EPOCH_OPTIONS = optionNames<EpochOptions>({
  batchSize: true,
  seed: true,
  outOfVocabulary: true,
  half: true,
  signal: true,
  onProgress: true,
});

/** Rows of a step, at most. */
export const MOST_BATCH = 2 ** 24;

/** Milliseconds of work after which other events get a turn. */
const TURN = 40;

/** When they last did. Outlives a pass: many passes shorter than a turn must not starve the event loop, nor an abort. */
let lastTurn = 0;

/**
 * The paper trains with batches of 32,768 on 1.5 billion rows. A small data set would see too few steps, so: about 1,024
 * batches an epoch, a power of two from 32 to 32,768.
 */
export function defaultBatchSize(rows: number): number {
  return Math.min(32768, Math.max(32, 2 ** Math.round(Math.log2(rows / 1024))));
}

/**
 * One pass over a split in shuffled order. A model whose folds train by different hash functions gets batches of one fold
 * each, which take turns (`folds` of `batches`). Returns the mean log loss along the way.
 *
 * @throws CollideError ABORTED; DIVERGED when a step cannot be taken, and at the end when the mean log loss of the second
 *   half of the pass is above 1.5 times the entropy of the labels, with at least 100 of each of them in it: always
 *   predicting their rate would cost 1 time that. The first half is left out, so that a rough start is forgiven.
 */
export async function trainEpoch(model: Recommender, split: Split, options: EpochOptions): Promise<number> {
  checkModel(model, 'trainEpoch');
  checkSplit(split, 'trainEpoch');
  checkOptions(options, EPOCH_OPTIONS, 'trainEpoch');
  checkCallbacks(options.signal, options.onProgress);
  if (options.outOfVocabulary !== undefined) checkOutOfVocabulary(options.outOfVocabulary);
  checkInteger(options.seed, 0, Number.MAX_SAFE_INTEGER, 'seed of trainEpoch');
  let loss = 0;
  let rows = 0;
  const { outOfVocabulary, half, batchSize } = options;
  const all = shuffled(split.rows, options.seed);
  const order = half === undefined ? all : all.filter((row) => row % 2 === half);
  const replace = outOfVocabulary && replaceNewIds(outOfVocabulary.older, outOfVocabulary.share, options.seed);
  const late = new LateLoss(order.length);
  const work = { ...options, step: 'training', rows: order.length };
  let lossBefore = () => 0; // asked for a step later, so that a device has the next batch by then
  await eachBatch(batches(split, { size: batchSize, order, folds: model.folds }), work, (batch) => {
    replace?.(batch);
    const step = model.start(batch);
    loss += lossBefore();
    const { size, labels } = batch;
    const positives = labels.reduce((sum, label) => sum + label, 0);
    const first = rows;
    lossBefore = () => {
      const total = step() * size;
      late.add(first, size, positives, total);
      return total;
    };
    rows += size;
    return rows;
  });
  loss += lossBefore();
  late.check();
  return loss / rows;
}

const MOST_LOSS = 1.5;
const LEAST_LABELS = 100;

/** The log loss of a pass's second half: of the batches that begin there, or of its last one. */
class LateLoss {
  readonly #from: number;
  #rows = 0;
  #positives = 0;
  #loss = 0;

  constructor(rows: number) {
    this.#from = rows / 2;
  }

  /** A batch: its first row, its rows, its labels of 1, the sum of its losses. */
  add(first: number, rows: number, positives: number, loss: number): void {
    if (first + rows <= this.#from) return;
    this.#rows += rows;
    this.#positives += positives;
    this.#loss += loss;
  }

  /** @throws CollideError DIVERGED */
  check(): void {
    if (Math.min(this.#positives, this.#rows - this.#positives) < LEAST_LABELS) return;
    const rate = this.#positives / this.#rows;
    const entropy = -(rate * Math.log(rate) + (1 - rate) * Math.log1p(-rate));
    const loss = this.#loss / this.#rows;
    if (loss <= MOST_LOSS * entropy) return;
    throw new CollideError(
      'DIVERGED',
      `Expected a training loss of at most ${MOST_LOSS} times the entropy of the labels (${entropy.toPrecision(4)}) over the second half of an epoch, received ${loss.toPrecision(4)}: always predicting the label rate would do better. Another learning rate may help, most often a lower one`,
    );
  }
}

/**
 * Logits of every row of a split, in its order.
 *
 * @throws CollideError ABORTED, DIVERGED (a logit that is not finite)
 */
export async function predictSplit(
  model: Recommender,
  split: Split,
  options: Pick<EpochOptions, 'signal' | 'onProgress'> = {},
): Promise<Float32Array> {
  checkModel(model, 'predictSplit');
  checkSplit(split, 'predictSplit');
  checkOptions(options, PREDICT_OPTIONS, 'predictSplit');
  checkCallbacks(options.signal, options.onProgress);
  const logits = new Float32Array(split.rows);
  let rows = 0;
  const work = { ...options, step: 'predicting', rows: split.rows };
  await eachBatch(batches(split, { size: 4096 }), work, (batch) => {
    model.predict(batch, logits.subarray(rows, rows + batch.size));
    rows += batch.size;
    return rows;
  });
  const broken = logits.findIndex((logit) => !Number.isFinite(logit));
  if (broken !== -1) {
    throw new CollideError(
      'DIVERGED',
      `Expected a finite logit for every row, received ${logits[broken]} for row ${broken + 1}: its dense values may be far beyond those that the model was trained on (least(greatest(x, -1e6), 1e6) bounds a column x), or training has left huge weights`,
    );
  }
  return logits;
}

/** AUC, log loss and normalized entropy of a model on a split. */
export async function evaluateSplit(
  model: Recommender,
  split: Split,
  options: Pick<EpochOptions, 'signal' | 'onProgress'> = {},
): Promise<Metrics> {
  const logits = await predictSplit(model, split, options);
  return {
    auc: auc(split.labels, logits),
    logLoss: logLossOfLogits(split.labels, logits),
    normalizedEntropy: normalizedEntropyOfLogits(split.labels, logits),
  };
}

/** @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION */
function checkOutOfVocabulary(outOfVocabulary: OutOfVocabularyTraining): void {
  checkOptions(outOfVocabulary, OUT_OF_VOCABULARY_OPTIONS, 'outOfVocabulary');
  checkSplit(outOfVocabulary.older, 'older of outOfVocabulary');
  if (!(checkNumber(outOfVocabulary.share, 0, 1, 'share of outOfVocabulary') < 1)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      'Expected a share below 1 for outOfVocabulary, received 1: no id would be trained',
    );
  }
}

function checkModel(model: unknown, where: string): void {
  if (model instanceof Recommender) return;
  throw new CollideError('INVALID_ARGUMENT', `Expected a Recommender for ${where}, received ${describe(model)}`);
}

/** Does `work`, which gives the rows done so far of `rows`, on every batch. @throws CollideError ABORTED */
export async function eachBatch<T>(
  list: Iterable<T>,
  options: { signal?: AbortSignal; onProgress?: OnProgress; step: string; rows: number },
  work: (batch: T) => number,
): Promise<void> {
  for (const batch of list) {
    throwIfAborted(options.signal);
    const rows = work(batch);
    if (Date.now() - lastTurn < TURN) continue;
    options.onProgress?.({ step: options.step, share: rows / options.rows });
    await turn();
    throwIfAborted(options.signal);
    lastTurn = Date.now();
  }
}
