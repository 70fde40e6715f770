/** Random layouts and batches for the embedding tests. Shape by fast-check (it shrinks), contents by a seeded generator. */
import fc from 'fast-check';
import type { EmbeddingOptimizer } from '../../lib/embedding/index.ts';
import { type HashFunction, rowOf } from '../../lib/hashing/index.ts';
import type { ReferenceBatch, ReferenceFeature } from './reference.ts';

export type Random = () => number;

/** mulberry32: [0, 1), the same everywhere. */
export function generator(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

const below = (random: Random, n: number): number => Math.floor(random() * n);

/** [n] values, uniform in [-scale, scale). */
export function uniform(random: Random, n: number, scale = 1): Float32Array {
  const values = new Float32Array(n);
  for (let i = 0; i < n; i++) values[i] = (2 * random() - 1) * scale;
  return values;
}

export const HASHES = ['identity', 'modulo', 'mixed', 'quotient', 'table', 'hot'] as const;

/** A hash function of the kind, with at most `most` rows unless it is the identity, contents by chance. */
export function randomHash(
  kind: HashFunction['kind'],
  cardinality: number,
  rows: number,
  random: Random,
): HashFunction {
  switch (kind) {
    case 'identity':
      return { kind };
    case 'modulo':
      return { kind, rows };
    case 'mixed':
      return { kind, rows, seed: below(random, 1e9) };
    case 'quotient':
      return { kind, divisor: Math.max(1, Math.ceil(cardinality / rows)) };
    case 'table':
      return { kind, rows, entries: Uint32Array.from({ length: cardinality }, () => below(random, rows)) };
    case 'hot': {
      const ids = Uint32Array.from({ length: cardinality }, (_, id) => id).filter(() => random() < 0.3);
      const tail = random() < 0.5 ? ({ kind: 'modulo' } as const) : ({ kind: 'mixed', seed: 5 } as const);
      return { kind, rows: ids.length + Math.max(1, Math.floor(rows / 2)), ids, tail };
    }
  }
}

/** A batch whose ids come from pools so small that most of them repeat. */
export function randomBatch(
  features: ReferenceFeature[],
  size: number,
  longest: number,
  weighted: boolean,
  random: Random,
): ReferenceBatch {
  const indices: number[] = [];
  const offsets = [0];
  for (const { cardinality, pooling, sequenceLength } of features) {
    const pool = Array.from({ length: 1 + below(random, 1 + size / 3) }, () => below(random, cardinality));
    for (let bag = 0; bag < size; bag++) {
      const most = pooling === 'none' ? sequenceLength : longest;
      const length = random() < 0.2 ? 0 : below(random, most + 1); // empty bags on purpose
      for (let i = 0; i < length; i++) indices.push(pool[below(random, pool.length)]!);
      offsets.push(indices.length);
    }
  }
  return weighted ? { indices, offsets, weights: uniform(random, indices.length) } : { indices, offsets };
}

/** The share of a batch's ids, over all tables, whose row another id of the batch hits too (the same id or not). */
export function shareColliding(features: ReferenceFeature[], batch: ReferenceBatch): number {
  const size = (batch.offsets.length - 1) / features.length;
  let colliding = 0;
  let all = 0;
  features.forEach(({ hashes, cardinality }, f) => {
    const ids = batch.indices.slice(batch.offsets[f * size], batch.offsets[(f + 1) * size]);
    for (const hash of hashes) {
      const hits = new Map<number, number>();
      const rows = ids.map((id) => rowOf(hash, id, cardinality));
      for (const row of rows) hits.set(row, (hits.get(row) ?? 0) + 1);
      colliding += rows.filter((row) => hits.get(row)! > 1).length;
      all += rows.length;
    }
  });
  return all === 0 ? 1 : colliding / all;
}

export interface Case {
  features: ReferenceFeature[];
  optimizer: EmbeddingOptimizer & { learningRate: number; epsilon: number };
  size: number;
  longest: number;
  weighted: boolean;
  seed: number;
}

const width = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(2, 4, 8, 16, 32, 64, 100, 257));

const feature = fc
  .record({
    cardinality: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 200 })),
    rows: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 60 })),
    width,
    kinds: fc.array(fc.constantFrom(...HASHES), { minLength: 1, maxLength: 3 }),
    combine: fc.constantFrom('sum' as const, 'concat' as const),
    pooling: fc.constantFrom('sum' as const, 'mean' as const, 'none' as const),
    sequence: fc.integer({ min: 1, max: 5 }),
    seed: fc.nat(),
  })
  .map(({ cardinality, rows, width, kinds, combine, pooling, sequence, seed }): Omit<ReferenceFeature, 'name'> => {
    const random = generator(seed);
    return {
      cardinality,
      dim: combine === 'concat' ? width * kinds.length : width,
      pooling,
      sequenceLength: pooling === 'none' ? sequence : 1,
      combine,
      hashes: kinds.map((kind) => randomHash(kind, cardinality, rows, random)),
    };
  });

export const embeddingCase: fc.Arbitrary<Case> = fc
  .record({
    features: fc.array(feature, { minLength: 1, maxLength: 4 }),
    kind: fc.constantFrom('sgd' as const, 'adagrad' as const, 'rowwise-adagrad' as const),
    learningRate: fc.constantFrom(0.02, 0.3),
    size: fc.oneof(fc.constantFrom(0, 1), fc.integer({ min: 2, max: 40 }), fc.constant(100)),
    longest: fc.constantFrom(1, 6),
    weighted: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ features, kind, learningRate, ...rest }) => ({
    ...rest,
    features: features.map((f, i) => ({ name: `f${i}`, ...f })),
    optimizer: { kind, learningRate, epsilon: 1e-8 },
  }));

/** The options of EmbeddingTables for reference features: sequenceLength belongs to pooling `none` alone. */
export function asOptions(features: ReferenceFeature[]) {
  return features.map(({ sequenceLength, ...feature }) =>
    feature.pooling === 'none' ? { ...feature, sequenceLength } : feature,
  );
}
