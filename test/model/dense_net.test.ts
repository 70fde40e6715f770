import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DenseNet } from '../../lib/model/index.ts';
import { randomBatch, SHAPES } from './cases.ts';
import { pass, relativeError, type Shape } from './reference.ts';

// float32 arithmetic against float64: the bound of every comparison here, in the Euclidean norm per tensor.
const BOUND = 1e-5;
// So large that the step dwarfs the weights: (before - after) / rate is then the gradient to float32 precision.
const RATE = 65536;

function compare(shape: Shape, batch: number, seed: number): void {
  using net = new DenseNet({ ...shape, optimizer: { kind: 'sgd', learningRate: RATE }, seed });
  const { dense, embeddings, labels, gradient } = randomBatch(shape, batch, seed);
  const before = net.parameters();
  const expected = pass(shape, before, dense, embeddings, labels);

  const logits = new Float32Array(batch);
  net.predict(dense, embeddings, logits);
  expect(relativeError(logits, expected.logits)).toBeLessThan(BOUND);
  expect(net.step(dense, embeddings, labels, gradient) / expected.loss).toBeCloseTo(1, 6);
  expect(relativeError(gradient, expected.embeddingGradient)).toBeLessThan(BOUND);
  const after = net.parameters();
  for (const { name, start, length } of net.tensors()) {
    const found = Float64Array.from({ length }, (_, k) => (before[start + k]! - after[start + k]!) / RATE);
    const wanted = expected.parameterGradient.subarray(start, start + length);
    expect(relativeError(found, wanted), name).toBeLessThan(BOUND);
  }
}

describe('DenseNet against the float64 reference', () => {
  for (const shape of SHAPES) {
    // A block is 128 rows: one row, one group of 16 lanes and a bit, around a block, several blocks and a bit.
    for (const batch of [1, 19, 127, 129, 300]) {
      it(`loss, logits and every gradient: ${JSON.stringify(shape)}, batch ${batch}`, () => {
        compare(shape, batch, batch);
      });
    }
  }

  it('with more blocks than gradient shards', () => {
    compare({ dense: 1, vectors: 2, dim: 2, bottom: [3, 2], top: [4, 1] }, 128 * 67 + 5, 5);
  });

  it('any shape', () => {
    const width = fc.integer({ min: 1, max: 40 });
    const shapes = fc
      .record({
        dense: fc.integer({ min: 0, max: 20 }),
        vectors: fc.integer({ min: 1, max: 9 }),
        dim: fc.integer({ min: 1, max: 20 }),
        bottom: fc.array(width, { maxLength: 2 }),
        top: fc.array(width, { maxLength: 2 }),
      })
      .map((s) => ({ ...s, bottom: s.dense > 0 ? [...s.bottom, s.dim] : [], top: [...s.top, 1] }));
    const cases = fc.tuple(shapes, fc.integer({ min: 1, max: 200 }), fc.nat(1000));
    fc.assert(
      fc.property(cases, ([shape, batch, seed]) => compare(shape, batch, seed)),
      { numRuns: 40, seed: 1 },
    );
  });
});

describe('loss far from 0', () => {
  const shape: Shape = { dense: 0, vectors: 1, dim: 1, bottom: [], top: [1] };
  // logit = 0 * constant + 1 * (constant . embedding) + 0, with the constant 1: the embedding itself.
  const parameters = Float32Array.of(1, 0, 1, 0);

  it.each([-200, -90, -30, -3, -1e-4, 0, 1e-4, 3, 30, 88, 200])('logit %d has an exact loss and slope', (logit) => {
    for (const label of [0, 1]) {
      using net = new DenseNet({ ...shape, optimizer: { kind: 'sgd', learningRate: 0 } });
      net.setParameters(parameters);
      const gradient = new Float32Array(1);
      const loss = net.step(new Float32Array(0), Float32Array.of(logit), Float32Array.of(label), gradient);
      const z = label === 1 ? -logit : logit;
      const exact = Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
      const slope = (label === 1 ? -1 : 1) / (1 + Math.exp(-z));
      // The smallest loss a float32 holds to full precision is about 1e-38.
      expect(Math.abs(loss - exact)).toBeLessThan(1e-6 * exact + 2e-38);
      expect(Math.abs(gradient[0]! - slope)).toBeLessThan(1e-6 * Math.abs(slope) + 2e-38);
    }
  });
});
