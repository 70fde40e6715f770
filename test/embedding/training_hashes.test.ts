/**
 * Features that train by other hash functions than those that serve them, fold by fold, against the float64 reference:
 * before each call the reference is told by which hash functions it goes.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EmbeddingTables, type FeatureOptions } from '../../lib/embedding/index.ts';
import { type HashFunction, mappingBytes, rowCount, rowOf } from '../../lib/hashing/index.ts';
import {
  asOptions,
  embeddingCase,
  generator,
  idsOf,
  positive,
  type Random,
  randomBatch,
  randomHash,
} from './random_case.ts';
import { flat, ReferenceEmbedding, type ReferenceFeature, relativeError, tableName } from './reference.ts';

const TOLERANCE = 1e-5;
const FOLDS = 3;

/** None, one list for all folds, or one a fold; over as many rows as the serving hash functions. */
function trainingHashes({ hashes, cardinality }: ReferenceFeature, random: Random): HashFunction[][] | undefined {
  const lists = [0, 1, FOLDS][Math.floor(random() * 3)]!;
  if (lists === 0) return undefined;
  const kinds = ['modulo', 'mixed', 'table', 'hot'] as const;
  const other = (hash: HashFunction) => {
    if (random() < 0.3) return hash;
    return randomHash(kinds[Math.floor(random() * 4)]!, cardinality, rowCount(hash, cardinality), random);
  };
  return Array.from({ length: lists }, () => hashes.map(other));
}

