import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowCount, rowsOfAll } from '../../lib/hashing/index.ts';
import {
  baselineHashing,
  datasetFromArrays,
  learnHashing,
  learnMapping,
  parseConfig,
  planBudget,
  syntheticDataset,
  Teacher,
} from '../../lib/index.ts';
import type { LearnerOptions } from '../../lib/methods/learning/options.ts';
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

/** A student split of 3,000 rows of both features. */
function splitOf(late: (row: number) => number) {
  const ids = (of: (row: number) => number) => ({ ids: Uint32Array.from({ length: 3000 }, (_, row) => of(row)) });
  const data = datasetFromArrays({
    features: [
      { name: 'user', cardinality: 300 },
      { name: 'late', cardinality: 300 },
    ],
    splits: { student: { labels: new Float32Array(3000), features: [ids((row) => row % 300), ids(late)] } },
  });
  return { data };
}
const minimalData = {
  source: 'x.csv',
  label: 'y',
  features: ['a'],
  splits: { teacher: 't', student: 's', evaluation: 'e' },
};

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
    await expect(learn({ user: { unseen: 'out-of-vocabulary' } })).rejects.toThrow(/recent/);
    for (const wrong of [null, 'user', ['user'], { user: null }, { user: 'kd-tree' }]) {
      await expect(learn(wrong)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    await expect(learn({}, { rows: null })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('learnHashing checks its options', () => {
  it.each<[LearnerOptions, RegExp]>([
    [{ method: 'foo' } as never, /Table "user": Expected one of "agglomerative".* received "foo"/],
    [{ hashes: 3 } as never, /Table "user": Expected a whole number from 1 to 2 for hashes/],
    [{ unseen: 'never' } as never, /Table "user": .*unseen/],
    [{ combine: 'multiply' } as never, /Table "user": .*combine/],
    [{ mass: 'one' }, /Table "user": Expected no mass/],
    [{ hotShare: 2 }, /Table "user": .*hotShare/],
    [{ seed: -1 }, /Table "user": .*seed/],
  ])('%j, also where every table stays whole', async (wrong, message) => {
    for (const options of [
      { size: 0.1, minRows: 500 },
      { size: 1, minRows: 0 },
    ]) {
      await expect(learnHashing(teacher, { ...options, ...wrong })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(message),
      });
    }
  });

  it('of a single table that stays whole', async () => {
    const perFeature = { movie: { method: 'kd-tree', hashes: 2 } } as const;
    const learning = learnHashing(teacher, { size: 0.1, minRows: 250, perFeature });
    await expect(learning).rejects.toThrow(/^Table "movie": Expected hashes 1/);
  });
});

describe('minRows', () => {
  it('is 500 wherever it is not given', async () => {
    const ids = [499, 500];
    const two = new Teacher(2, [feature('small', 499), feature('large', 500)]);
    const rows = [499, 50];
    const learned = await learnHashing(two, { size: 0.1 });
    const hashed = await baselineHashing(
      ids.map((cardinality) => ({ name: `${cardinality}`, cardinality, list: false, outOfVocabulary: null })),
      { method: 'modulo', size: 0.1 },
    );
    for (const { features, manifest } of [learned, hashed]) {
      expect(features.map(({ hashes, cardinality }) => rowCount(hashes[0]!, cardinality))).toEqual(rows);
      expect(manifest.minRows).toBe(500);
    }
    const { uniform } = await planBudget(two, { bytes: 12_000, dim: 4 });
    expect(uniform!.rows[0]).toBe(499);
    expect(uniform!.rows[1]).toBeLessThan(500);
    expect(parseConfig({ data: minimalData }).compare.minRows).toBe(500);
  });
});

describe('a feature that the teacher could learn nothing of', () => {
  const ids = 300;
  /** A teacher that met the first `met` ids of "late". */
  const late = (met: number) =>
    new Teacher(2, [
      teacher.features[0]!,
      { ...feature('late', ids), counts: Uint32Array.from({ length: ids }, (_, id) => (id < met ? 9 : 0)) },
    ]);
  const { data } = splitOf((row) => row % ids);
  const hashes = async (of: Teacher, options: object = {}) =>
    (await learnHashing(of, { size: 0.1, minRows: 0, ...options })).features[1]!.hashes;

  it.each(['agglomerative', 'equal-mass', 'exact', 'kd-tree', 'k-means', 'lsh'] as const)(
    'is hashed as modulo does by %s, whatever else is asked',
    async (method) => {
      const recent = [data.split('student')];
      for (const options of [{}, { recent }, { recent, hotShare: 0.5 }, { unseen: 'reserved', recent }]) {
        expect(await hashes(late(1), { method, ...options })).toEqual([{ kind: 'modulo', rows: 30 }]);
      }
      const { features, manifest } = await learnHashing(late(1), { size: 0.1, minRows: 0, method });
      expect(features[0]!.hashes[0]!.kind).toBe('table');
      expect(manifest.details).toMatchObject({ untaught: ['late'] });
    },
  );

  it('is one of which nearly all recent accesses are unknown, too, but not one of which many are', async () => {
    const recent = [data.split('student')];
    expect(await hashes(late(29), { recent })).toEqual([{ kind: 'modulo', rows: 30 }]); // 90.3 % unknown
    expect((await hashes(late(31), { recent }))[0]!.kind).toBe('table'); // 89.7 %
    expect((await hashes(late(29)))[0]!.kind).toBe('table'); // as far as anyone knows
  });

  it('is left to a policy that spreads unknown ids over the rows', async () => {
    for (const unseen of ['hash', 'dealt', 'cluster']) {
      const [hash] = await hashes(late(1), { unseen, recent: [data.split('student')] });
      expect(new Set(rowsOfAll(hash!, ids)).size).toBeGreaterThan(15);
    }
  });

  it('is told once, by a process warning', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => warnings.push(warning);
    process.on('warning', listen);
    const unheard = new Teacher(2, [{ ...late(1).features[1]!, name: 'unheard of' }]);
    await learnHashing(unheard, { size: 0.1, minRows: 0 });
    await learnHashing(unheard, { size: 0.2, minRows: 0 });
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);
    const own = warnings.filter(({ message }) => message.includes('"unheard of"'));
    expect(own.map((warning) => (warning as Error & { code: string }).code)).toEqual(['COLLIDE_UNTAUGHT']);
  });
});

