/**
 * Quality of predictions against labels of 0 and 1: exact AUC, log loss and normalized entropy. All sums in float64 and
 * in a fixed order, so the same inputs give the same bits. AUC costs two sorts, O(n log n); the others are O(n).
 */
import { CollideError, describe } from '../errors.ts';

/**
 * Area under the ROC curve: the share of (positive, negative) pairs in which the positive scores higher, ties counting
 * half (the Mann-Whitney U statistic). Exact, not binned.
 *
 * @param labels - 0 or 1, [n]
 * @param scores - anything that ranks: logits or probabilities, [n]; infinities are allowed
 * @returns 0 to 1, or NaN when all labels are equal: there is no pair to rank then
 * @throws CollideError INVALID_ARGUMENT (lengths that differ, no examples, a score of NaN), INVALID_LABEL
 * @example
 * ```ts
 * auc(Float32Array.of(0, 1, 1), Float32Array.of(0.1, 0.1, 0.7)); // 0.75
 * ```
 */
export function auc(labels: Float32Array, scores: Float32Array): number {
  const positives = checkExamples(labels, scores, 'scores');
  const negatives = labels.length - positives;
  if (positives === 0 || negatives === 0) return Number.NaN;
  const high = new Float32Array(positives);
  const low = new Float32Array(negatives);
  for (let i = 0, p = 0, n = 0; i < labels.length; i++) {
    if (labels[i] === 1) high[p++] = scores[i]!;
    else low[n++] = scores[i]!;
  }
  high.sort();
  low.sort();
  // Twice the pairs won: whole numbers, exact up to 2^53. `below` and `upTo` are how many negatives score less than,
  // and at most, the positive at hand.
  let won = 0;
  let below = 0;
  let upTo = 0;
  for (const score of high) {
    while (below < negatives && low[below]! < score) below++;
    if (upTo < below) upTo = below;
    while (upTo < negatives && low[upTo]! <= score) upTo++;
    won += below + upTo;
  }
  return won / 2 / positives / negatives;
}

/**
 * Mean log loss (binary cross-entropy, in nats) of logits. Computed from the logits, so it neither overflows nor rounds
 * to zero: a logit of 100 against its label costs 100.
 *
 * @param labels - 0 or 1, [n]
 * @param logits - log-odds of label 1, [n]; an infinite one costs 0 or Infinity
 * @throws CollideError INVALID_ARGUMENT (lengths that differ, no examples, a logit of NaN), INVALID_LABEL
 * @example
 * ```ts
 * logLossOfLogits(Float32Array.of(0, 1), Float32Array.of(0, 0)); // 0.6931... = ln 2
 * ```
 */
export function logLossOfLogits(labels: Float32Array, logits: Float32Array): number {
  let sum = 0;
  for (const loss of rowLosses(labels, logits)) sum += loss;
  return sum / labels.length;
}

/** The log loss of each row, [n]; arguments and errors as of {@link logLossOfLogits}. */
export function rowLosses(labels: Float32Array, logits: Float32Array): Float64Array {
  checkExamples(labels, logits, 'logits');
  const losses = new Float64Array(labels.length);
  for (let i = 0; i < labels.length; i++) {
    const margin = labels[i] === 1 ? logits[i]! : -logits[i]!;
    // ln(1 + e^-margin) with the exponent kept negative
    losses[i] = margin >= 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin;
  }
  return losses;
}

/**
 * Mean log loss (binary cross-entropy, in nats) of probabilities, as `student.predict` gives them.
 *
 * A float32 that is exactly 1 stands for all that is rounded to it and counts as 1 - 2^-25, and 0 as 2^-150, so a loss
 * is never infinite: the most that a row costs is 17.3 against label 0 and 104 against label 1.
 *
 * @param labels - 0 or 1, [n]
 * @param probabilities - of label 1, 0 to 1, [n]
 * @throws CollideError INVALID_ARGUMENT (lengths that differ, no examples, a value outside 0 to 1: logits have
 * {@link logLossOfLogits}), INVALID_LABEL
 * @example
 * ```ts
 * const { labels } = data.split('evaluation');
 * logLoss(labels, await student.predict(data.split('evaluation'))); // what evaluate() calls logLoss
 * ```
 */
export function logLoss(labels: Float32Array, probabilities: Float32Array): number {
  checkExamples(labels, probabilities, 'probabilities');
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    const probability = probabilities[i]!;
    if (!(probability >= 0 && probability <= 1)) {
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected probabilities from 0 to 1, received ${probability} at position ${i}. The log loss of logits is logLossOfLogits`,
      );
    }
    sum -=
      labels[i] === 1 ? Math.log(Math.max(probability, 2 ** -150)) : Math.log1p(-Math.min(probability, 1 - 2 ** -25));
  }
  return sum / labels.length;
}

/**
 * Log loss divided by that of always predicting the labels' own base rate (He et al. 2014, "Practical Lessons from
 * Predicting Clicks on Ads at Facebook"): 1 is as good as knowing only the base rate, lower is better.
 *
 * @param labels - 0 or 1, [n]
 * @param probabilities - of label 1, 0 to 1, [n]
 * @returns NaN when all labels are equal: their entropy is 0 then
 * @throws CollideError as {@link logLoss}
 * @example
 * ```ts
 * normalizedEntropy(Float32Array.of(0, 1), Float32Array.of(0.5, 0.5)); // 1
 * ```
 */
export function normalizedEntropy(labels: Float32Array, probabilities: Float32Array): number {
  return logLoss(labels, probabilities) / labelEntropy(labels);
}

/** {@link normalizedEntropy} of logits, [n]; errors as of {@link logLossOfLogits}. */
export function normalizedEntropyOfLogits(labels: Float32Array, logits: Float32Array): number {
  return logLossOfLogits(labels, logits) / labelEntropy(labels);
}

/** Of labels of 0 and 1, in nats; NaN when they are all equal. */
function labelEntropy(labels: Float32Array): number {
  const rate = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  if (rate === 0 || rate === 1) return Number.NaN;
  return -(rate * Math.log(rate) + (1 - rate) * Math.log1p(-rate));
}

/** Checks labels and predictions; returns the number of labels that are 1. */
function checkExamples(labels: Float32Array, predictions: Float32Array, what: string): number {
  if (!(labels instanceof Float32Array) || labels.length === 0) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Float32Array of at least one label, received ${describe(labels)}`,
    );
  }
  if (!(predictions instanceof Float32Array) || predictions.length !== labels.length) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Float32Array of ${labels.length} ${what}, one per label, received ${describe(predictions)}`,
    );
  }
  let positives = 0;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (label !== 0 && label !== 1) {
      throw new CollideError('INVALID_LABEL', `Expected labels of 0 or 1, received ${label} at position ${i}`);
    }
    if (Number.isNaN(predictions[i])) {
      throw new CollideError('INVALID_ARGUMENT', `Expected ${what} that are numbers, received NaN at position ${i}`);
    }
    positives += label;
  }
  return positives;
}
