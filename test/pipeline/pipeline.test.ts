import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../lib/data/index.ts';
import { readSafetensors, writeSafetensors } from '../../lib/files/index.ts';
import { type HashFunction, PRUNED } from '../../lib/hashing/index.ts';
import { baselineHashing } from '../../lib/methods/baseline.ts';
import { learnHashing } from '../../lib/methods/learning/learn_hashing.ts';
import { recentCounts } from '../../lib/methods/learning/recent_counts.ts';
import { Hashing } from '../../lib/pipeline/hashing.ts';
import { Student, trainStudent } from '../../lib/pipeline/student.ts';
import { Teacher, trainTeacher } from '../../lib/pipeline/teacher.ts';

// Zipf 0.6 and strong cluster effects: most ids are seen often enough for a teacher to place them.
const { data } = syntheticDataset({
  rows: 60_000,
  cardinalities: [2000, 300, 10],
  clusters: 5,
  zipf: 0.6,
  effect: 1.5,
  seed: 3,
});
const [past, present, validation, evaluation] = ['teacher', 'student', 'validation', 'evaluation'].map((name) =>
  data.split(name),
);
const training = { learningRate: 0.1, epochs: 2, batchSize: 256, topHidden: [16], bottomHidden: [8] };

let folder: string;
let teacher: Teacher;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'collide-pipeline-'));
  teacher = await trainTeacher(past!, { ...training, dim: 2 });
});
afterAll(() => rm(folder, { recursive: true }));

describe('teacher', () => {
  it('has a row and a count per id', () => {
    expect(teacher.dim).toBe(2);
    for (const [f, feature] of teacher.features.entries()) {
      expect(feature.rows.length).toBe(2 * data.features[f]!.cardinality);
      expect(feature.counts).toEqual(past!.idCounts(f));
      expect(feature.sensitivity).toBeGreaterThan(0);
    }
  });

  it('comes back from a file', async () => {
    const path = join(folder, 'teacher.safetensors');
    await teacher.save(path);
    expect(await Teacher.load(path)).toEqual(teacher);
  });

  it('is refused when the file is another', async () => {
    const path = join(folder, 'mapping.safetensors');
    await (await baselineHashing(data.features, { method: 'modulo', size: 0.1, minRows: 100 })).save(path);
    await expect(Teacher.load(path)).rejects.toMatchObject({ code: 'FILE_FORMAT' });
  });

  it('chooses the learning rate that validates better', async () => {
    const tuned = await trainTeacher(past!, {
      ...training,
      learningRate: [1e-6, 0.1],
      epochs: 1,
      validation: validation!,
    });
    expect(tuned.fit).toMatchObject({ learningRate: 0.1, epochs: 1 });
  });

  it('names a misspelt option', async () => {
    const misspelt = { learningrate: 0.1 } as object;
    await expect(trainTeacher(past!, misspelt)).rejects.toMatchObject({
      code: 'UNKNOWN_OPTION',
      message: expect.stringContaining('"learningRate"'),
    });
  });
});

