/** Loss falls on a learnable toy: a logistic regression in plain TypeScript on top of the summed embeddings. */
import { describe, expect, it } from 'vitest';
import { type EmbeddingOptimizer, EmbeddingTables } from '../../lib/embedding/index.ts';
import type { HashFunction } from '../../lib/hashing/index.ts';
import { generator } from './random_case.ts';

const CARDINALITY = 200;
const DIM = 4;
/** An id's hidden effect has one of four values: -3, -1, 1, 3. */
const effect = (id: number) => 2 * ((id * 7) % 4) - 3;
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Mean log loss of each of `steps` batches: logit = sum over the columns of two embeddings. */
function losses(hash: HashFunction, optimizer: EmbeddingOptimizer, steps = 150, size = 256): number[] {
  const random = generator(5);
  using tables = new EmbeddingTables({
    features: ['a', 'b'].map((name) => ({ name, cardinality: CARDINALITY, dim: DIM, hashes: [hash] })),
    optimizer,
  });
  const out: number[] = [];
  for (let step = 0; step < steps; step++) {
    const indices = Uint32Array.from({ length: 2 * size }, () => Math.floor(random() * CARDINALITY));
    const offsets = Uint32Array.from({ length: 2 * size + 1 }, (_, i) => i);
    const pooled = tables.forward({ indices, offsets });
    const gradient = new Float32Array(pooled.length);
    let loss = 0;
    for (let bag = 0; bag < size; bag++) {
      const label = random() < sigmoid(effect(indices[bag]!) + effect(indices[size + bag]!)) ? 1 : 0;
      const columns = pooled.subarray(bag * 2 * DIM, (bag + 1) * 2 * DIM);
      const logit = columns.reduce((sum, x) => sum + x, 0);
      loss += Math.log1p(Math.exp(label === 1 ? -logit : logit));
      gradient.fill((sigmoid(logit) - label) / size, bag * 2 * DIM, (bag + 1) * 2 * DIM);
    }
    tables.backward(gradient);
    out.push(loss / size);
  }
  return out;
}

const mean = (values: number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;

describe('a learnable toy', () => {
  const optimizers: EmbeddingOptimizer[] = [
    { kind: 'sgd', learningRate: 8 },
    { kind: 'adagrad', learningRate: 0.2 },
    { kind: 'rowwise-adagrad', learningRate: 0.2 },
    { kind: 'adam', learningRate: 0.05 },
    { kind: 'rowwise-adam', learningRate: 0.05 },
    { kind: 'ftrl', learningRate: 0.2, l2: 1e-5 },
  ];
  for (const optimizer of optimizers) {
    it(`the loss falls with ${optimizer.kind}`, () => {
      const all = losses({ kind: 'identity' }, optimizer);
      expect(all[0]).toBeGreaterThan(0.65); // log 2 = 0.693: it knows nothing yet
      expect(mean(all.slice(-20))).toBeLessThan(0.45); // the hidden effects themselves give about 0.36
    });
  }

  it('four rows are enough when the ids that collide are alike, and not when they collide at random', () => {
    const optimizer: EmbeddingOptimizer = { kind: 'rowwise-adagrad', learningRate: 0.2 };
    const alike = Uint8Array.from({ length: CARDINALITY }, (_, id) => (effect(id) + 3) / 2);
    const learned = mean(losses({ kind: 'table', rows: 4, entries: alike }, optimizer).slice(-20));
    const random = mean(losses({ kind: 'mixed', rows: 4, seed: 1 }, optimizer).slice(-20));
    expect(learned).toBeLessThan(0.42);
    expect(random).toBeGreaterThan(0.6);
  });
});
