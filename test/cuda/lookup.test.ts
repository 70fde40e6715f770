/**
 * Lookups on a CUDA device against the CPU engine, bit for bit; skipped where there is no device.
 * test/native/embedding/cuda_lookup_test.cc replays the same kernels on the host and runs everywhere.
 */
import { describe, expect, it } from 'vitest';
import { EmbeddingTables, type EmbeddingTablesOptions } from '../../lib/embedding/index.ts';
import { probeCuda } from '../../lib/native.ts';
import { generator, HASHES, type Random, randomBatch, randomHash, uniform } from '../embedding/random_case.ts';
import type { ReferenceFeature } from '../embedding/reference.ts';

const below = (random: Random, n: number) => Math.floor(random() * n);
const oneOf = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!;
const bytes = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
/** Of the same length and bit for bit equal. */
const same = (a: Float32Array, b: Float32Array) => bytes(a).equals(bytes(b));

function randomFeature(name: string, random: Random): ReferenceFeature {
  const cardinality = 1 + below(random, 500);
  const width = oneOf(random, [1, 2, 3, 4, 6, 8, 16, 33, 64, 516]);
  // Tall tables take entries of 3 bytes.
  const tallest = width <= 16 && random() < 0.3 ? 70_000 : 300;
  const hashes = Array.from({ length: 1 + below(random, 3) }, () =>
    randomHash(oneOf(random, HASHES), cardinality, 1 + below(random, tallest), random),
  );
  const combine = oneOf(random, ['sum', 'concat', 'multiply'] as const);
  const pooling = oneOf(random, ['sum', 'mean', 'none'] as const);
  const dim = combine === 'concat' ? width * hashes.length : width;
  return { name, cardinality, dim, pooling, sequenceLength: 1 + below(random, 8), combine, hashes };
}

/** The same tables on the CPU and on the device. */
function pair(features: ReferenceFeature[], more: Partial<EmbeddingTablesOptions> = {}) {
  const options = {
    features: features.map(({ sequenceLength, ...feature }) =>
      feature.pooling === 'none' ? { ...feature, sequenceLength } : feature,
    ),
    ...more,
  };
  const cpu = new EmbeddingTables({ ...options, device: 'cpu' });
  const cuda = new EmbeddingTables({ ...options, device: 'cuda' });
  return { cpu, cuda, [Symbol.dispose]: () => [cpu, cuda].forEach((tables) => void tables.close()) };
}

const movies: ReferenceFeature = {
  name: 'movie',
  cardinality: 100,
  dim: 16,
  pooling: 'sum',
  sequenceLength: 1,
  combine: 'sum',
  hashes: [{ kind: 'mixed', rows: 20, seed: 3 }],
};

describe.skipIf(!probeCuda().available)('lookups on the device', () => {
  it.each(Array.from({ length: 15 }, (_, seed) => seed))('have the bits of the CPU, case %i', (seed) => {
    const random = generator(seed);
    const features = Array.from({ length: 1 + below(random, 6) }, (_, f) => randomFeature(`f${f}`, random));
    using tables = pair(features, { seed });
    for (const size of [1, 300]) {
      const batch = randomBatch(
        features,
        { size, longest: oneOf(random, [1, 8, 90]), weighted: random() < 0.5 },
        random,
      );
      const expected = tables.cpu.lookup(batch);
      expect(same(tables.cuda.lookup(batch), expected)).toBe(true);
      const wide = BigInt64Array.from(batch.indices, BigInt);
      expect(same(tables.cuda.lookup({ ...batch, indices: wide }), expected)).toBe(true);
      expect(same(tables.cuda.lookup({ ...batch, indices: Uint32Array.from(batch.indices) }), expected)).toBe(true);
    }
  });

  it('follow training steps and setWeights', () => {
    const random = generator(7);
    using tables = pair([movies]);
    for (let step = 0; step < 4; step++) {
      const batch = randomBatch([movies], { size: 50, longest: 5, weighted: false }, random);
      const gradient = uniform(random, 50 * 16);
      for (const engine of [tables.cpu, tables.cuda]) {
        engine.forward(batch);
        engine.backward(gradient);
      }
      expect(same(tables.cuda.lookup(batch), tables.cpu.lookup(batch))).toBe(true);
    }
    const weights = uniform(random, 20 * 16);
    tables.cuda.setWeights('movie', weights);
    tables.cpu.setWeights('movie', weights);
    const batch = { indices: [1, 2, 3], offsets: [0, 3] };
    expect(same(tables.cuda.lookup(batch), tables.cpu.lookup(batch))).toBe(true);
  });

  it('of tables that features share follow them, also with batchSizes', () => {
    const random = generator(9);
    const features = [movies, { ...movies, name: 'user', pooling: 'mean' as const }].map((f) => ({
      ...f,
      tables: ['common'],
    }));
    using tables = pair(features);
    const batch = randomBatch(features, { size: 50, longest: 5, weighted: true }, random);
    for (const engine of [tables.cpu, tables.cuda]) {
      engine.forward(batch);
      engine.backward(uniform(generator(1), 50 * 32));
    }
    expect(same(tables.cuda.lookup(batch), tables.cpu.lookup(batch))).toBe(true);
    const uneven = randomBatch(features, { size: 50, longest: 5, weighted: true, uneven: true }, random);
    expect(same(tables.cuda.lookup(uneven), tables.cpu.lookup(uneven))).toBe(true);
  });

  it('report a bad id as the CPU does and write nothing', () => {
    using tables = pair([movies, { ...movies, name: 'user', cardinality: 7 }]);
    const batch = { indices: [99, 3, 6, 7, -1], offsets: [0, 1, 2, 3, 5] };
    const message = (engine: EmbeddingTables, out?: Float32Array) => {
      try {
        engine.lookup(batch, out);
        return 'nothing thrown';
      } catch (error) {
        return String(error);
      }
    };
    const out = new Float32Array(2 * 32).fill(5);
    expect(message(tables.cuda, out)).toBe(message(tables.cpu));
    expect(message(tables.cuda)).toContain('received 7 in bag 1');
    expect(out).toEqual(new Float32Array(2 * 32).fill(5));
    expect(tables.cuda.badIndices()).toBe(0);
  });

  it.each(['ignore', 'clamp', 'hash'] as const)('replace and count bad ids with badIndex %s', (badIndex) => {
    using tables = pair([movies], { badIndex });
    const batch = { indices: [1, 100, -5, 2 ** 40, 3], offsets: [0, 2, 5] };
    expect(same(tables.cuda.lookup(batch), tables.cpu.lookup(batch))).toBe(true);
    expect(tables.cuda.badIndices()).toBe(3);
  });

  it('leave nothing for backward, and end with close', () => {
    using tables = pair([movies]);
    const batch = { indices: [1], offsets: [0, 1] };
    tables.cuda.forward(batch);
    tables.cuda.lookup(batch);
    expect(() => tables.cuda.backward(new Float32Array(16))).toThrow(expect.objectContaining({ code: 'NO_FORWARD' }));
    tables.cuda.close();
    expect(() => tables.cuda.lookup(batch)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});
