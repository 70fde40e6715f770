import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../lib/data/index.ts';
import { readSafetensors } from '../../lib/files/index.ts';
import type { HashFunction } from '../../lib/hashing/index.ts';
import { baselineHashing } from '../../lib/methods/baseline.ts';
import { crossFit } from '../../lib/methods/learning/cross_fit.ts';
import { trainCrossTeachers } from '../../lib/methods/learning/cross_teachers.ts';
import { learnHashing } from '../../lib/methods/learning/learn_hashing.ts';
import type { Hashing } from '../../lib/pipeline/hashing.ts';
import { Student, trainStudent } from '../../lib/pipeline/student.ts';
import { trainTeacher } from '../../lib/pipeline/teacher.ts';

const { data } = syntheticDataset({ rows: 6000, cardinalities: [600, 20], zipf: 0.9, seed: 9 });
const [past, present] = [data.split('teacher'), data.split('student')];
const teachers = await trainCrossTeachers(past, present, { learningRate: 0.1, seed: 3 });
const options = { size: 0.1, minRows: 100, recent: [present] };

type TableHash = HashFunction & { kind: 'table' };

/** The learned table that serves the first feature. */
const tableOf = ({ features }: Hashing) => features[0]!.hashes[0] as TableHash;

/** Those that train it. */
const foldsOf = ({ features }: Hashing) => features[0]!.trainingHashes!.map(([hash]) => hash as TableHash);

describe('trainCrossTeachers', () => {
  it('counts the past and what each teacher saw of the present', () => {
    const { whole, halves } = teachers;
    for (const f of [0, 1]) {
      const of = [whole, ...halves].map(({ features }) => features[f]!.counts);
      const [all, notEven, notOdd] = of as [Uint32Array, Uint32Array, Uint32Array];
      const older = past.idCounts(f);
      const even = new Uint32Array(older.length);
      present.ids(f).ids.forEach((id, row) => {
        if (row % 2 === 0) even[id]!++;
      });
      expect(notOdd).toEqual(older.map((count, id) => count + even[id]!));
      expect(all).toEqual(notEven.map((count, id) => count + notOdd[id]! - older[id]!));
      expect(all).toEqual(older.map((count, id) => count + present.idCounts(f)[id]!));
    }
  });

  it('goes on from the same teacher: ids that a half does not have stay where the past left them', async () => {
    const teacher = await trainTeacher(past, { learningRate: 0.1, seed: 3 });
    const older = past.idCounts(0);
    const start = teacher.features[0]!.rows;
    for (const half of teachers.halves) {
      const { rows, counts } = half.features[0]!;
      const same = [...counts.keys()].map((id) => rows[2 * id] === start[2 * id]);
      expect(same).toEqual([...counts.keys()].map((id) => counts[id] === older[id]));
    }
  });
});

