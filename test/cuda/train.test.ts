/**
 * Training on a CUDA device against the CPU engine: outputs, gradients of weights, rows, optimizer state and counts, bit
 * for bit; skipped where there is no device.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EmbeddingOptimizer, EmbeddingTables } from '../../lib/embedding/index.ts';
import { type HashFunction, rowCount } from '../../lib/hashing/index.ts';
import { probeCuda } from '../../lib/native.ts';
import {
  ALL_KINDS,
  asOptions,
  embeddingCases,
  generator,
  optionsOf,
  type Random,
  randomBatch,
  randomHash,
  uniform,
} from '../embedding/random_case.ts';
import type { ReferenceBatch, ReferenceFeature } from '../embedding/reference.ts';

interface Training {
  features: ReferenceFeature[];
  /** Of each feature; the k-th batch is of fold k modulo their number. */
  trainingHashes?: (HashFunction[][] | undefined)[];
  optimizer: EmbeddingOptimizer;
  seed: number;
  gradient?: (random: Random, n: number) => Float32Array;
}

/** All that training leaves behind, by name, as bytes. */
function train(
  { features, optimizer, seed, gradient = uniform, trainingHashes }: Training,
  batches: ReferenceBatch[],
  device: 'cpu' | 'cuda',
) {
  const options = asOptions(features).map((feature, f) => ({ ...feature, trainingHashes: trainingHashes?.[f] }));
  using tables = new EmbeddingTables({ features: options, optimizer, seed, device });
  expect(tables.device).toBe(device);
  const random = generator(seed);
  const left: Record<string, Float32Array | Uint32Array> = {};
  for (const [step, batch] of batches.entries()) {
    const out = tables.forward({ ...batch, fold: step % tables.folds });
    const weightGradient = new Float32Array(batch.indices.length);
    // Without it in every other step: then nothing has read the rows before they are stepped.
    tables.backward(gradient(random, out.length), step % 2 === 0 ? weightGradient : undefined);
    Object.assign(left, { [`output ${step}`]: out, [`weight gradient ${step}`]: weightGradient });
    left[`looked up ${step}`] = tables.lookup(batch);
  }
  for (const { name, hashes } of features) {
    for (const [h] of hashes.entries()) {
      left[`rows of ${name}/${h}`] = tables.weights(name, h);
      left[`state of ${name}/${h}`] = tables.optimizerState(name, h);
    }
    left[`counts of ${name}`] = tables.counts(name);
  }
  return new Map(Object.entries(left).map(([name, values]) => [name, bytes(values)] as const));
}

