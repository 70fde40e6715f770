/**
 * A row that a batch hits a million times, as learned collisions and hot ids do: exact (its gradient is the float64 sum of
 * its parts, to float32's precision), with the same bits for any number of threads.
 */
import { describe, expect, it } from 'vitest';
import { EmbeddingTables } from '../../lib/embedding/index.ts';
import { generator, positive, uniform } from './random_case.ts';
import { relativeError } from './reference.ts';

const N = 1_000_000;
const IDS = 5;

/** The row after one step of SGD at rate 1 from zero: minus its gradient. */
function summed(
  dim: number,
  threads: number,
  indices: Uint32Array,
  offsets: Uint32Array,
  rest: object,
  g: Float32Array,
) {
  using tables = new EmbeddingTables({
    features: [{ name: 'f', cardinality: IDS, dim, hashes: [{ kind: 'modulo', rows: 1 }] }],
    optimizer: { kind: 'sgd', learningRate: 1 },
    threads,
  });
  tables.setWeights('f', new Float32Array(dim));
  tables.forward({ indices, offsets, ...rest });
  tables.backward(g);
  expect(tables.counts('f').reduce((sum, n) => sum + n, 0)).toBe(N);
  return tables.weights('f');
}

const indices = Uint32Array.from({ length: N }, (_, i) => i % IDS);
const single = Uint32Array.from({ length: N + 1 }, (_, i) => i);

describe('a million ids of one row', () => {
  for (const dim of [1, 16]) {
    for (const [what, draw] of [
      ['mixed signs', (n: number) => uniform(generator(7), n)],
      // The worst case of a float32 sum: every addition rounds the same way.
      ['all equal', (n: number) => new Float32Array(n).fill(0.1)],
    ] as const) {
      it(`one bag each, width ${dim}, gradients ${what}`, () => {
        const gradient = draw(N * dim);
        const exact = new Float64Array(dim);
        for (let i = 0; i < gradient.length; i++) exact[i % dim]! -= gradient[i]!;
        const rows = [1, 2, 3, 7].map((threads) => summed(dim, threads, indices, single, {}, gradient));
        expect(relativeError(rows[0]!, exact)).toBeLessThan(1e-5);
        for (const row of rows) expect(row).toEqual(rows[0]);
      });
    }

    it(`in three bags with positive weights, width ${dim}`, () => {
      const weights = positive(generator(8), N);
      const offsets = Uint32Array.of(0, 10, N - 100_000, N);
      const gradient = positive(generator(9), 3 * dim);
      const exact = new Float64Array(dim);
      for (let bag = 0; bag < 3; bag++) {
        let weight = 0;
        for (let i = offsets[bag]!; i < offsets[bag + 1]!; i++) weight += weights[i]!;
        for (let j = 0; j < dim; j++) exact[j]! -= weight * gradient[bag * dim + j]!;
      }
      const rows = [1, 2, 3, 7].map((threads) => summed(dim, threads, indices, offsets, { weights }, gradient));
      expect(relativeError(rows[0]!, exact)).toBeLessThan(1e-5);
      for (const row of rows) expect(row).toEqual(rows[0]);
    });
  }
});
