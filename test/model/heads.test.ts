import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DenseNet, heads, Recommender } from '../../lib/model/index.ts';
import { randomBatch } from './cases.ts';
import { derivatives, type HeadCase, logitOf, lossOf, randomHead } from './head_reference.ts';
import { norm } from './reference.ts';

// float32 arithmetic against float64, in the Euclidean norm per tensor.
const BOUND = 1e-5;
// So large that the step dwarfs the weights: (before - after) / rate is then the gradient to float32 precision.
const RATE = 65536;

/** |a - b| / |b| in the Euclidean norm. A |b| below 1e-2 counts as that: sums of terms of a tenth may cancel. */
function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return norm(Float64Array.from(b, (x, i) => x - a[i]!)) / Math.max(1e-2, norm(b));
}

/** Loss, logits and every gradient against the reference. */
function compare(shape: HeadCase, batch: number, seed: number): void {
  using net = new DenseNet({ ...shape, optimizer: { kind: 'sgd', learningRate: RATE }, seed });
  const { dense, embeddings, labels, gradient } = randomBatch({ ...shape, bottom: [], top: [] }, batch, seed);
  const before = net.parameters();
  const logits = new Float32Array(batch);
  net.predict(dense, embeddings, logits);
  const width = shape.vectors * shape.dim;
  const wanted = Float64Array.from(logits, (_, r) =>
    logitOf(
      shape,
      before,
      dense.subarray(r * shape.dense, (r + 1) * shape.dense),
      embeddings.subarray(r * width, (r + 1) * width),
    ),
  );
  expect(relativeError(logits, wanted), 'logits').toBeLessThan(BOUND);
  const loss = net.step(dense, embeddings, labels, gradient);
  const given = { dense, embeddings, labels };
  expect(loss / lossOf(shape, before, given)).toBeCloseTo(1, 5);
  const byEmbeddings = derivatives((x) => lossOf(shape, before, { ...given, embeddings: x }), embeddings);
  expect(relativeError(gradient, byEmbeddings), 'embeddings').toBeLessThan(BOUND);
  const byParameters = derivatives((x) => lossOf(shape, x, given), before);
  const after = net.parameters();
  for (const { name, start, length } of net.tensors()) {
    const found = Float64Array.from({ length }, (_, k) => (before[start + k]! - after[start + k]!) / RATE);
    expect(relativeError(found, byParameters.subarray(start, start + length)), name).toBeLessThan(BOUND);
  }
}

describe('heads against the float64 reference and central differences', () => {
  for (const name of heads.names) {
    for (const [dense, vectors, dim] of [
      [0, 1, 2],
      [2, 1, 2],
      [0, 5, 3],
      [3, 4, 5],
    ] as const) {
      for (const topHidden of [[], [6, 3]]) {
        it(`${name}: dense ${dense}, vectors ${vectors}, dim ${dim}, hidden [${topHidden}]`, () => {
          const head = heads.get(name, 'a test').ops({ dense, vectors, dim, topHidden });
          compare({ dense, vectors, dim, head }, 3, 7);
        });
      }
    }
  }

  it('any ops, whatever they read', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.constantFrom(1, 3, 18), (seed, batch) => compare(randomHead(seed), batch, seed)),
      { numRuns: 60, seed: 1 },
    );
  });
});

it.each(heads.names)('%s starts with the log-odds of the base rate as its output bias', (head) => {
  const features = [
    { name: 'a', cardinality: 5 },
    { name: 'b', cardinality: 7 },
  ];
  using model = new Recommender({ features, dense: 2, dim: 4, head, baseRate: 0.2 });
  const { net } = model;
  const bias = net.tensors().find(({ start }) => start === net.outputBias)!;
  expect(bias.name).toMatch(/^top(\.1)?\.bias$/);
  expect(net.parameters()[bias.start]).toBeCloseTo(Math.log(0.25), 6);
});
