import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../lib/data/index.ts';
import { trainStudent } from '../../lib/pipeline/student.ts';
import {
  auc,
  logLoss,
  logLossOfLogits,
  normalizedEntropy,
  normalizedEntropyOfLogits,
} from '../../lib/training/metrics.ts';

/** All pairs, one by one. */
function slowAuc(labels: Float32Array, scores: Float32Array): number {
  let won = 0;
  let pairs = 0;
  for (let i = 0; i < labels.length; i++) {
    for (let j = 0; j < labels.length; j++) {
      if (labels[i] !== 1 || labels[j] !== 0) continue;
      pairs += 1;
      won += scores[i]! > scores[j]! ? 1 : scores[i] === scores[j] ? 0.5 : 0;
    }
  }
  return won / pairs;
}

/** The definition over probabilities; good for moderate logits only. */
function slowLogLoss(labels: Float32Array, logits: Float32Array): number {
  const losses = Array.from(labels, (label, i) => {
    const probability = 1 / (1 + Math.exp(-logits[i]!));
    return -(label * Math.log(probability) + (1 - label) * Math.log(1 - probability));
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / labels.length;
}

// Few distinct scores make many ties; any float makes the extremes.
const score = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.float({ noNaN: true }), fc.constantFrom(-0, 0));
const examples = (predictions: fc.Arbitrary<number>, least = 1) =>
  fc
    .array(fc.tuple(fc.constantFrom(0, 1), predictions), { minLength: least, maxLength: 60 })
    .map((rows) => [Float32Array.from(rows, (r) => r[0]), Float32Array.from(rows, (r) => r[1])] as const);
const bothClasses = (labels: Float32Array) => labels.includes(0) && labels.includes(1);

describe('auc', () => {
  it('is the share of pairs ranked right, ties half', () => {
    expect(auc(Float32Array.of(0, 0, 1, 1), Float32Array.of(0.1, 0.4, 0.35, 0.8))).toBe(0.75);
    expect(auc(Float32Array.of(0, 1), Float32Array.of(1, 2))).toBe(1);
    expect(auc(Float32Array.of(1, 0), Float32Array.of(1, 2))).toBe(0);
    expect(auc(Float32Array.of(1, 0, 1, 0), Float32Array.of(5, 5, 5, 5))).toBe(0.5);
    expect(auc(Float32Array.of(1, 0), Float32Array.of(0, -0))).toBe(0.5);
    expect(auc(Float32Array.of(1, 0, 0), Float32Array.of(Infinity, Infinity, -Infinity))).toBe(0.75);
  });

  it('agrees with counting all pairs', () => {
    fc.assert(
      fc.property(examples(score, 2), ([labels, scores]) => {
        const expected = slowAuc(labels, scores);
        if (bothClasses(labels)) expect(auc(labels, scores)).toBeCloseTo(expected, 14);
        else expect(auc(labels, scores)).toBeNaN();
      }),
      { numRuns: 500 },
    );
  });

  it('does not change when the scores are transformed without changing their order, and turns over with their sign', () => {
    fc.assert(
      fc.property(examples(fc.integer({ min: -50, max: 50 }), 2), ([labels, scores]) => {
        fc.pre(bothClasses(labels));
        const value = auc(labels, scores);
        expect(
          auc(
            labels,
            scores.map((s) => s * 3 + 7),
          ),
        ).toBe(value);
        expect(
          auc(
            labels,
            scores.map((s) => -s),
          ),
        ).toBeCloseTo(1 - value, 14);
        expect(
          auc(
            labels.map((l) => 1 - l),
            scores,
          ),
        ).toBeCloseTo(1 - value, 14);
      }),
    );
  });

  it('leaves its inputs alone and does not depend on the order of examples', () => {
    fc.assert(
      fc.property(examples(score, 2), ([labels, scores]) => {
        fc.pre(bothClasses(labels));
        const [labelsBefore, scoresBefore] = [labels.slice(), scores.slice()];
        const value = auc(labels, scores);
        expect([labels, scores]).toEqual([labelsBefore, scoresBefore]);
        expect(auc(labels.toReversed(), scores.toReversed())).toBe(value);
      }),
    );
  });

  it('is exact on a million examples of known ranks', () => {
    // Scores 0 .. n-1 with every third positive: positive number k (0-based) scores 3k + 2 and beats 2k + 2 negatives.
    const n = 999_999;
    const labels = Float32Array.from({ length: n }, (_, i) => (i % 3 === 2 ? 1 : 0));
    const order = Float32Array.from({ length: n }, (_, i) => i);
    const positives = n / 3;
    const won = positives * (positives - 1) + 2 * positives;
    expect(auc(labels, order)).toBe(won / positives / (n - positives));
  });
});

describe('logLossOfLogits', () => {
  it('is ln 2 for logits of 0', () => {
    expect(logLossOfLogits(Float32Array.of(0, 1, 1), new Float32Array(3))).toBeCloseTo(Math.LN2, 15);
  });

  it('agrees with the definition over probabilities', () => {
    const logit = fc.float({ min: -15, max: 15, noNaN: true });
    fc.assert(
      fc.property(examples(logit), ([labels, logits]) => {
        const expected = slowLogLoss(labels, logits);
        expect(Math.abs(logLossOfLogits(labels, logits) - expected)).toBeLessThanOrEqual(1e-9 * Math.max(1, expected));
      }),
    );
  });

  it('stays exact where probabilities round to 0 or 1', () => {
    expect(logLossOfLogits(Float32Array.of(0), Float32Array.of(1000))).toBe(1000);
    expect(logLossOfLogits(Float32Array.of(1), Float32Array.of(-1000))).toBe(1000);
    expect(logLossOfLogits(Float32Array.of(1), Float32Array.of(40))).toBeCloseTo(Math.exp(-40), 30);
    expect(logLossOfLogits(Float32Array.of(1), Float32Array.of(Infinity))).toBe(0);
    expect(logLossOfLogits(Float32Array.of(0), Float32Array.of(Infinity))).toBe(Infinity);
    expect(logLossOfLogits(Float32Array.of(1, 1), Float32Array.of(3e38, 3e38))).toBe(0);
  });

  it('is symmetric in the classes and never negative', () => {
    fc.assert(
      fc.property(examples(fc.float({ noNaN: true })), ([labels, logits]) => {
        const value = logLossOfLogits(labels, logits);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(
          logLossOfLogits(
            labels.map((l) => 1 - l),
            logits.map((x) => -x),
          ),
        ).toBe(value);
      }),
    );
  });

  it('sums in float64: a million equal examples cost what one does', () => {
    const labels = new Float32Array(1_000_000).fill(1);
    const logits = new Float32Array(1_000_000).fill(0.3);
    const one = logLossOfLogits(Float32Array.of(1), Float32Array.of(0.3));
    // the bound of a plain sum of n float64 numbers: n half units in the last place
    expect(Math.abs(logLossOfLogits(labels, logits) - one)).toBeLessThanOrEqual(1_000_000 * 2 ** -53 * one);
  });
});

describe('normalizedEntropyOfLogits', () => {
  it('is 1 for predicting the base rate and lower for better predictions', () => {
    const labels = Float32Array.of(1, 0, 0, 0);
    const rate = Math.log(0.25 / 0.75);
    expect(normalizedEntropyOfLogits(labels, new Float32Array(4).fill(rate))).toBeCloseTo(1, 7);
    expect(normalizedEntropyOfLogits(labels, Float32Array.of(3, -3, -3, -3))).toBeLessThan(0.1);
    expect(normalizedEntropyOfLogits(labels, Float32Array.of(-3, 3, 3, 3))).toBeGreaterThan(5);
  });

  it('is the log loss over the entropy of the labels', () => {
    fc.assert(
      fc.property(examples(fc.float({ min: -20, max: 20, noNaN: true })), ([labels, logits]) => {
        if (!bothClasses(labels)) {
          expect(normalizedEntropyOfLogits(labels, logits)).toBeNaN();
          return;
        }
        const p = labels.reduce((sum, l) => sum + l, 0) / labels.length;
        const entropy = -p * Math.log(p) - (1 - p) * Math.log(1 - p);
        expect(normalizedEntropyOfLogits(labels, logits)).toBeCloseTo(logLossOfLogits(labels, logits) / entropy, 10);
      }),
    );
  });
});

describe('of probabilities', () => {
  const logit = fc.float({ min: -12, max: 12, noNaN: true });
  const probabilities = (logits: Float32Array) => logits.map((x) => 1 / (1 + Math.exp(-x)));

  it('logLoss is that of the logits, but for the rounding of the probabilities', () => {
    fc.assert(
      fc.property(examples(logit), ([labels, logits]) => {
        const expected = logLossOfLogits(labels, logits);
        // A float32 is off by 2^-25 at most near 1, where 1 - p is exp(-12) at least: half a percent of it.
        expect(Math.abs(logLoss(labels, probabilities(logits)) - expected)).toBeLessThanOrEqual(0.005 * (1 + expected));
      }),
    );
  });

  it('logLoss is the definition, and finite where a float32 is exactly 0 or 1', () => {
    expect(logLoss(Float32Array.of(1, 0), Float32Array.of(0.25, 0.25))).toBeCloseTo(-Math.log(0.25 * 0.75) / 2, 12);
    expect(logLoss(Float32Array.of(0), Float32Array.of(1))).toBeCloseTo(25 * Math.LN2, 12);
    expect(logLoss(Float32Array.of(1), Float32Array.of(0))).toBeCloseTo(150 * Math.LN2, 12);
    expect(logLoss(Float32Array.of(1, 0), Float32Array.of(1, 0))).toBeLessThan(1e-7);
  });

  it.each([1.5, -0.1, -2, Infinity])('logits are told from probabilities by %d', (value) => {
    for (const metric of [logLoss, normalizedEntropy]) {
      expect(() => metric(Float32Array.of(0, 1), Float32Array.of(0.5, value))).toThrowError(
        expect.objectContaining({
          code: 'INVALID_ARGUMENT',
          message: expect.stringMatching(
            /from 0 to 1, received .* at position 1\. The log loss of logits is logLossOfLogits/,
          ),
        }),
      );
    }
  });

  it('normalizedEntropy is the log loss over the entropy of the labels', () => {
    const labels = Float32Array.of(1, 0, 0, 0);
    expect(normalizedEntropy(labels, new Float32Array(4).fill(0.25))).toBeCloseTo(1, 12);
    expect(normalizedEntropy(Float32Array.of(1, 1), Float32Array.of(0.5, 0.5))).toBeNaN();
  });

  it('what predict gives has the log loss that evaluate says', async () => {
    const { data } = syntheticDataset({ rows: 500, cardinalities: [20, 10] });
    using student = await trainStudent(data.split('student'), { dim: 2, epochs: 1 });
    const split = data.split('evaluation');
    const { logLoss: evaluated, normalizedEntropy: entropy } = await student.evaluate(split);
    const predicted = await student.predict(split);
    expect(logLoss(split.labels, predicted)).toBeCloseTo(evaluated, 6);
    expect(normalizedEntropy(split.labels, predicted)).toBeCloseTo(entropy, 6);
  });
});

describe.each([
  ['auc', auc, 'scores'],
  ['logLoss', logLoss, 'probabilities'],
  ['normalizedEntropy', normalizedEntropy, 'probabilities'],
  ['logLossOfLogits', logLossOfLogits, 'logits'],
  ['normalizedEntropyOfLogits', normalizedEntropyOfLogits, 'logits'],
] as const)('%s refuses', (_, metric, what) => {
  const f = Float32Array;
  it.each<[string, unknown, unknown, string, string]>([
    [
      'lengths that differ',
      f.of(0, 1),
      f.of(0),
      'INVALID_ARGUMENT',
      `of 2 ${what}, one per label, received Float32Array of length 1`,
    ],
    ['no examples', f.of(), f.of(), 'INVALID_ARGUMENT', 'at least one label'],
    ['labels of another type', [0, 1], f.of(0, 1), 'INVALID_ARGUMENT', 'received an array of length 2'],
    ['predictions of another type', f.of(0, 1), new Float64Array(2), 'INVALID_ARGUMENT', 'received Float64Array'],
    ['a NaN', f.of(0, 1, 1), f.of(0, Number.NaN, 0), 'INVALID_ARGUMENT', 'received NaN at position 1'],
    ['a label of 2', f.of(0, 1, 2), f.of(0, 1, 1), 'INVALID_LABEL', 'received 2 at position 2'],
    ['a label of NaN', f.of(Number.NaN), f.of(0), 'INVALID_LABEL', 'received NaN at position 0'],
    ['a label between', f.of(0.5), f.of(0), 'INVALID_LABEL', 'received 0.5 at position 0'],
  ])('%s', (_case, labels, predictions, code, message) => {
    expect(() => metric(labels as Float32Array, predictions as Float32Array)).toThrowError(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});