describe('crossFit', () => {
  it('keeps hot ids, and trains others where the value of the other half falls', async () => {
    const hashing = await learnHashing(teachers.whole, { ...options, hotShare: 0.5 });
    const crossed = await crossFit(hashing, teachers);
    expect(crossed.features[1]).toBe(hashing.features[1]);
    expect(crossed.features[0]!.hashes).toBe(hashing.features[0]!.hashes);
    expect(crossed.fingerprint).toBe(hashing.fingerprint);
    const hash = tableOf(hashing);
    const hotRows = Math.round(0.5 * hash.rows);
    const unseen = hash.entries[data.features[0]!.outOfVocabulary!];
    let moved = 0;
    for (const [k, trained] of foldsOf(crossed).entries()) {
      const { counts } = teachers.halves[k]!.features[0]!;
      expect(trained.rows).toBe(hash.rows);
      for (const [id, row] of hash.entries.entries()) {
        if (row < hotRows || teachers.whole.features[0]!.counts[id] === 0) expect(trained.entries[id]).toBe(row);
        else if (counts[id] === 0) expect(trained.entries[id]).toBe(unseen);
        else expect(trained.entries[id]).toBeGreaterThanOrEqual(hotRows);
        if (trained.entries[id] !== row) moved++;
      }
    }
    expect(moved).toBeGreaterThan(50);
  });

  it('trains what no teacher knows, and what a half does not, where cold ids are trained', async () => {
    const hashing = await learnHashing(teachers.whole, { ...options, hotShare: 0.5, unseen: 'out-of-vocabulary' });
    const { coldRow } = hashing.manifest.learned![data.features[0]!.name]!;
    const [cold] = foldsOf(hashing); // one for all folds
    const crossed = foldsOf(await crossFit(hashing, teachers));
    const hash = tableOf(hashing);
    const { counts: known } = teachers.whole.features[0]!;
    const hotRows = Math.round(0.5 * (hash.rows - 1));
    let unknown = 0;
    for (const [k, trained] of crossed.entries()) {
      const { counts } = teachers.halves[k]!.features[0]!;
      for (const [id, row] of hash.entries.entries()) {
        if (row < hotRows || row === hash.rows - 1 || row === coldRow || known[id] === 0) {
          expect(trained.entries[id]).toBe(cold!.entries[id]);
        } else if (counts[id] === 0) {
          expect(trained.entries[id]).toBe(coldRow);
          unknown++;
        } else expect(trained.entries[id]).not.toBe(hash.rows - 1);
      }
    }
    expect(unknown).toBeGreaterThan(0);
  });

  it('leaves every id in its row when both halves know what the whole does', async () => {
    for (const method of ['agglomerative', 'equal-mass', 'exact'] as const) {
      const hashing = await learnHashing(teachers.whole, { ...options, method, hotShare: 0.25 });
      const { whole } = teachers;
      const crossed = foldsOf(await crossFit(hashing, { whole, halves: [whole, whole] }));
      expect(crossed).toHaveLength(2);
      for (const { entries } of crossed) expect([...entries]).toEqual([...tableOf(hashing).entries]);
    }
  });

  it('goes by what the feature itself was learned with', async () => {
    const perFeature = { [data.features[0]!.name]: { method: 'exact' } } as const;
    const own = await learnHashing(teachers.whole, { ...options, method: 'kd-tree', perFeature });
    const common = await learnHashing(teachers.whole, { ...options, method: 'exact' });
    expect(foldsOf(await crossFit(own, teachers))).toEqual(foldsOf(await crossFit(common, teachers)));
  });

  it('is the same with hashed parts beside the learned one', async () => {
    const alone = await learnHashing(teachers.whole, options);
    const hashing = await learnHashing(teachers.whole, { ...options, parts: 4 });
    const crossed = await crossFit(hashing, teachers);
    expect(foldsOf(crossed)).toEqual(foldsOf(await crossFit(alone, teachers)));
    const { hashes, trainingHashes } = crossed.features[0]!;
    for (const list of trainingHashes!) expect(list.slice(1)).toEqual(hashes.slice(1));
    using student = await trainStudent(present, { hashing: crossed, dim: 4 });
    expect(student.hashing!.features).toEqual(hashing.features);
    using plain = await trainStudent(present, { hashing, dim: 4 });
    const folder = await mkdtemp(join(tmpdir(), 'cross-'));
    try {
      await student.save(folder);
      const { tensors, metadata } = await readSafetensors(join(folder, 'student.safetensors'));
      expect([...Object.keys(tensors), ...Object.keys(metadata)].filter((name) => /fold|training/.test(name))).toEqual(
        [],
      );
      using again = await Student.load(folder);
      const evaluation = data.split('evaluation');
      expect(await again.predict(evaluation)).toEqual(await student.predict(evaluation));
      expect(again.memory()).toEqual({ ...student.memory(), optimizer: 0 });
      expect(await plain.predict(evaluation)).not.toEqual(await student.predict(evaluation));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('changes what the student learns', async () => {
    const hashing = await learnHashing(teachers.whole, options);
    using plain = await trainStudent(present, { hashing, dim: 4 });
    using crossed = await trainStudent(present, { hashing: await crossFit(hashing, teachers), dim: 4 });
    const [a, b] = [await plain.evaluate(data.split('evaluation')), await crossed.evaluate(data.split('evaluation'))];
    expect(a.logLoss).not.toBe(b.logLoss);
  });

  it('refuses hashings that are not cut along one dimension', async () => {
    const kd = await learnHashing(teachers.whole, { ...options, method: 'kd-tree' });
    const modulo = await baselineHashing(data.features, { ...options, method: 'modulo' });
    const axis = await learnHashing(teachers.whole, { ...options, projection: 'axis' });
    const perFeature = { [data.features[0]!.name]: { method: 'kd-tree' } } as const;
    const own = await learnHashing(teachers.whole, { ...options, perFeature });
    for (const hashing of [kd, modulo, axis, own]) {
      await expect(crossFit(hashing, teachers)).rejects.toThrow(/one dimension/);
    }
    await expect(trainCrossTeachers(past, present, { learningRate: [0.1, 0.2] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});
