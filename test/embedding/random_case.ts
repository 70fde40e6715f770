/** Random layouts and batches for the embedding tests. Shape by fast-check (it shrinks), contents by a seeded generator. */
import fc from 'fast-check';
import {
  type EmbeddingOptimizer,
  type EmbeddingTables,
  embeddingOptimizers,
  type FeatureOptions,
  type Precision,
} from '../../lib/embedding/index.ts';
import { type HashFunction, PRUNED, rowOf } from '../../lib/hashing/index.ts';
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
  return Float32Array.from({ length: n }, () => (2 * random() - 1) * scale);
}

/** [n] values, uniform in (0, 1]: sums and products of them have condition number 1. */
export function positive(random: Random, n: number): Float32Array {
  return Float32Array.from({ length: n }, () => 1 - random());
}

export const HASHES = ['identity', 'modulo', 'mixed', 'quotient', 'mixed-radix', 'table', 'hot'] as const;

/** A hash function of the kind, of `rows` rows unless it is the identity or a quotient, contents by chance. */
export function randomHash(
  kind: (typeof HASHES)[number],
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
    case 'mixed-radix':
      return { kind, rows, divisor: 1 + below(random, cardinality) };
    case 'table': {
      const packing = random() < 0.5 ? 'bits' : 'bytes';
      if (random() < 0.5) {
        return { kind, rows, packing, entries: Uint32Array.from({ length: cardinality }, () => below(random, rows)) };
      }
      const entry = () => (random() < 0.3 ? PRUNED : below(random, rows));
      return { kind, rows, packing, entries: Int32Array.from({ length: cardinality }, entry) };
    }
    case 'hot': {
      const all = Uint32Array.from({ length: cardinality }, (_, id) => id).filter(() => random() < 0.3);
      const ids = all.subarray(0, rows - 1);
      const tail = random() < 0.5 ? ({ kind: 'modulo' } as const) : ({ kind: 'mixed', seed: 5 } as const);
      return { kind, rows, ids, tail };
    }
  }
}

export interface BatchShape {
  size: number;
  longest: number;
  weighted: boolean;
  /** Every feature has its own number of bags, up to `size`. */
  uneven?: boolean;
  /** Weights are positive. */
  oneSign?: boolean;
}

/** A batch whose ids come from pools so small that most of them repeat. */
export function randomBatch(
  features: ReferenceFeature[],
  { size, longest, weighted, uneven = false, oneSign = false }: BatchShape,
  random: Random,
): ReferenceBatch {
  const indices: number[] = [];
  const offsets = [0];
  const batchSizes = features.map(() => (uneven ? below(random, size + 1) : size));
  for (const [f, { cardinality, pooling, sequenceLength }] of features.entries()) {
    const pool = Array.from({ length: 1 + below(random, 1 + size / 3) }, () => below(random, cardinality));
    for (let bag = 0; bag < batchSizes[f]!; bag++) {
      const most = pooling === 'none' ? sequenceLength : longest;
      const length = random() < 0.2 ? 0 : below(random, most + 1); // empty bags on purpose
      for (let i = 0; i < length; i++) indices.push(pool[below(random, pool.length)]!);
      offsets.push(indices.length);
    }
  }
  const batch: ReferenceBatch = uneven ? { indices, offsets, batchSizes } : { indices, offsets };
  return weighted ? { ...batch, weights: (oneSign ? positive : uniform)(random, indices.length) } : batch;
}

/** The ids of each feature in a batch. */
export function idsOf(features: readonly unknown[], { indices, offsets, batchSizes }: ReferenceBatch): number[][] {
  let bag = 0;
  return features.map((_, f) => {
    const first = bag;
    bag += batchSizes?.[f] ?? (offsets.length - 1) / features.length;
    return indices.slice(offsets[first], offsets[bag]);
  });
}

/** The share of a batch's ids, over all tables, whose row another id of the batch hits too (the same id or not). */
export function shareColliding(features: ReferenceFeature[], batch: ReferenceBatch): number {
  let colliding = 0;
  let all = 0;
  for (const [f, ids] of idsOf(features, batch).entries()) {
    for (const hash of features[f]!.hashes) {
      const hits = new Map<number, number>();
      const rows = ids.map((id) => rowOf(hash, id, features[f]!.cardinality));
      for (const row of rows) hits.set(row, (hits.get(row) ?? 0) + 1);
      colliding += rows.filter((row) => hits.get(row)! > 1).length;
      all += rows.length;
    }
  }
  return all === 0 ? 1 : colliding / all;
}

export type CaseFeature = ReferenceFeature & { precision: Precision };

export interface Case extends BatchShape {
  features: CaseFeature[];
  optimizer: EmbeddingOptimizer;
  seed: number;
}

const width = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(2, 4, 8, 16, 32, 64, 100, 257));
const rows = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 60 }));

/**
 * What a feature is made from; those with `shares` use one common table for all their hash functions, whose rows are
 * all multiplied or none of them.
 */
const shape = fc.record({
  cardinality: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 200 })),
  rows,
  width,
  kinds: fc.array(fc.constantFrom(...HASHES), { minLength: 1, maxLength: 3 }),
  combine: fc.constantFrom('sum' as const, 'concat' as const, 'multiply' as const),
  pooling: fc.constantFrom('sum' as const, 'mean' as const, 'none' as const),
  sequence: fc.integer({ min: 1, max: 5 }),
  shares: fc.boolean(),
  seed: fc.nat(),
});