describe('hashing', () => {
  it('gives every large feature its share of rows and leaves small ones whole', async () => {
    const hashing = await learnHashing(teacher, { size: 0.1, minRows: 100, hotShare: 0.5, recent: [past!, present!] });
    for (const [f, { cardinality }] of data.features.entries()) {
      const [hash] = hashing.features[f]!.hashes;
      if (cardinality < 100) expect(hash).toEqual({ kind: 'identity' });
      else expect(hash).toMatchObject({ kind: 'table', rows: Math.ceil(0.1 * cardinality) });
    }
    const counts = await recentCounts([past!, present!], 0, data.features[0]!.cardinality);
    const hottest = counts.indexOf(Math.max(...counts));
    const [hash] = hashing.features[0]!.hashes;
    if (hash?.kind !== 'table') throw new Error('expected a table');
    const sharing = hash.entries.filter((row) => row === hash.entries[hottest]).length;
    expect(sharing).toBe(1);
  });

  it('comes back from a file, every kind of hash function', async () => {
    const size = { size: 0.1, minRows: 100, seed: 5 };
    const recent = [past!, present!];
    const list = [
      await learnHashing(teacher, { ...size, hashes: 2, combine: 'sum' }),
      await learnHashing(teacher, { ...size, method: 'kd-tree', recent, hotShare: 0.25 }),
      await learnHashing(teacher, { ...size, parts: 4 }),
      ...(await Promise.all(
        (['full', 'modulo', 'mixed'] as const).map((method) => baselineHashing(data.features, { ...size, method })),
      )),
      await baselineHashing(data.features, { ...size, method: 'frequent', recent }),
      new Hashing(
        [
          {
            name: 'a',
            cardinality: 70_000,
            hashes: [
              { kind: 'table', rows: 70_000, entries: Uint32Array.from({ length: 70_000 }, (_, id) => 69_999 - id) },
            ],
            combine: 'sum',
          },
        ],
        { method: 'reversed', size: 1, minRows: 0, seed: 2 },
      ),
      new Hashing(
        [3, 256, 70_000].map((rows) => ({
          name: `${rows} rows`,
          cardinality: 1001,
          hashes: [
            ...(['bytes', 'bits'] as const).flatMap((packing): HashFunction[] => [
              { kind: 'table', rows, entries: Uint32Array.from({ length: 1001 }, (_, id) => id % rows), packing },
              // every row and no row at all
              {
                kind: 'table',
                rows,
                entries: Int32Array.from({ length: 1001 }, (_, id) => (id % (rows + 1)) - 1),
                packing,
              },
            ]),
            { kind: 'table', rows, entries: new Int32Array(1001).fill(PRUNED) },
            { kind: 'quotient', divisor: 7 },
            { kind: 'mixed-radix', divisor: 7, rows },
          ],
          combine: 'sum',
        })),
        { method: 'all sorts', size: 1, minRows: 0, seed: 2 },
      ),
    ];
    const path = join(folder, 'hashing.safetensors');
    for (const hashing of list) {
      await hashing.save(path);
      const again = await Hashing.load(path);
      // Seeds come back as bigints; everything else is the same.
      const plain = (h: Hashing) =>
        JSON.parse(JSON.stringify(h.features, (_, v) => (typeof v === 'bigint' ? Number(v) : v)));
      expect(plain(again)).toEqual(plain(hashing));
      expect(again.manifest).toEqual(JSON.parse(JSON.stringify(hashing.manifest)));
      expect([...again.counts]).toEqual([...hashing.counts]);
      expect(again.mappingBytes()).toBe(hashing.mappingBytes());
    }
  });

  it('is refused when cut short or of another kind', async () => {
    const path = join(folder, 'cut.safetensors');
    const hashing = await learnHashing(teacher, { size: 0.1, minRows: 100 });
    await hashing.save(path);
    const { length } = await readFile(path);
    await truncate(path, length - 1);
    await expect(Hashing.load(path)).rejects.toMatchObject({ code: 'FILE_FORMAT' });
    await teacher.save(path);
    await expect(Hashing.load(path)).rejects.toMatchObject({ code: 'FILE_FORMAT' });
    await expect(Hashing.load(join(folder, 'absent'))).rejects.toMatchObject({ code: 'FILE_IO' });
  });

  it('is refused when its packed entries are not what its metadata says', async () => {
    const path = join(folder, 'bent.safetensors');
    const entries = Int32Array.from({ length: 1001 }, (_, id) => (id % 6) - 1);
    const hashes: HashFunction[] = [{ kind: 'table', rows: 5, entries, packing: 'bits' }];
    const hashing = new Hashing([{ name: 'a', cardinality: 1001, hashes, combine: 'sum' }], {
      method: 'pruned',
      size: 1,
      minRows: 0,
      seed: 2,
    });
    await hashing.save(path);
    const { tensors, metadata } = await readSafetensors(path);
    const bent = async (data: Uint8Array | Uint16Array, features = metadata.features!) => {
      await writeSafetensors(path, { 'feature0.hash0': { shape: [data.length], data } }, { ...metadata, features });
      return Hashing.load(path);
    };
    const packed = tensors['feature0.hash0']!.data as Uint8Array;
    expect((await bent(packed)).features).toEqual(hashing.features);
    const refused = { code: 'FILE_FORMAT' };
    await expect(bent(packed.subarray(1))).rejects.toMatchObject(refused);
    await expect(bent(Uint16Array.from(packed))).rejects.toMatchObject(refused);
    await expect(bent(packed, metadata.features!.replace('"prunes":true', '"x":1'))).rejects.toMatchObject(refused);
    await expect(bent(packed, metadata.features!.replace('"bits"', '"bit"'))).rejects.toMatchObject(refused);
    await expect(bent(packed.fill(255))).rejects.toMatchObject(refused);
    await writeSafetensors(path, {}, metadata);
    await expect(Hashing.load(path)).rejects.toMatchObject(refused);
  });

  it('names a size or share out of range and an unknown method', async () => {
    const bad = (options: object) => learnHashing(teacher, { size: 0.1, minRows: 1, ...options } as never);
    await expect(bad({ size: 0 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(bad({ size: 1.5 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(bad({ hotShare: -1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(bad({ method: 'kdtree' })).rejects.toMatchObject({ message: expect.stringContaining('"kd-tree"') });
    await expect(bad({ hotshare: 0.5 })).rejects.toMatchObject({ message: expect.stringContaining('"hotShare"') });
  });
});

describe('student', () => {
  it('beats modulo with a learned hash where clusters are planted', async () => {
    const shared = { size: 0.05, minRows: 100 };
    const learned = await learnHashing(teacher, { ...shared, method: 'agglomerative', unseen: 'cluster' });
    const modulo = await baselineHashing(data.features, { ...shared, method: 'modulo' });
    const losses: number[] = [];
    for (const hashing of [learned, modulo]) {
      using student = await trainStudent(present!, { ...training, hashing, dim: 8 });
      losses.push((await student.evaluate(evaluation!)).logLoss);
    }
    expect(losses[0]).toBeLessThan(losses[1]! - 0.01);
  });

  it('gives the same bits with 1 and 2 threads, and again from its folder', async () => {
    const hashing = await learnHashing(teacher, { size: 0.1, minRows: 100, hotShare: 0.5 });
    const options = { ...training, epochs: 1, hashing, dim: 4 };
    using one = await trainStudent(present!, { ...options, threads: 1 });
    using two = await trainStudent(present!, { ...options, threads: 2 });
    const expected = await one.predict(evaluation!);
    expect(await two.predict(evaluation!)).toEqual(expected);
    await one.save(join(folder, 'student'));
    using loaded = await Student.load(join(folder, 'student'));
    expect(await loaded.predict(evaluation!)).toEqual(expected);
    expect(loaded.memory().total).toBe(one.memory().total);
    expect(loaded.memory().optimizer).toBe(0); // it serves
    expect(loaded.memory().mapping).toBe(hashing.mappingBytes());
  });

  it('is refused from a folder that is incomplete', async () => {
    await expect(Student.load(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'FILE_IO' });
    await writeFile(join(folder, 'student.safetensors'), '{ "format": ');
    await expect(Student.load(folder)).rejects.toMatchObject({ code: 'FILE_FORMAT' });
  });

  it('refuses a hashing of other features', async () => {
    const hashing = await baselineHashing(data.features.slice(1), { method: 'full', size: 1 });
    await expect(trainStudent(present!, { hashing })).rejects.toMatchObject({ code: 'VOCABULARY_MISMATCH' });
  });

  it('stops when asked', async () => {
    const signal = AbortSignal.timeout(30);
    await expect(trainStudent(present!, { epochs: 1000, signal })).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('reports a divergence as such', async () => {
    const options = { ...training, learningRate: 1e6, embeddingOptimizer: { kind: 'sgd' as const } };
    await expect(trainStudent(present!, options)).rejects.toMatchObject({ code: 'DIVERGED' });
  });
});
