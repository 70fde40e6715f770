import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../lib/data/index.ts';
import { learnHashing } from '../../lib/methods/learn_hashing.ts';
import { Hashing } from '../../lib/pipeline/hashing.ts';
import { newcomerDetours, serveAsNewcomers } from '../../lib/pipeline/newcomers.ts';
import { trainStudent } from '../../lib/pipeline/student.ts';
import { Teacher } from '../../lib/pipeline/teacher.ts';

describe('serveAsNewcomers', () => {
  it('moves the last row to the row of unseen values, but for the coldest id of it', async () => {
    const hash = { kind: 'table' as const, rows: 3, entries: Uint8Array.of(0, 2, 1, 2, 2, 2) };
    const served = await serveAsNewcomers(hash, 5, Uint32Array.of(9, 3, 5, 1, 2, 0));
    expect(served.standIn).toBe(3);
    expect(served.hash).toMatchObject({ rows: 4, entries: Uint32Array.of(0, 3, 1, 2, 3, 3) });
  });

  it('keeps every other id where it was, and the unseen values away from the stand-in', async () => {
    const tables = fc.integer({ min: 2, max: 40 }).chain((ids) =>
      fc.record({
        rows: fc.integer({ min: 1, max: 8 }),
        picks: fc.array(fc.nat(), { minLength: ids, maxLength: ids }),
        recent: fc.array(fc.nat(5), { minLength: ids, maxLength: ids }),
        unseen: fc.nat(ids - 1),
      }),
    );
    await fc.assert(
      fc.asyncProperty(tables, async ({ rows, picks, recent, unseen }) => {
        const entries = Uint32Array.from(picks, (pick) => pick % rows);
        const table = { kind: 'table' as const, rows, entries };
        const { hash, standIn } = await serveAsNewcomers(table, unseen, Uint32Array.from(recent));
        const served = (hash as { entries: Uint32Array }).entries;
        expect([served[unseen], served[standIn]]).toEqual([rows, rows - 1]);
        const cold = [...entries.keys()].filter((id) => id !== unseen && entries[id] === rows - 1);
        const from = cold.length > 0 ? cold : [...entries.keys()].filter((id) => id !== unseen);
        expect(recent[standIn]).toBe(Math.min(...from.map((id) => recent[id]!)));
        for (const id of entries.keys()) {
          if (id === unseen || id === standIn) continue;
          expect(served[id]).toBe(entries[id] === rows - 1 ? rows : entries[id]);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('learnHashing with unseen "newcomer"', () => {
  const { data } = syntheticDataset({ rows: 6000, cardinalities: [1500, 20], zipf: 0.9, newIdsShare: 0.2, seed: 5 });
  const [older, student] = [data.split('teacher'), data.split('student')];
  const teacher = new Teacher(
    1,
    data.features.map(({ name, cardinality }, f) => ({
      name,
      cardinality,
      rows: Float32Array.from({ length: cardinality }, (_, id) => Math.sin(id)),
      counts: older.idCounts(f),
    })),
  );
  const options = { size: 0.1, minRows: 100, unseen: 'newcomer', recent: [student], hotShare: 0.5 } as const;

  it('has the rows that were asked for, and serves cold new ids by the row of unseen values', async () => {
    const { features } = await learnHashing(teacher, options);
    const { hashes, cardinality, standIn } = features[0]!;
    const [hash] = hashes;
    if (hash?.kind !== 'table') throw new Error(`expected a table, received ${hash?.kind}`);
    expect(hash.rows).toBe(Math.ceil(cardinality * 0.1));
    const { outOfVocabulary } = data.features[0]!;
    const unseenRow = hash.rows - 1;
    expect(hash.entries[outOfVocabulary!]).toBe(unseenRow);
    const hotRows = Math.round(0.5 * (hash.rows - 1));
    const isCold = (id: number) => older.idCounts(0)[id] === 0 && hash.entries[id]! >= hotRows && id !== standIn;
    const cold = [...hash.entries.keys()].filter(isCold);
    expect(cold.length).toBeGreaterThan(10);
    expect(new Set(cold.map((id) => hash.entries[id]))).toEqual(new Set([unseenRow]));

    const [detours, none] = newcomerDetours(features, data.features);
    expect(none).toBeUndefined();
    for (const id of hash.entries.keys()) {
      const away = hash.entries[id] === unseenRow && id !== outOfVocabulary;
      expect(detours![0]![id]).toBe(away ? standIn : id);
    }
  });

  it('keeps the stand-in in a file', async () => {
    const hashing = await learnHashing(teacher, options);
    const folder = await mkdtemp(join(tmpdir(), 'newcomers-'));
    try {
      await hashing.save(join(folder, 'mapping.safetensors'));
      const again = await Hashing.load(join(folder, 'mapping.safetensors'));
      expect(again.features.map(({ standIn }) => standIn)).toEqual(hashing.features.map(({ standIn }) => standIn));
      expect(newcomerDetours(again.features, data.features)).toEqual(newcomerDetours(hashing.features, data.features));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('trains the row of unseen values on newcomers, not on the cold ids', async () => {
    const hashing = await learnHashing(teacher, options);
    const train = (share: number) => trainStudent(student, { hashing, dim: 4, newcomers: { older, share } });
    using trained = await train(0.1);
    expect((await trained.evaluate(data.split('evaluation'))).logLoss).toBeLessThan(0.8);
    await expect(train(0)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('refuses what makes no sense', async () => {
    const learn = (more: object) => learnHashing(teacher, { ...options, ...more });
    await expect(learn({ recent: undefined })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(learn({ recent: [] })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(learn({ hashes: 2 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(learn({ unseen: 'newcomers' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