type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;

function makeFeature(s: Shape, name: string, precision: Precision): CaseFeature {
  const random = generator(s.seed);
  // Of a common table the rows are given, and these two kinds would choose their own.
  const free = { identity: 'modulo', quotient: 'mixed-radix' } as Record<string, (typeof HASHES)[number]>;
  const kinds = s.shares ? s.kinds.map((kind) => free[kind] ?? kind) : s.kinds;
  return {
    name,
    cardinality: s.cardinality,
    dim: s.combine === 'concat' ? s.width * kinds.length : s.width,
    pooling: s.pooling,
    sequenceLength: s.pooling === 'none' ? s.sequence : 1,
    combine: s.combine,
    hashes: kinds.map((kind) => randomHash(kind, s.cardinality, s.rows, random)),
    precision,
    ...(s.shares ? { tables: kinds.map(() => 'common') } : {}),
  };
}

/** The options that a kind of optimizer has, of these. */
export function optionsOf(kind: EmbeddingOptimizer['kind'], options: object): EmbeddingOptimizer {
  const known = embeddingOptimizers.get(kind, 'kind').options;
  const taken = Object.entries(options).filter(([name, value]) => known.includes(name) && value !== undefined);
  return { kind, ...Object.fromEntries(taken) } as EmbeddingOptimizer;
}

/** One optimizer of the kinds; what the kind does not take stays out. */
export function optimizers(...kinds: EmbeddingOptimizer['kind'][]): fc.Arbitrary<EmbeddingOptimizer> {
  return fc
    .record({
      kind: fc.constantFrom(...kinds),
      learningRate: fc.constantFrom(0.02, 0.3),
      betas: fc.constantFrom({}, { beta1: 0.5, beta2: 0.75, beta: 1 }),
      weightDecay: fc.constantFrom(0, 0.1),
      l1: fc.constantFrom(0, 0.01),
      l2: fc.constantFrom(0, 0.1),
      clipRowNorm: fc.constantFrom(undefined, 0.5),
    })
    .map(({ kind, betas, ...options }) => optionsOf(kind, { ...options, ...betas }));
}

export const ALL_KINDS = embeddingOptimizers.names as EmbeddingOptimizer['kind'][];

/** Layouts of everything that can be combined, with the given precisions and optimizers. */
export function embeddingCases(
  precisions: readonly Precision[] = ['float32'],
  optimizer: fc.Arbitrary<EmbeddingOptimizer> = optimizers(...ALL_KINDS),
): fc.Arbitrary<Case> {
  return fc
    .record({
      shapes: fc.array(shape, { minLength: 1, maxLength: 4 }),
      common: fc.record({ rows, width, precision: fc.constantFrom(...precisions), multiply: fc.boolean() }),
      precision: fc.constantFrom(...precisions),
      optimizer,
      size: fc.oneof(fc.constantFrom(0, 1), fc.integer({ min: 2, max: 40 }), fc.constant(100)),
      longest: fc.constantFrom(1, 6),
      weighted: fc.boolean(),
      uneven: fc.boolean(),
      seed: fc.nat(),
    })
    .map(({ shapes, common, precision, ...rest }) => ({
      ...rest,
      features: shapes.map((s, i) => {
        if (!s.shares) return makeFeature(s, `f${i}`, precision);
        const combine = common.multiply ? 'multiply' : s.combine === 'multiply' ? 'sum' : s.combine;
        return makeFeature({ ...s, combine, rows: common.rows, width: common.width }, `f${i}`, common.precision);
      }),
    }));
}

export const embeddingCase = embeddingCases();

/** The same with narrow rows and a projection in most features; those that name the common table share it. */
export function withSources(cases: fc.Arbitrary<Case>): fc.Arbitrary<Case> {
  return cases.map((c) => ({
    ...c,
    features: c.features.map((feature, f): CaseFeature => {
      const shared = feature.tables !== undefined;
      if (shared ? c.seed % 2 === 1 : f % 3 === 2) return feature;
      const dim = feature.combine === 'concat' ? feature.dim / feature.hashes.length : feature.dim;
      return {
        ...feature,
        dim,
        combine: 'sum',
        hashes: feature.hashes.slice(0, 1),
        source: { kind: 'mixed-dimension', width: 1 + ((c.seed + (shared ? 0 : f)) % dim) },
        ...(shared ? { tables: ['common'] } : {}),
      };
    }),
  }));
}

/** The options of EmbeddingTables for reference features: sequenceLength belongs to pooling `none` alone. */
export function asOptions(features: ReferenceFeature[]): FeatureOptions[] {
  return features.map(({ sequenceLength, ...feature }) =>
    feature.pooling === 'none' ? { ...feature, sequenceLength } : feature,
  );
}

/** Bytes of an id's access count. The CPU has one more for the last few, unless the id has a row that counts. */
export const bytesPerCount = (
  { device }: EmbeddingTables,
  counts: 'beside rows' | 'in rows' = 'beside rows',
): number => (device === 'cpu' && counts === 'beside rows' ? 5 : 4);
