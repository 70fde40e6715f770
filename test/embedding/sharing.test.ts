/** Internal tables that several features or hash functions share, and batches whose features have bags of their own. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EmbeddingTables, type FeatureOptions } from '../../lib/embedding/index.ts';
import type { CollideError } from '../../lib/errors.ts';
import { native } from '../../lib/native.ts';
import {
  asOptions,
  bytesPerCount,
  type Case,
  embeddingCases,
  generator,
  randomBatch,
  uniform,
  withSources,
} from './random_case.ts';
import { type ReferenceBatch, tableNames } from './reference.ts';

const cases = embeddingCases(['float32', 'bfloat16']);

function refusal(body: () => unknown): CollideError {
  try {
    body();
  } catch (error) {
    return error as CollideError;
  }
  throw new Error('nothing was thrown');
}

const bought: FeatureOptions = { name: 'bought', cardinality: 20, dim: 4 };
const viewed: FeatureOptions = { name: 'viewed', cardinality: 20, dim: 4, tables: ['bought'] };

describe('a shared table', () => {
  it('has one set of rows, counted once', () => {
    using tables = new EmbeddingTables({ features: [bought, viewed] });
    expect(tables.internalTables).toEqual([{ name: 'bought', rows: 20, width: 4, precision: 'float32' }]);
    const counts = bytesPerCount(tables) * 40;
    expect(tables.memory()).toEqual({ rows: 320, mapping: 0, optimizer: 80, counts, total: 320 });
    const values = uniform(generator(1), 80);
    tables.setWeights('viewed', values);
    expect(tables.weights('bought')).toEqual(values);
    tables.setOptimizerState('bought', new Float32Array(20).fill(3));
    expect(tables.optimizerState('viewed')).toEqual(new Float32Array(20).fill(3));
  });

  it('takes one step from the gradients of all its features: as one feature with all the bags', () => {
    using shared = new EmbeddingTables({ features: [bought, viewed] });
    using alone = new EmbeddingTables({ features: [bought] });
    alone.setWeights('bought', shared.weights('bought'));
    const random = generator(2);
    for (let step = 0; step < 3; step++) {
      const indices = Uint32Array.from({ length: 60 }, () => Math.floor(random() * 20));
      const offsets = Uint32Array.from({ length: 61 }, (_, i) => i);
      const pairs = shared.forward({ indices, offsets }); // [30, 8]
      const rows = alone.forward({ indices, offsets }); // [60, 4]: bag b of `bought`, then of `viewed`
      const gradient = uniform(random, rows.length);
      const interleaved = new Float32Array(pairs.length);
      for (let b = 0; b < 30; b++) {
        for (const [f, from] of [b, 30 + b].entries()) {
          expect(pairs.slice(8 * b + 4 * f, 8 * b + 4 * f + 4)).toEqual(rows.slice(4 * from, 4 * from + 4));
          interleaved.set(gradient.subarray(4 * from, 4 * from + 4), 8 * b + 4 * f);
        }
      }
      shared.backward(interleaved);
      alone.backward(gradient);
      expect(shared.weights('bought')).toEqual(alone.weights('bought'));
      expect(shared.optimizerState('viewed')).toEqual(alone.optimizerState('bought'));
    }
    const [counts, both] = [alone.counts('bought'), [shared.counts('bought'), shared.counts('viewed')]];
    expect(counts.map((n, id) => n - both[0]![id]! - both[1]![id]!)).toEqual(new Uint32Array(20)); // each its own
  });

  it('may serve several hash functions of one feature: an id is the sum of its rows', () => {
    const hashes = [0, 1, 2].map((seed) => ({ kind: 'mixed' as const, rows: 8, seed }));
    const bloom = { name: 'f', cardinality: 50, dim: 3, hashes, tables: ['t', 't', 't'] };
    using tables = new EmbeddingTables({ features: [bloom], optimizer: { kind: 'sgd', learningRate: 1 } });
    expect(tables.memory()).toMatchObject({ rows: 8 * 3 * 4 });
    tables.setWeights('f', new Float32Array(24));
    tables.forward({ indices: [7], offsets: [0, 1] });
    tables.backward(Float32Array.of(-1, -1, -1));
    // Three hits in all, wherever they went; a row hit twice moved twice.
    expect(tables.weights('f', 1).reduce((sum, x) => sum + x, 0)).toBe(9);
  });

  it('has the initial values of the first feature that names it', () => {
    const scaled = (scale: number) => ({ init: { kind: 'uniform' as const, scale } });
    using tables = new EmbeddingTables({
      features: [
        { ...bought, ...scaled(0) },
        { ...viewed, ...scaled(1) },
      ],
    });
    expect(tables.weights('viewed')).toEqual(new Float32Array(80));
  });

  const mismatches: [string, FeatureOptions, RegExp][] = [
    ['rows', { ...viewed, cardinality: 21 }, /20 rows of width 4.*received 21 rows/],
    ['width', { ...viewed, dim: 6 }, /20 rows of width 4.*received 20 rows of width 6/],
    ['precision', { ...viewed, precision: 'float16' }, /in float32 .*received .* in float16/],
    ['combiner', { ...viewed, combine: 'multiply' }, /float32 .*received .*float32, multiplied/],
  ];
  for (const [what, other, message] of mismatches) {
    it(`refuses other ${what}, naming both features`, () => {
      const error = refusal(() => new EmbeddingTables({ features: [bought, other] }));
      expect(error.code).toBe('INVALID_ARGUMENT');
      expect(error.message).toMatch(message);
      expect(error.message).toMatch(/table "bought" of feature "viewed", as feature "bought" has it/);
    });
  }

  it('is never shared by accident', () => {
    const hashes = [{ kind: 'identity' as const }, { kind: 'identity' as const }];
    const features = [
      { name: 'f', cardinality: 3, dim: 2, hashes },
      { name: 'f/1', cardinality: 3, dim: 2 },
    ];
    const error = refusal(() => new EmbeddingTables({ features }));
    expect(error).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/"f" and "f\/1".*table "f\/1"/),
    });
    using asked = new EmbeddingTables({ features: [features[0]!, { ...features[1]!, tables: ['f/1'] }] });
    expect(asked.internalTables.map(({ name }) => name)).toEqual(['f/0', 'f/1']);
  });
});

describe('batchSizes', () => {
  /** The same bags, padded with empty ones to one batch size. */
  function padded(c: Case, { indices, offsets, batchSizes, weights }: ReferenceBatch) {
    const size = Math.max(0, ...batchSizes!);
    const all = [0];
    let bag = 0;
    for (const bags of batchSizes!) {
      for (let b = 0; b < size; b++) all.push(b < bags ? offsets[++bag]! : offsets[bag]!);
    }
    const width = c.features.reduce((sum, f) => sum + f.dim * f.sequenceLength, 0);
    return { batch: { indices, offsets: all, ...(weights ? { weights } : {}) }, size, width };
  }

  it('random layouts: the blocks of a padded batch, and the same training', () => {
    fc.assert(
      fc.property(fc.oneof(cases, withSources(cases)), (c) => {
        const random = generator(c.seed);
        const batch = randomBatch(c.features, { ...c, uneven: true }, random);
        const make = () =>
          new EmbeddingTables({ features: asOptions(c.features), optimizer: c.optimizer, seed: c.seed });
        using uneven = make();
        using even = make();
        const blocks = uneven.forward(batch);
        const { batch: same, size, width } = padded(c, batch);
        const out = even.forward(same);
        const gradient = uniform(random, blocks.length);
        const evenGradient = new Float32Array(out.length);
        let base = 0;
        let column = 0;
        for (const [f, { dim, sequenceLength }] of c.features.entries()) {
          const columns = dim * sequenceLength;
          for (let b = 0; b < batch.batchSizes![f]!; b++) {
            const [from, at] = [base + b * columns, b * width + column];
            expect(blocks.subarray(from, from + columns)).toEqual(out.subarray(at, at + columns));
            evenGradient.set(gradient.subarray(from, from + columns), at);
          }
          base += batch.batchSizes![f]! * columns;
          column += columns;
        }
        expect(blocks).toHaveLength(base);
        expect(out).toHaveLength(size * width);
        const weightGradients = [new Float32Array(batch.indices.length), new Float32Array(batch.indices.length)];
        uneven.backward(gradient, weightGradients[0]);
        even.backward(evenGradient, weightGradients[1]);
        expect(weightGradients[0]).toEqual(weightGradients[1]);
        for (const f of c.features) {
          for (const t of tableNames(f).keys()) expect(uneven.weights(f.name, t)).toEqual(even.weights(f.name, t));
          expect(uneven.counts(f.name)).toEqual(even.counts(f.name));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('newOutput knows the length, and begins on a cache line', () => {
    using tables = new EmbeddingTables({ features: [bought, { ...viewed, dim: 6, tables: ['v'] }] });
    for (const [bags, length] of [
      [0, 0],
      [3, 30],
      [[2, 5], 38],
      [Uint32Array.of(0, 1), 6],
    ] as const) {
      const out = tables.newOutput(bags);
      expect(out).toHaveLength(length);
      expect((native().addressModulo64(out.buffer as ArrayBuffer) + out.byteOffset) % 64).toBe(0);
    }
    const out = tables.newOutput([2, 5]);
    const batch = { indices: [1, 2, 3], offsets: [0, 1, 2, 3, 3, 3, 3, 3], batchSizes: [2, 5] };
    expect(tables.forward(batch, out)).toBe(out);
    expect(out).toEqual(tables.lookup(batch));
    expect(tables.lookup({ ...batch, batchSizes: Uint32Array.of(2, 5) })).toEqual(out);
  });

  it('are checked', () => {
    using tables = new EmbeddingTables({ features: [bought, { ...viewed, tables: ['v'] }] });
    const cases: [unknown, string, RegExp][] = [
      [[1], 'INVALID_ARGUMENT', /per feature \(2\) for batchSizes, received an array of length 1/],
      [[1, -1], 'INVALID_ARGUMENT', /batchSizes\[1\], received -1/],
      [[1, 0.5], 'INVALID_ARGUMENT', /batchSizes\[1\], received 0.5/],
      [3, 'INVALID_ARGUMENT', /batchSizes, received 3/],
      [[1, 3], 'INVALID_OFFSETS', /Expected 5 offsets.*received 4/],
      [[2 ** 32 - 1, 2 ** 32 - 1], 'INVALID_OFFSETS', /Expected 8589934591 offsets/],
    ];
    for (const [batchSizes, code, message] of cases) {
      const batch = { indices: [1, 2, 3], offsets: [0, 1, 2, 3], batchSizes: batchSizes as number[] };
      const error = refusal(() => tables.lookup(batch, new Float32Array(12)));
      expect(error.message).toMatch(message);
      expect(error.code).toBe(code);
    }
    const late = { indices: [1, 2, 30], offsets: [0, 1, 2, 3], batchSizes: [1, 2] };
    expect(refusal(() => tables.lookup(late)).message).toMatch(/feature "viewed", received 30 in bag 1 \(position 2/);
    expect(refusal(() => tables.newOutput([1])).code).toBe('INVALID_ARGUMENT');
    expect(refusal(() => tables.newOutput(-1)).code).toBe('INVALID_ARGUMENT');
  });
});
