/**
 * Rows that a source makes: what it is beside the random layouts of exactness.test.ts, determinism.test.ts and
 * checkpoint.test.ts, which have narrow rows and projections among their features.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EmbeddingTables, type EmbeddingTablesOptions, type FeatureOptions } from '../../lib/embedding/index.ts';
import type { CollideError } from '../../lib/errors.ts';
import { probeCuda } from '../../lib/native.ts';
import { asOptions, bytesPerCount, embeddingCases, generator, randomBatch, uniform } from './random_case.ts';

const mixed = (width: number) => ({ kind: 'mixed-dimension', width });
const movie: FeatureOptions = { name: 'movie', cardinality: 100, dim: 16, source: mixed(4) };

function refusal(features: unknown[], more: Partial<EmbeddingTablesOptions> = {}): CollideError {
  try {
    new EmbeddingTables({ features: features as FeatureOptions[], ...more }).close();
  } catch (error) {
    return error as CollideError;
  }
  throw new Error('nothing was thrown');
}

/** Compared as bytes: a matcher is slow on arrays. */
const same = (a: ArrayBufferView, b: ArrayBufferView) =>
  Buffer.compare(...([a, b].map((x) => Buffer.from(x.buffer, x.byteOffset, x.byteLength)) as [Buffer, Buffer])) === 0;

