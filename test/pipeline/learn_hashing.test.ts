import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowCount, rowsOfAll } from '../../lib/hashing/index.ts';
import { learnHashing, learnMapping, Teacher } from '../../lib/index.ts';
import type { LearnerOptions } from '../../lib/pipeline/learn_hashing.ts';
import { quickGenerator } from '../clustering/reference.ts';

const random = quickGenerator(11);
const feature = (name: string, ids: number) => ({
  name,
  cardinality: ids,
  rows: Float32Array.from({ length: 2 * ids }, random),
  counts: Uint32Array.from({ length: ids }, () => 9 * random() ** 2),
});
// The second has a name that every object has a property of.
const teacher = new Teacher(2, [feature('user', 300), feature('constructor', 120), feature('movie', 200)]);

/** Options that fit together, whatever the others are. */
const method: fc.Arbitrary<LearnerOptions> = fc.oneof(
  fc.record({ method: fc.constant('agglomerative' as const), mergesPerRound: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ method: fc.constant('equal-mass' as const), mass: fc.constantFrom('sqrt', 'cbrt', 'one') }),
  fc.record({ method: fc.constant('kd-tree' as const), rotate: fc.boolean() }),
  fc.record({ method: fc.constant('k-means' as const), weight: fc.constantFrom('count', 'uniform') }),
  fc.record({
    method: fc.constantFrom('lsh' as const, 'exact' as const),
    hashes: fc.constantFrom(1, 2),
    combine: fc.constantFrom('sum', 'concat'),
  }),
);
const anyMethod: fc.Arbitrary<LearnerOptions> = fc
  .tuple(
    method,
    fc.record(
      {
        hotShare: fc.double({ min: 0, max: 1, noNaN: true }),
        unseen: fc.constantFrom('shared', 'hash', 'dealt', 'cluster'),
        seed: fc.nat(),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([own, any]) => ({ ...own, ...any }));

describe('learnHashing with options per feature', () => {
  it('gives each feature the mapping that learnMapping gives with its options', async () => {
    const common = { hotShare: 0.3, unseen: 'hash', seed: 5 } as const;
    await fc.assert(
      fc.asyncProperty(anyMethod, anyMethod, async (user, movie) => {
        const { features, manifest } = await learnHashing(teacher, {
          ...common,
          size: 0.1,
          minRows: 0,
          rows: { movie: 31 },
          perFeature: { user, movie },
        });
        const rows = [30, 12, 31];
        for (const [f, own] of [user, {}, movie].entries()) {
          const { name, rows: vectors, counts } = teacher.features[f]!;
          const options = { ...common, ...own, rows: rows[f]! } as Parameters<typeof learnMapping>[1];
          const { hashes, statistics } = await learnMapping({ rows: vectors, dim: 2, counts }, options);
          expect(features[f]!.hashes).toEqual(hashes);
          expect(features[f]!.combine).toBe(own.combine ?? 'sum');
          expect(manifest.details!.statistics).toMatchObject({ [name]: statistics });
        }
        expect(manifest.details!.perFeature).toEqual({ user: { ...common, ...user }, movie: { ...common, ...movie } });
      }),
      { numRuns: 60 },
    );
  });

  it('goes before the common options, which undefined unsets', async () => {
    const shared = { size: 0.1, minRows: 0 };
    const learn = async (options: object) => (await learnHashing(teacher, { ...shared, ...options })).features;
    const cut = { method: 'equal-mass', mass: 'one' };
    const own = await learn({ ...cut, perFeature: { movie: { method: 'kd-tree', mass: undefined } } });
    const [user, other] = await learn(cut);
    const [, , movie] = await learn({ method: 'kd-tree' });
    expect(own).toEqual([user, other, movie]);
    await expect(learn({ ...cut, perFeature: { movie: { method: 'kd-tree' } } })).rejects.toThrow(/"movie".*no mass/);
  });

  it('hashes a feature whose teacher has nothing to say', async () => {
    const shared = { size: 0.1, minRows: 150, hotShare: 0.5 };
    const learn = async (options: object) => (await learnHashing(teacher, { ...shared, ...options })).features;
    const [user, small, movie] = await learn({ perFeature: { user: { method: 'modulo' } } });
    expect(user!.hashes).toEqual([{ kind: 'modulo', rows: 30 }]);
    expect([small, movie]).toEqual((await learn({})).slice(1));
    const all = await learn({ method: 'modulo' });
    expect(all.map(({ hashes }) => hashes[0]!.kind)).toEqual(['modulo', 'identity', 'modulo']);
    // Chosen rows hold for it, too; as many as ids need no hash.
    const rows = await learn({ method: 'modulo', rows: { user: 7, movie: 200 } });
    expect(rows.map(({ hashes }) => hashes[0])).toMatchObject([
      { rows: 7 },
      { kind: 'identity' },
      { kind: 'identity' },
    ]);
  });

  it('puts rows together of a learned part and hashed ones, in the same bytes', async () => {
    const learn = async (options: object) =>
      (await learnHashing(teacher, { size: 0.1, minRows: 150, hotShare: 0.5, seed: 3, ...options })).features;
    const whole = await learn({});
    const [user, small, movie] = await learn({ parts: 4, perFeature: { movie: { parts: 2 } } });
    expect(user!.hashes[0]).toEqual(whole[0]!.hashes[0]);
    expect(user!.combine).toBe('concat');
    expect(user!.hashes.slice(1).map(({ kind }) => kind)).toEqual(['mixed', 'mixed', 'mixed']);
    expect(user!.hashes.map((hash) => rowCount(hash, 300))).toEqual([30, 30, 30, 30]);
    const parts = user!.hashes.map((hash) => rowsOfAll(hash, 300).join());
    expect(new Set(parts).size).toBe(4); // each has its own hash
    expect(small).toEqual(whole[1]);
    expect(movie!.hashes.map(({ kind }) => kind)).toEqual(['table', 'mixed']);
    const [hashed] = await learn({ parts: 4, method: 'modulo' });
    expect(hashed).toMatchObject({ hashes: [{ kind: 'modulo' }], combine: 'sum' });
    for (const wrong of [0, 1.5, 65, '4', null]) {
      await expect(learn({ parts: wrong })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/parts of "user"/),
      });
    }
    await expect(learn({ parts: 2, hashes: 2 })).rejects.toThrow(/Expected 1 hash for parts above 1, received 2/);
  });

  it('bad input', async () => {
    const learn = (perFeature: unknown, options = {}) =>
      learnHashing(teacher, { size: 0.1, minRows: 0, ...options, perFeature } as never);
    await expect(learn({ uesr: { method: 'kd-tree' } })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('Did you mean "user"?'),
    });
    await expect(learn({ user: { methd: 'kd-tree' } })).rejects.toMatchObject({
      code: 'UNKNOWN_OPTION',
      message: expect.stringMatching(/perFeature "user".*Did you mean "method"\?/),
    });
    await expect(learn({ user: { rows: 5 } })).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' });
    await expect(learn({ user: { hotShare: 2 } })).rejects.toThrow(/"user".*hotShare/);
    await expect(learn({ user: { unseen: 'newcomer' } })).rejects.toThrow(/recent/);
    for (const wrong of [null, 'user', ['user'], { user: null }, { user: 'kd-tree' }]) {
      await expect(learn(wrong)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    await expect(learn({}, { rows: null })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