describe('training hashes', () => {
  it('train the rows of their fold, exactly; lookups are by the hash functions that serve', () => {
    fc.assert(
      fc.property(embeddingCase, (c) => {
        const random = generator(c.seed + 2);
        const training = c.features.map((feature) => trainingHashes(feature, random));
        const options = asOptions(c.features).map(
          (feature, f): FeatureOptions => ({ ...feature, trainingHashes: training[f] }),
        );
        using tables = new EmbeddingTables({ features: options, optimizer: c.optimizer });
        const folds = Math.max(1, ...training.map((lists) => lists?.length ?? 1));
        expect(tables.folds).toBe(folds);
        // The reference reads its features anew in every call. Terms of one sign: see exactness.test.ts.
        const features = c.features.map((feature): ReferenceFeature => ({ ...feature }));
        const reference = new ReferenceEmbedding(features, c.optimizer);
        const goBy = (fold: number | 'serving') => {
          for (const [f, feature] of features.entries()) {
            const lists = fold === 'serving' ? undefined : training[f];
            feature.hashes = lists?.[(fold as number) % lists.length] ?? c.features[f]!.hashes;
          }
        };
        const each = (body: (table: string, feature: string, h: number) => void) => {
          for (const f of c.features) for (const [h] of f.hashes.entries()) body(tableName(f, h), f.name, h);
        };
        each((table, feature, h) => {
          const { rows, width } = reference.tables.get(table)!;
          const drawn = positive(random, rows * width);
          tables.setWeights(feature, drawn, h);
          reference.tables.get(table)!.setValues(drawn);
        });
        const counts = c.features.map(({ cardinality }) => new Uint32Array(cardinality));
        for (const fold of [0, folds - 1, 1 % folds]) {
          const batch = randomBatch(c.features, { ...c, oneSign: true }, random);
          goBy(fold);
          const out = tables.forward({ ...batch, fold });
          expect(relativeError(out, reference.forward(batch))).toBeLessThan(TOLERANCE);
          const gradient = positive(random, out.length).map((x) => -x);
          const ofWeights = new Float32Array(batch.indices.length);
          tables.backward(gradient, ofWeights);
          expect(relativeError(ofWeights, reference.backward(batch, gradient))).toBeLessThan(TOLERANCE);
          each((table, feature, h) => {
            const exact = reference.tables.get(table)!;
            expect(relativeError(tables.weights(feature, h), flat(exact.values))).toBeLessThan(TOLERANCE);
          });
          goBy('serving');
          expect(relativeError(tables.lookup({ ...batch, fold }), reference.forward(batch))).toBeLessThan(TOLERANCE);
          for (const [f, ids] of idsOf(c.features, batch).entries()) for (const id of ids) counts[f]![id]!++;
        }
        for (const [f, { name }] of c.features.entries()) expect(tables.counts(name)).toEqual(counts[f]);
        tables.dropTrainingHashes();
        expect(tables.folds).toBe(1);
        const batch = randomBatch(c.features, { ...c, oneSign: true }, random);
        expect(relativeError(tables.forward(batch), reference.forward(batch))).toBeLessThan(TOLERANCE);
      }),
      { numRuns: 60 },
    );
  });

  const serving: HashFunction[] = [
    { kind: 'table', rows: 4, entries: Uint8Array.of(0, 1, 2, 3, 0, 1) },
    { kind: 'mixed', rows: 4, seed: 1 },
  ];
  const list = (entries: number[]): HashFunction[] => [
    { kind: 'table', rows: 4, entries: Uint8Array.from(entries) },
    serving[1]!,
  ];
  const folds = [list([3, 3, 3, 3, 3, 3]), list([0, 0, 1, 1, 2, 2])];
  const feature = { name: 'f', cardinality: 6, dim: 4, hashes: serving, combine: 'concat' } as const;
  const make = (more: object = {}) => new EmbeddingTables({ features: [{ ...feature, ...more } as FeatureOptions] });

  it('move one row a table: that of the fold in the first, and the one that all share in the second', () => {
    using tables = make({ trainingHashes: folds });
    for (const [fold, row] of [3, 1].entries()) {
      const before = [0, 1].map((h) => tables.weights('f', h));
      const out = tables.forward({ indices: [2], offsets: [0, 1], fold });
      expect([...out.subarray(0, 2)]).toEqual([...before[0]!.subarray(2 * row, 2 * row + 2)]);
      tables.backward(new Float32Array(4).fill(1));
      const moved = [0, 1].map((h) => {
        const after = tables.weights('f', h);
        const columns = [...after.keys()].filter((k) => after[k] !== before[h]![k]);
        return [...new Set(columns.map((k) => Math.floor(k / 2)))];
      });
      expect(moved).toEqual([[row], [rowOf(serving[1]!, 2, 6)]]);
    }
  });

  it('are in memory while there is training, but not in what is served or kept', () => {
    using plain = make();
    using tables = make({ trainingHashes: folds });
    const mapping = 2 * mappingBytes(folds[0]![0]!, 6);
    expect(tables.memory()).toEqual({ ...plain.memory(), trainingMapping: mapping });
    expect(plain.memory()).not.toHaveProperty('trainingMapping');
    tables.forward({ indices: [2], offsets: [0, 1] });
    tables.backward(new Float32Array(4).fill(1));
    plain.restore(tables.checkpoint()); // of the same mapping
    using rounded = tables.withPrecision('float32');
    const batch = { indices: [0, 1, 2, 3, 4, 5], offsets: [0, 1, 2, 3, 4, 5, 6] };
    for (const other of [plain, rounded]) expect(other.lookup(batch)).toEqual(tables.lookup(batch));
    tables.forward(batch);
    tables.dropTrainingHashes();
    expect(tables.memory()).toEqual(plain.memory());
    expect(() => tables.backward(new Float32Array(24))).toThrow(expect.objectContaining({ code: 'NO_FORWARD' }));
    expect(tables.forward(batch)).toEqual(plain.forward(batch));
    tables.dropTrainingHashes();
  });

  it('are refused where they do not fit', () => {
    const cases: [unknown, RegExp][] = [
      [[], /trainingHashes of feature "f", received none/],
      [7, /trainingHashes of feature "f"/],
      [[7], /2 hash functions.*trainingHashes\[0\] of feature "f"/],
      [[folds[0]!.slice(1)], /2 hash functions, as many as hashes, for trainingHashes\[0\]/],
      [
        [folds[0], [{ kind: 'modulo', rows: 3 }, serving[1]]],
        /4 rows, those of hashes\[0\], for trainingHashes\[1\]\[0\]/,
      ],
      [
        [
          [
            { kind: 'modulo', rows: 4 },
            { kind: 'modula', rows: 4 },
          ],
        ],
        /trainingHashes\[0\]\[1\] of feature "f"/,
      ],
    ];
    for (const [trainingHashes, message] of cases) {
      expect(() => make({ trainingHashes })).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
      );
    }
    const three = { ...feature, name: 'g', trainingHashes: [...folds, folds[0]!] } as FeatureOptions;
    expect(() => new EmbeddingTables({ features: [{ ...feature, trainingHashes: folds }, three] })).toThrow(
      /for 2 folds, as another feature has them.*feature "g".*received 3/,
    );
    using tables = make({ trainingHashes: folds });
    for (const fold of [2, -1, 0.5, '1']) {
      expect(() => tables.forward({ indices: [0], offsets: [0, 1], fold } as never)).toThrow(
        /fold of a batch.*received/,
      );
    }
    expect(() => tables.backward(new Float32Array(4))).toThrow(expect.objectContaining({ code: 'NO_FORWARD' }));
  });
});
