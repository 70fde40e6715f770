/**
 * The reference against finite differences of its own forward: its gradients of rows and of per-sample weights are
 * those of the loss <output, G> for a fixed G. The chain rule in it shares nothing with forward.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { embeddingCases, generator, optimizers, randomBatch, uniform, withSources } from './random_case.ts';
import { type ExactBatch, type ReferenceBatch, ReferenceEmbedding } from './reference.ts';

const dot = (a: Float64Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

// The loss is a polynomial of degree 3 at most in one value (a row of one table, three times multiplied with itself), so
// the central difference is off by less than step^2 times its third derivative.
const STEP = 1e-4;
const TOLERANCE = 1e-5;

describe('the reference', () => {
  const sgd = optimizers('sgd').map(() => ({ kind: 'sgd' as const, learningRate: 1 }));
  const small = embeddingCases(['float32'], sgd).map((c) => ({ ...c, size: Math.min(c.size, 6) }));

  it('has the gradients of its forward', () => {
    let compared = 0;
    fc.assert(
      fc.property(fc.oneof(small, withSources(small)), (c) => {
        const random = generator(c.seed);
        const reference = new ReferenceEmbedding(c.features, c.optimizer);
        for (const table of reference.tables.values()) table.setValues(uniform(random, table.rows * table.width));
        const batch: ReferenceBatch = randomBatch(c.features, c, random);
        const gradient = uniform(random, reference.forward(batch).length);
        /** The slope of the loss in one value. */
        const slopeIn = (values: Float64Array, i: number, given: ExactBatch = batch) => {
          const x = values[i]!;
          const loss = [x + STEP, x - STEP].map((moved) => {
            values[i] = moved;
            return dot(reference.forward(given), gradient);
          });
          values[i] = x;
          return (loss[0]! - loss[1]!) / (2 * STEP);
        };

        const slopes: { slope: number; gradient: () => number }[] = [];
        for (const { values } of reference.tables.values()) {
          for (let sample = 0; sample < 4; sample++) {
            const row = values[Math.floor(random() * values.length)]!;
            const j = Math.floor(random() * row.length);
            const before = row[j]!;
            slopes.push({ slope: slopeIn(row, j), gradient: () => before - row[j]! }); // SGD at rate 1
          }
        }
        const weights = Float64Array.from(batch.weights ?? new Float32Array(batch.indices.length).fill(1));
        for (let i = 0; i < Math.min(weights.length, 6); i++) {
          slopes.push({ slope: slopeIn(weights, i, { ...batch, weights }), gradient: () => weightGradient[i]! });
        }
        const weightGradient = reference.backward(batch, gradient);
        for (const { slope, gradient } of slopes) {
          expect(Math.abs(gradient() - slope)).toBeLessThan(TOLERANCE * (1 + Math.abs(slope)));
          compared += slope === 0 ? 0 : 1;
        }
      }),
      { numRuns: 60 },
    );
    expect(compared).toBeGreaterThan(100);
  });
});
