import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { syntheticDataset } from '../../lib/data/index.ts';
import { EmbeddingTables } from '../../lib/embedding/index.ts';
import { rowsOfAll } from '../../lib/hashing/index.ts';
import { serveColdIds } from '../../lib/methods/learning/cold_ids.ts';
import { learnHashing } from '../../lib/methods/learning/learn_hashing.ts';
import { Hashing } from '../../lib/pipeline/hashing.ts';
import { trainStudent } from '../../lib/pipeline/student.ts';
import { Teacher } from '../../lib/pipeline/teacher.ts';

describe('serveColdIds', () => {
  it('serves the last row by the out-of-vocabulary row, but for its coldest id, and trains it as it was', async () => {
    const hash = { kind: 'table' as const, rows: 3, entries: Uint8Array.of(0, 2, 1, 2, 2, 2) };
    const { hash: served, trainingHash, coldRow } = await serveColdIds(hash, 5, Uint32Array.of(9, 3, 5, 1, 2, 0));
    expect(coldRow).toBe(2);
    expect(served).toEqual({ kind: 'table', rows: 4, entries: Uint32Array.of(0, 3, 1, 2, 3, 3) });
    expect(trainingHash).toEqual({ kind: 'table', rows: 4, entries: Uint32Array.of(0, 2, 1, 2, 2, 3) });
  });

  it('keeps every other id where it was, and the out-of-vocabulary row for its id alone in training', async () => {
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
        const { hash, trainingHash, coldRow } = await serveColdIds(table, unseen, Uint32Array.from(recent));
        expect([hash.rows, trainingHash.rows, coldRow]).toEqual([rows + 1, rows + 1, rows - 1]);
        const cold = [...entries.keys()].filter((id) => id !== unseen && entries[id] === coldRow);
        const from = cold.length > 0 ? cold : [...entries.keys()].filter((id) => id !== unseen);
        const kept = [...entries.keys()].filter((id) => hash.entries[id] === coldRow);
        expect(kept).toHaveLength(1);
        expect(from).toContain(kept[0]);
        expect(recent[kept[0]!]).toBe(Math.min(...from.map((id) => recent[id]!)));
        for (const id of entries.keys()) {
          const isCold = cold.includes(id);
          const row = id === unseen ? rows : id === kept[0] ? coldRow : entries[id];
          expect(trainingHash.entries[id]).toBe(row);
          expect(hash.entries[id]).toBe(isCold && id !== kept[0] ? rows : row);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('learnHashing with unseen "out-of-vocabulary"', () => {
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
  const options = { size: 0.1, minRows: 100, unseen: 'out-of-vocabulary', recent: [student], hotShare: 0.5 } as const;

  it('has the rows that were asked for, and serves cold new ids by the out-of-vocabulary row', async () => {
    const { features, manifest } = await learnHashing(teacher, options);
    const { hashes, cardinality, trainingHashes } = features[0]!;
    const { coldRow } = manifest.learned![features[0]!.name]!;
    const [hash] = hashes;
    if (hash?.kind !== 'table') throw new Error(`expected a table, received ${hash?.kind}`);
    expect(hash.rows).toBe(Math.ceil(cardinality * 0.1));
    const { outOfVocabulary } = data.features[0]!;
    const unseenRow = hash.rows - 1;
    expect(hash.entries[outOfVocabulary!]).toBe(unseenRow);
    const hotRows = Math.round(0.5 * (hash.rows - 1));
    const isCold = (id: number) =>
      older.idCounts(0)[id] === 0 && hash.entries[id]! >= hotRows && hash.entries[id] !== coldRow;
    const cold = [...hash.entries.keys()].filter(isCold);
    expect(cold.length).toBeGreaterThan(10);
    expect(new Set(cold.map((id) => hash.entries[id]))).toEqual(new Set([unseenRow]));

    expect(features[1]!.trainingHashes).toBeUndefined();
    const [list, ...more] = trainingHashes!;
    expect([list!.length, more.length]).toEqual([1, 0]);
    const training = list![0]!;
    if (training.kind !== 'table') throw new Error(`expected a table, received ${training.kind}`);
    for (const id of hash.entries.keys()) {
      const away = hash.entries[id] === unseenRow && id !== outOfVocabulary;
      expect(training.entries[id]).toBe(away ? coldRow : hash.entries[id]);
    }
  });

  it('keeps the training hashes in a file, beside hashed parts, too', async () => {
    for (const parts of [1, 4]) {
      const hashing = await learnHashing(teacher, { ...options, parts });
      const folder = await mkdtemp(join(tmpdir(), 'cold-'));
      try {
        await hashing.save(join(folder, 'mapping.safetensors'));
        const again = await Hashing.load(join(folder, 'mapping.safetensors'));
        const rows = ({ features }: Hashing) =>
          features.map(({ cardinality, hashes, trainingHashes = [] }) =>
            [hashes, ...trainingHashes].map((list) => list.map((hash) => rowsOfAll(hash, cardinality))),
          );
        expect(rows(again)).toEqual(rows(hashing));
        expect(again.manifest).toEqual(JSON.parse(JSON.stringify(hashing.manifest)));
        expect(again.fingerprint).toBe(hashing.fingerprint);
        const serving = again.forServing();
        expect(serving.features.some((feature) => 'trainingHashes' in feature)).toBe(false);
        expect(serving.fingerprint).toBe(hashing.fingerprint);
        expect(serving.forServing()).toBe(serving);
        expect(serving.mappingBytes()).toBe(again.mappingBytes());
      } finally {
        await rm(folder, { recursive: true });
      }
    }
  });

  it('trains the out-of-vocabulary row on new ids, not on the cold ones', async () => {
    const hashing = await learnHashing(teacher, options);
    const train = (share: number) => trainStudent(student, { hashing, dim: 4, outOfVocabulary: { older, share } });
    const drop = vi.spyOn(EmbeddingTables.prototype, 'dropTrainingHashes');
    using trained = await train(0.1);
    expect(drop).toHaveBeenCalledTimes(1);
    drop.mockRestore();
    expect((await trained.evaluate(data.split('evaluation'))).logLoss).toBeLessThan(0.8);
    expect(trained.hashing!.features.some((feature) => 'trainingHashes' in feature)).toBe(false);
    await expect(train(0)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('refuses what makes no sense', async () => {
    const learn = (more: object) => learnHashing(teacher, { ...options, ...more });
    await expect(learn({ recent: undefined })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(learn({ recent: [] })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(learn({ hashes: 2 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(learn({ unseen: 'out-of-vocab' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