describe('a feature of mixed dimension', () => {
  it('has a narrow table and a projection, which every size counts', () => {
    using tables = new EmbeddingTables({ features: [movie, { name: 'user', cardinality: 10, dim: 16 }] });
    expect(tables.internalTables).toEqual([
      { name: 'movie', rows: 100, width: 4, precision: 'float32' },
      { name: 'movie/projection', rows: 4, width: 16, precision: 'float32' },
      { name: 'user', rows: 10, width: 16, precision: 'float32' },
    ]);
    expect(tables.features[0]).toEqual({ name: 'movie', cardinality: 100, dim: 16, hashes: 1 });
    const rows = 4 * (100 * 4 + 4 * 16 + 10 * 16);
    const counts = 100 * bytesPerCount(tables) + 10 * bytesPerCount(tables, 'in rows');
    expect(tables.memory()).toEqual({ rows, mapping: 0, optimizer: 4 * (100 + 4 + 10), counts, total: rows });
    expect(Object.keys(tables.checkpoint('rows'))).toEqual(
      ['movie', 'movie/projection', 'user'].flatMap((name) => [`rows/${name}`, `hash/${name}`]),
    );
  });

  it('starts with the rows of its init and a projection by Xavier', () => {
    using tables = new EmbeddingTables({ features: [{ ...movie, cardinality: 4000 }], seed: 5 });
    const largest = (values: Float32Array) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const [rows, projection] = [largest(tables.weights('movie')), largest(tables.weights('movie', 1))];
    expect(rows).toBeLessThanOrEqual(Math.sqrt(1 / 4000));
    expect(rows).toBeGreaterThan(0.99 * Math.sqrt(1 / 4000));
    expect(projection).toBeLessThanOrEqual(Math.fround(Math.sqrt(6 / 20)));
    expect(projection).toBeGreaterThan(0.9 * Math.sqrt(6 / 20));
  });

  it('of full width has no projection, and the bits of a table of its own', () => {
    fc.assert(
      fc.property(embeddingCases(['float32', 'bfloat16']), (c) => {
        const features = c.features.map((feature) => ({
          ...feature,
          combine: 'sum' as const,
          dim: feature.combine === 'concat' ? feature.dim / feature.hashes.length : feature.dim,
          hashes: feature.hashes.slice(0, 1),
          ...(feature.tables && { tables: ['common'] }),
        }));
        const options = { optimizer: c.optimizer, seed: c.seed };
        using plain = new EmbeddingTables({ features: asOptions(features), ...options });
        const sourced = asOptions(features).map((feature) => ({ ...feature, source: mixed(feature.dim) }));
        using tables = new EmbeddingTables({ features: sourced, ...options });
        const random = generator(c.seed);
        for (let step = 0; step < 2; step++) {
          const batch = randomBatch(features, c, random);
          const out = plain.forward(batch);
          expect(same(tables.forward(batch), out)).toBe(true);
          const gradient = uniform(random, out.length);
          const weightGradients = [plain, tables].map((each) => {
            const weightGradient = new Float32Array(batch.indices.length);
            each.backward(gradient, weightGradient);
            return weightGradient;
          });
          expect(same(weightGradients[0]!, weightGradients[1]!)).toBe(true);
        }
        for (const { name } of features) {
          expect(same(tables.weights(name), plain.weights(name))).toBe(true);
          expect(same(tables.optimizerState(name), plain.optimizerState(name))).toBe(true);
          expect(same(tables.counts(name), plain.counts(name))).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('leaves its projection alone in a batch without its ids', () => {
    using tables = new EmbeddingTables({ features: [movie], optimizer: { kind: 'adam' } });
    const before = tables.checkpoint();
    tables.forward({ indices: [], offsets: [0, 0] });
    tables.backward(new Float32Array(16).fill(1));
    expect({ ...tables.checkpoint(), steps: before.steps }).toEqual(before);
    expect(tables.steps).toBe(1);
  });

  it('trains by training hashes and serves by the others', () => {
    const rows = (offset: number) => Uint8Array.from({ length: 100 }, (_, id) => (id + offset) % 10);
    const hash = (offset: number) => ({ kind: 'table' as const, rows: 10, entries: rows(offset) });
    const feature = { ...movie, hashes: [hash(0)], trainingHashes: [[hash(1)], [hash(2)]] };
    using tables = new EmbeddingTables({ features: [feature], optimizer: { kind: 'sgd', learningRate: 1 } });
    const batch = { indices: [4], offsets: [0, 1] };
    const served = (id: number) => tables.lookup({ indices: [id], offsets: [0, 1] });
    for (const fold of [0, 1]) {
      const expected = served(5 + fold);
      expect(tables.forward({ ...batch, fold })).toEqual(expected);
      const before = tables.weights('movie');
      tables.backward(new Float32Array(16).fill(1));
      const changed = tables.weights('movie').findIndex((value, i) => value !== before[i]);
      expect(Math.floor(changed / 4)).toBe(5 + fold);
    }
    tables.dropTrainingHashes();
    const expected = served(4);
    expect(tables.forward(batch)).toEqual(expected);
  });

  it('rounds its rows for serving, not its projection', () => {
    using tables = new EmbeddingTables({ features: [movie] });
    using small = tables.withPrecision('int8');
    expect(small.internalTables.map(({ precision }) => precision)).toEqual(['int8', 'float32']);
    expect(small.weights('movie', 1)).toEqual(tables.weights('movie', 1));
    const batch = { indices: [3, 99, 3], offsets: [0, 2, 3] };
    const [exact, rounded] = [tables.lookup(batch), small.lookup(batch)];
    for (const [i, x] of rounded.entries()) expect(Math.abs(x - exact[i]!)).toBeLessThan(0.002);
    expect(rounded).not.toEqual(exact);
  });

  it('shares narrow rows and projection with features that name its table', () => {
    const history = { ...movie, name: 'history', tables: ['movie'], pooling: 'mean' as const };
    using tables = new EmbeddingTables({ features: [movie, history] });
    expect(tables.internalTables).toHaveLength(2);
    expect(refusal([movie, { ...history, source: mixed(5) }])).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('100 rows of width 4 in float32, of source mixed-dimension'),
    });
    expect(refusal([movie, { ...history, source: undefined, dim: 4 }]).message).toContain('of source mixed-dimension');
    const named = { name: 'movie/projection', cardinality: 4, dim: 16 };
    expect(refusal([movie, named]).message).toContain('of source mixed-dimension/projection');
  });

  it('takes a step whole or not at all', () => {
    using tables = new EmbeddingTables({ features: [movie, { name: 'user', cardinality: 10, dim: 16 }] });
    tables.setWeights('movie', new Float32Array(64).fill(1e10), 1);
    const before = tables.checkpoint();
    const out = tables.forward({ indices: [1, 2], offsets: [0, 1, 2] });
    const fault = () => tables.backward(new Float32Array(out.length).fill(1e10));
    expect(fault).toThrow('Expected an output gradient that leaves gradients of at most 1e+12 in size');
    const { 'counts/movie': _, 'counts/user': __, ...after } = tables.checkpoint();
    expect(before).toMatchObject(after);
    expect(tables.steps).toBe(0);
  });

  it('refuses what does not fit, and says what would', () => {
    const of = (more: object) => refusal([{ ...movie, ...more }]);
    expect(of({ source: { kind: 'mixed-dimensions', width: 4 } }).message).toContain('Did you mean "mixed-dimension"?');
    expect(of({ source: { kind: 'mixed-dimension', widht: 4 } })).toMatchObject({ code: 'UNKNOWN_OPTION' });
    for (const width of [0, 17, 1.5, '4', undefined]) {
      expect(of({ source: { kind: 'mixed-dimension', width } })).toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('source width of feature "movie"'),
      });
    }
    for (const source of [4, 'mixed-dimension', [], null]) {
      expect(of({ source }).code, `${source}`).toBe('INVALID_ARGUMENT');
    }
    const two = [{ kind: 'modulo', rows: 3 }, { kind: 'identity' }];
    expect(of({ hashes: two }).message).toContain('Expected one hash function and combine "sum" beside source');
    expect(of({ combine: 'multiply' }).message).toContain('received 1 and "multiply"');
    expect(of({ tables: ['a', 'b'] }).message).toContain('Expected tables of feature "movie"');
  });

  it('is of another mapping than a table without it', () => {
    using plain = new EmbeddingTables({ features: [{ name: 'movie', cardinality: 100, dim: 16 }] });
    using tables = new EmbeddingTables({ features: [{ ...movie, source: mixed(16) }] });
    expect(() => tables.restore(plain.checkpoint('rows'))).toThrow('received those of another mapping');
  });

  it('lives on the CPU', () => {
    expect(refusal([movie], { device: 'cuda' })).toMatchObject({
      code: 'NOT_SUPPORTED',
      message: expect.stringContaining('feature "movie" has source "mixed-dimension". Device "cpu" can do it'),
    });
    using tables = new EmbeddingTables({ features: [movie], device: 'auto' });
    expect(tables.device).toBe('cpu');
    expect(probeCuda().reason).not.toBe('');
  });
});
