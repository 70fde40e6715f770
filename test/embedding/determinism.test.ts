/** The same bits for any number of threads, for any index type and from run to run. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BagBatch, EmbeddingTables } from '../../lib/embedding/index.ts';
import { asOptions, type Case, embeddingCases, generator, randomBatch, uniform, withSources } from './random_case.ts';
import { type ReferenceBatch, tableNames } from './reference.ts';

const hashed = embeddingCases(['float32', 'float16', 'bfloat16']);
const cases = fc.oneof(hashed, withSources(hashed));

type Integers = (ids: number[]) => BagBatch['indices'];
const INTEGER_TYPES: Record<string, Integers> = {
  Uint32Array: (ids) => Uint32Array.from(ids),
  Int32Array: (ids) => Int32Array.from(ids),
  BigInt64Array: (ids) => BigInt64Array.from(ids, BigInt),
  numbers: (ids) => ids,
};
const U32 = INTEGER_TYPES.Uint32Array!;

/** Everything the training steps leave behind, as bytes: outputs, gradients of weights, rows, optimizer state, counts. */
function train(c: Case, batches: ReferenceBatch[], threads: number, asIndices = U32, asOffsets = U32) {
  const random = generator(c.seed);
  using tables = new EmbeddingTables({
    features: asOptions(c.features),
    optimizer: c.optimizer,
    seed: c.seed,
    threads,
  });
  const left: (Float32Array | Uint32Array)[] = [];
  for (const { indices, offsets, ...rest } of batches) {
    const batch = { indices: asIndices(indices), offsets: asOffsets(offsets), ...rest };
    const out = tables.forward(batch);
    const weightGradient = new Float32Array(indices.length);
    tables.backward(uniform(random, out.length), weightGradient);
    left.push(out, weightGradient, tables.lookup(batch));
  }
  for (const feature of c.features) {
    for (const t of tableNames(feature).keys()) {
      left.push(tables.weights(feature.name, t), tables.optimizerState(feature.name, t));
    }
    left.push(tables.counts(feature.name));
  }
  return Buffer.concat(left.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)));
}

/** Compared by hand: a matcher would print megabytes. */
const same = (a: Buffer, b: Buffer) => a.equals(b);

