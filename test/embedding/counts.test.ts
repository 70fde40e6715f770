/** Access counts equal a plain counter, whatever comes between forwards and backwards: forward or backward may count. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EmbeddingTables } from '../../lib/embedding/index.ts';
import { asOptions, embeddingCase, generator, idsOf, randomBatch, uniform } from './random_case.ts';

const ACTIONS = ['forward', 'backward', 'lookup', 'read', 'refused', 'save', 'restore', 'round'] as const;

describe('counts', () => {
  it('equal a plain counter after any sequence of calls', () => {
    const actions = fc.array(fc.constantFrom(...ACTIONS), { minLength: 1, maxLength: 14 });
    fc.assert(
      fc.property(embeddingCase, actions, fc.constantFrom('ignore', 'clamp'), (c, sequence, badIndex) => {
        using tables = new EmbeddingTables({ features: asOptions(c.features), optimizer: c.optimizer, badIndex });
        const random = generator(c.seed);
        let expected = c.features.map(({ cardinality }) => new Uint32Array(cardinality));
        let saved = tables.checkpoint();
        let savedCounts = expected.map((counts) => counts.slice());
        let floats: number | undefined; // of the output that a backward may follow
        const check = () => {
          for (const [f, { name }] of c.features.entries()) expect(tables.counts(name)).toEqual(expected[f]);
        };
        for (const action of [...sequence, 'read']) {
          const batch = randomBatch(c.features, c, random);
          if (action === 'forward') {
            const ids = idsOf(c.features, batch);
            // Ids that do not exist are counted as those that stand in for them.
            const places = batch.indices.flatMap((_, i) => (random() < 0.1 ? [i] : []));
            const bad = places.reduce((list, i) => list.with(i, -1 - i), batch.indices);
            floats = tables.forward({ ...batch, indices: Int32Array.from(bad) }).length;
            const seen = idsOf(c.features, { ...batch, indices: bad });
            for (const [f, list] of ids.entries()) {
              for (const i of list.keys()) expected[f]![Math.max(0, seen[f]![i]!)]! += 1;
            }
          } else if (action === 'backward' && floats !== undefined) {
            tables.backward(uniform(random, floats));
            floats = undefined;
          } else if (action === 'lookup') {
            tables.lookup(batch);
            floats = undefined;
          } else if (action === 'refused') {
            expect(() => tables.forward({ ...batch, offsets: [1, ...batch.offsets.slice(1)] })).toThrow();
            floats = undefined;
          } else if (action === 'save') {
            saved = tables.checkpoint();
            savedCounts = expected.map((counts) => counts.slice());
          } else if (action === 'restore') {
            tables.restore(saved);
            expected = savedCounts.map((counts) => counts.slice());
          } else if (action === 'round') {
            tables.withPrecision('float32').close();
          } else if (action === 'read') {
            check();
          }
        }
      }),
      { numRuns: 120 },
    );
  });

  it('of one row hit by most of a batch that threads share, and of its neighbours', () => {
    const n = 40_000;
    const random = generator(5);
    const indices = Uint32Array.from({ length: n }, () => (random() < 0.6 ? 3 : Math.floor(random() * 500)));
    const offsets = Uint32Array.from({ length: n + 1 }, (_, i) => i);
    const expected = new Uint32Array(500);
    for (const id of indices) expected[id]! += 2;
    for (const threads of [1, 3]) {
      using tables = new EmbeddingTables({ features: [{ name: 'f', cardinality: 500, dim: 2 }], threads });
      for (let step = 0; step < 2; step++) {
        tables.forward({ indices, offsets });
        tables.backward(new Float32Array(2 * n));
      }
      expect(tables.counts('f')).toEqual(expected);
    }
  });
});