/** NaNs as one: which of them inf - inf gives is the processor's choice. */
function bytes(values: Float32Array | Uint32Array): Buffer {
  const { buffer, byteOffset, byteLength } = values.map((x) => (Number.isNaN(x) ? Number.NaN : x));
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Compared by hand: a matcher would print megabytes. */
function expectSameBits(training: Training, batches: ReferenceBatch[]) {
  const cpu = train(training, batches, 'cpu');
  const cuda = train(training, batches, 'cuda');
  const different = [...cpu].filter(([name, bytes]) => !bytes.equals(cuda.get(name)!)).map(([name]) => name);
  expect(different).toEqual([]);
}

const feature = (name: string, dim: number, rest: Partial<ReferenceFeature> = {}): ReferenceFeature => ({
  name,
  cardinality: 40,
  dim,
  pooling: 'sum',
  sequenceLength: 1,
  combine: 'sum',
  hashes: [{ kind: 'modulo', rows: 7 }],
  ...rest,
});

/** One bag per length, of ids that `id` says. */
function bags(lengths: number[], id: (i: number) => number): ReferenceBatch {
  const offsets = [0];
  for (const length of lengths) offsets.push(offsets.at(-1)! + length);
  return { indices: Array.from({ length: offsets.at(-1)! }, (_, i) => id(i)), offsets };
}

const PAPER: EmbeddingOptimizer = { kind: 'rowwise-adagrad', learningRate: 0.1 };

describe.skipIf(!probeCuda().available)('training on the device has the bits of the CPU', () => {
  it('random layouts, every optimizer', () => {
    let stepped = 0;
    fc.assert(
      fc.property(embeddingCases(), (c) => {
        const random = generator(c.seed);
        const batches = [0, 1].map(() => randomBatch(c.features, c, random));
        expectSameBits(c, batches);
        stepped += batches[0]!.indices.length;
      }),
      { numRuns: 250 },
    );
    expect(stepped).toBeGreaterThan(1000);
  });

  it('by the training hashes of each fold', () => {
    fc.assert(
      fc.property(embeddingCases(), (c) => {
        const random = generator(c.seed + 3);
        const training = c.features.map(({ cardinality, hashes }) => {
          const lists = Math.floor(random() * 3); // none, one for both folds, or one a fold
          const other = (hash: HashFunction) =>
            randomHash(random() < 0.5 ? 'table' : 'mixed', cardinality, rowCount(hash, cardinality), random);
          return lists === 0 ? undefined : Array.from({ length: lists }, () => hashes.map(other));
        });
        const batches = [0, 1, 2].map(() => randomBatch(c.features, c, random));
        expectSameBits({ ...c, trainingHashes: training }, batches);
      }),
      { numRuns: 60 },
    );
  });

  for (const width of [1, 3, 4, 30, 256, 1000]) {
    it(`width ${width}: batch 1, one-row tables, empty bags, runs of 64, 65 and more`, () => {
      const random = generator(width);
      const features = [
        feature('a', width, { hashes: [{ kind: 'modulo', rows: 1 }] }),
        feature('b', width, { pooling: 'mean', hashes: [randomHash('table', 40, 5, random)] }),
      ];
      const lengths = [
        [3, 2],
        [64, 0, 0, 65],
        [1, 0, 64, 130],
        [0, 0],
      ];
      const batches = lengths.map((some) => bags(some, (i) => (i * i) % 40));
      for (const kind of ALL_KINDS) {
        for (const extra of [{}, { weightDecay: 0.1, clipRowNorm: 0.5, l1: 0.05, l2: 0.1, beta: 0.5 }]) {
          expectSameBits({ features, optimizer: optionsOf(kind, { learningRate: 0.1, ...extra }), seed: 2 }, batches);
        }
      }
    });
  }

  // 9,000 entries of a row are three pieces of at most 4,096, and the last of 808 has 13 runs of at most 64.
  for (const [what, id] of [
    ['all ids equal', () => 7],
    ['a run in the midst of others', (i: number) => (i % 4 === 0 ? i % 40 : 7)],
    ['ten long runs', (i: number) => i % 10],
  ] as const) {
    it(`long runs: ${what}`, () => {
      for (const width of [1, 4, 6, 70]) {
        const features = [
          feature('sum', width, { hashes: [{ kind: 'identity' }] }),
          feature('mean', width, { pooling: 'mean', hashes: [{ kind: 'modulo', rows: 3 }] }),
        ];
        const single = bags(new Array(9_000).fill(1), id);
        const batch = { indices: [...single.indices, ...single.indices.slice(0, 300)], offsets: [...single.offsets] };
        for (let bag = 1; bag <= 9_000; bag++) batch.offsets.push(9_000 + Math.min(300, Math.floor(bag / 3)));
        expectSameBits({ features, optimizer: PAPER, seed: 3 }, [batch]);
      }
    });
  }

  // 1,024 blocks share the list: some sum two pieces, and step two rows.
  it('long runs: more of them than blocks for their list', () => {
    const rows = 1030;
    const features = [feature('a', 1, { cardinality: rows, hashes: [{ kind: 'identity' }] })];
    const batch = bags(new Array(rows).fill(65), (i) => (i * 7) % rows);
    expectSameBits({ features, optimizer: PAPER, seed: 6 }, [batch]);
  });

  it('gradients of zeros of both signs, of huge and of tiny ones', () => {
    const values = [0, -0, 1e30, -1e30, 1e-45, -1e-40, 1e-20, 1];
    const gradient = (random: Random, n: number) =>
      Float32Array.from({ length: n }, () => values[Math.floor(random() * values.length)]!);
    for (const kind of ALL_KINDS) {
      const features = [feature('a', 12), feature('b', 5)];
      const batch = bags(new Array(60).fill(1), (i) => i % 11);
      const optimizer = optionsOf(kind, { learningRate: 0.1, clipRowNorm: 2 });
      expectSameBits({ features, optimizer, seed: 1, gradient }, [batch]);
    }
  });

  it('a table that features share, one of them by several hash functions', () => {
    const random = generator(5);
    const tables = ['common'];
    const features = [
      feature('a', 16, { tables }),
      feature('b', 16, {
        tables: ['common', 'other', 'common'],
        hashes: [0, 1, 2].map((seed) => ({ kind: 'mixed' as const, rows: 7, seed })),
      }),
      feature('c', 16, { tables, pooling: 'none', sequenceLength: 3 }),
    ];
    const shape = { size: 90, longest: 5, weighted: true };
    expectSameBits(
      { features, optimizer: PAPER, seed: 4 },
      [0, 1, 2].map(() => randomBatch(features, shape, random)),
    );
  });
});