it('baselineHashing stops at an abort', async () => {
  const { data } = syntheticDataset({ rows: 2000, cardinalities: [500] });
  const options = { method: 'frequent', size: 0.1, minRows: 0, recent: [data.split('student')] } as const;
  const reason = new Error('enough');
  const stopped = baselineHashing(data, { ...options, signal: AbortSignal.abort(reason) });
  await expect(stopped).rejects.toMatchObject({ code: 'ABORTED', cause: reason });
});

it('baselineHashing refuses a seed or a share that is none, whatever the method', async () => {
  const { data } = syntheticDataset({ rows: 2000, cardinalities: [500] });
  for (const wrong of [
    { seed: Number.NaN },
    { seed: -1 },
    { hotShare: 1.5 },
    { hotShare: '0.5' as unknown as number },
  ]) {
    const made = baselineHashing(data, { method: 'modulo', size: 0.1, minRows: 0, ...wrong });
    await expect(made).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
});

it('learnHashing stops at an abort where all tables stay whole, too', async () => {
  const teacher = new Teacher(1, [
    { name: 'a', cardinality: 4, rows: new Float32Array(4), counts: new Uint32Array(4) },
  ]);
  const stopped = learnHashing(teacher, { size: 1, signal: AbortSignal.abort() });
  await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' });
});

it('learnHashing refuses rows that are no number, and options beside the hashing trick of a feature', async () => {
  const feature = { name: 'a', cardinality: 9, rows: new Float32Array(9), counts: new Uint32Array(9).fill(1) };
  const teacher = new Teacher(1, [feature]);
  const perFeature = { a: { method: 'modulo', weight: 'sqrt' } } as const;
  await expect(learnHashing(teacher, { size: 0.5, minRows: 1, perFeature })).rejects.toThrow(
    'Expected no weight for perFeature "a" of learnHashing: method "modulo" has no use for it',
  );
  for (const rows of ['3', 0, 1.5, Number.NaN]) {
    const learned = learnHashing(teacher, { size: 0.5, minRows: 1, rows: { a: rows as number } });
    await expect(learned).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('"a"') });
  }
});