describe('determinism', () => {
  it('threads 1, 2, 3, 7 and a second run give identical bits', () => {
    fc.assert(
      fc.property(cases, fc.constantFrom(3, 1000), (some, size) => {
        const c = { ...some, size }; // 1000: enough work for several threads
        const random = generator(c.seed);
        const batches = [0, 1].map(() => randomBatch(c.features, c, random));
        const first = train(c, batches, 1);
        for (const threads of [2, 3, 7, 1]) expect(same(train(c, batches, threads), first)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  // 20,000 ids are work for several threads, and 60,000 of one table are divided between them.
  for (const [what, shared, combine] of [
    ['4 tables, 20,000 bags, one 20,000 times the same id', false, 'sum'],
    ['one table of 4 features, 80,000 ids', true, 'sum'],
    ['one table of 4 features, 80,000 ids, rows multiplied', true, 'multiply'],
    ['narrow rows and a projection of 4 features, 80,000 ids', true, 'source'],
  ] as const) {
    it(`work that is large enough for several threads: ${what}`, () => {
      const features = [1, 16, 70, 8].map((dim, f) => ({
        name: `f${f}`,
        cardinality: 5000,
        dim: shared ? 24 : dim,
        pooling: f === 2 ? ('mean' as const) : ('sum' as const),
        sequenceLength: 1,
        combine: combine === 'source' ? ('sum' as const) : combine,
        ...(combine === 'source' ? { source: { kind: 'mixed-dimension' as const, width: 5 } } : {}),
        hashes: [{ kind: 'mixed' as const, rows: combine === 'source' ? 4900 : 300, seed: f }],
        precision: 'float32' as const,
        ...(shared ? { tables: ['common'] } : {}),
      }));
      const random = generator(9);
      const size = 20_000;
      const indices = Array.from({ length: 4 * size }, (_, i) => (i < size ? 17 : Math.floor(random() * 5000)));
      const batch = { indices, offsets: Array.from({ length: 4 * size + 1 }, (_, i) => i) };
      const optimizer = { kind: 'rowwise-adagrad', learningRate: 0.1 } as const;
      const c = { features, optimizer, size, longest: 1, weighted: false, seed: 3 };
      const first = train(c, [batch, batch], 1);
      for (const threads of [2, 3, 7, 0]) {
        expect(same(train(c, [batch, batch], threads), first), `${threads} threads`).toBe(true);
      }
    });
  }

  it('all types of indices and offsets give identical bits', () => {
    fc.assert(
      fc.property(cases, (c) => {
        const batches = [randomBatch(c.features, c, generator(c.seed))];
        const first = train(c, batches, 2);
        for (const type of Object.values(INTEGER_TYPES)) {
          expect(same(train(c, batches, 2, type), first)).toBe(true);
          expect(same(train(c, batches, 2, U32, type), first)).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('initial values depend on the seed alone, are uniform and within their scale', () => {
    const make = (seed: number, threads: number) => {
      using tables = new EmbeddingTables({
        features: [{ name: 'f', cardinality: 70_000, dim: 3, init: { kind: 'uniform', scale: 0.5 } }],
        seed,
        threads,
      });
      return tables.weights('f');
    };
    const values = make(1, 1);
    const bytes = (array: Float32Array) => Buffer.from(array.buffer);
    expect(same(bytes(make(1, 3)), bytes(values))).toBe(true);
    expect(same(bytes(make(2, 1)), bytes(values))).toBe(false);
    expect(values.every((x) => x >= -0.5 && x < 0.5)).toBe(true);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.005); // sd of the mean: 0.289 / sqrt(210,000) = 0.0006
    expect(variance).toBeCloseTo(1 / 12, 2);
  });

  it('dlrm initial values use the uncompressed height', () => {
    using tables = new EmbeddingTables({
      features: [{ name: 'f', cardinality: 10_000, dim: 8, hashes: [{ kind: 'modulo', rows: 100 }] }],
    });
    const largest = tables.weights('f').reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    expect(largest).toBeLessThanOrEqual(0.01);
    expect(largest).toBeGreaterThan(0.0095);
  });

  // A clip that clips nothing takes the way through memory: the one of any width and optimizer.
  it.each([8, 16, 32, 64])('rows of width %i summed in registers have the bits of those that are not', (dim) => {
    const bits = (clipRowNorm: number | undefined, weighted: boolean) => {
      const random = generator(dim);
      using tables = new EmbeddingTables({
        features: [{ name: 'id', cardinality: 40, dim }],
        optimizer: { kind: 'rowwise-adagrad', ...(clipRowNorm && { clipRowNorm }) },
        seed: 3,
      });
      for (let step = 0; step < 3; step++) {
        // Few and many ids of a row, below and above the 64 that are summed in float32.
        const indices = Uint32Array.from({ length: 600 }, () => Math.floor(40 * random() ** 3));
        const offsets = Uint32Array.from({ length: 101 }, (_, bag) => 6 * bag);
        const weights = weighted ? uniform(random, indices.length) : undefined;
        const out = tables.forward({ indices, offsets, ...(weights && { weights }) });
        tables.backward(uniform(random, out.length));
      }
      const left = [tables.weights('id'), tables.optimizerState('id')];
      return Buffer.concat(left.map((one) => Buffer.from(one.buffer, one.byteOffset, one.byteLength)));
    };
    for (const weighted of [false, true]) {
      expect(same(bits(undefined, weighted), bits(1e19, weighted))).toBe(true);
      expect(same(bits(undefined, weighted), bits(1e-3, weighted))).toBe(false);
    }
  });
});
