/** Models know what their ids mean: kept in their files, compared wherever data or parts come together. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openDataset } from '../../lib/data/dataset.ts';
import { datasetFromArrays } from '../../lib/data/memory.ts';
import type { Dataset, Split } from '../../lib/data/types.ts';
import { readSafetensors, writeSafetensors } from '../../lib/files/index.ts';
import { baselineHashing } from '../../lib/methods/baseline.ts';
import { crossFit } from '../../lib/methods/learning/cross_fit.ts';
import { trainCrossTeachers } from '../../lib/methods/learning/cross_teachers.ts';
import { learnHashing } from '../../lib/methods/learning/learn_hashing.ts';
import { Hashing } from '../../lib/pipeline/hashing.ts';
import { Student, trainStudent } from '../../lib/pipeline/student.ts';
import { Teacher, trainTeacher } from '../../lib/pipeline/teacher.ts';
import { failure } from '../data/files.ts';
import { temporaryFolder } from '../files/temporary.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

/** Ten users, of whom the first five like everything; in week 2 other users are frequent. */
async function week(name: string, flip: boolean): Promise<string> {
  let seed = 1;
  const random = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  const lines = ['user,movie,rating,ts'];
  for (let i = 0; i < 6000; i++) {
    const drawn = Math.floor(10 * random() ** 2);
    const user = flip ? 9 - drawn : drawn;
    const likes = random() < (user < 5 ? 0.95 : 0.05);
    lines.push(`u${'ABCDEFGHIJ'[user]},m${i % 7},${likes ? 5 : 1},${i}`);
  }
  await writeFile(at(name), `${lines.join('\n')}\n`);
  return at(name);
}

const config = (source: string, more = {}) => ({
  source,
  label: 'rating >= 4',
  features: ['user', 'movie'],
  dense: ['ts / 6000'],
  splits: { teacher: 'ts < 2000', student: 'ts >= 2000 and ts < 4000', evaluation: 'ts >= 4000' },
  ...more,
});
const training = { learningRate: 0.1, epochs: 5, dim: 4, threads: 1 };
const learning = { size: 0.5, minRows: 0, hotShare: 0.5 };

let one: Dataset;
let two: Dataset;
let past: Split;
let present: Split;
let later: Split;
let teacher: Teacher;
let hashing: Hashing;
let student: Student;

beforeAll(async () => {
  const [first, second] = [await week('1.csv', false), await week('2.csv', true)];
  one = await openDataset(config(first));
  two = await openDataset(config(second));
  [past, present, later] = [one.split('teacher'), one.split('student'), one.split('evaluation')];
  teacher = await trainTeacher(past, { ...training, dim: 2 });
  hashing = await learnHashing(teacher, { ...learning, recent: [present] });
  student = await trainStudent(present, { ...training, hashing });
});

const mismatch = async (work: () => unknown, difference: RegExp) => {
  const error = await failure('VOCABULARY_MISMATCH', work);
  expect(error.message).toMatch(difference);
};
const otherIds = /feature "user": id \d is "u[A-J]" in .* and "u[A-J]" in .*openDataset\(\{ \.\.\., vocabulary \}\)/;

describe("next week's data", () => {
  it('are refused as they are, and right with the vocabulary of the saved model', async () => {
    await student.save(at('student'));
    using loaded = await Student.load(at('student'));
    for (const model of [student, loaded]) {
      await mismatch(() => model.predict(two.split('evaluation')), otherIds);
      await mismatch(() => model.evaluate(two.split('evaluation')), otherIds);
      await mismatch(() => model.losses(two.split('evaluation')), otherIds);
    }
    const { vocabulary } = loaded;
    const next = await openDataset({
      source: at('2.csv'),
      label: 'rating >= 4',
      splits: { evaluation: 'true' },
      vocabulary,
    });
    expect((await loaded.evaluate(next.split('evaluation'))).auc).toBeGreaterThan(0.9);
  });

  it('give each value the prediction it had, in any order and with any frequencies', async () => {
    const { vocabulary } = student;
    const open = (order: string, repeat: string) =>
      openDataset({
        query: `SELECT r.* REPLACE (0 AS ts) FROM read_csv('${at('2.csv')}') r, range(3) k WHERE ${repeat} ORDER BY ${order}`,
        label: 'rating >= 4',
        splits: { evaluation: 'true' },
        vocabulary,
      });
    const byValue = async (data: Dataset) => {
      const split = data.split('evaluation');
      const predicted = await student.predict(split);
      const [users, movies] = [0, 1].map((f) => split.ids(f).ids);
      const found = new Map<string, number>();
      for (let row = 0; row < split.rows; row++) {
        const key = `${data.text(0, users![row]!)} ${data.text(1, movies![row]!)}`;
        if (found.has(key)) expect(found.get(key)).toBe(predicted[row]);
        found.set(key, predicted[row]!);
      }
      return Object.fromEntries([...found].sort());
    };
    const plain = await byValue(await open('r.ts', 'k.range = 0'));
    expect(Object.keys(plain)).toHaveLength(70);
    expect(await byValue(await open('md5(CAST(r.ts AS VARCHAR))', 'k.range = 0'))).toEqual(plain);
    const often = "k.range = 0 OR r.user = 'uJ' OR r.movie = 'm3'";
    expect(await byValue(await open('r.movie DESC', often))).toEqual(plain);
  });

  it('are refused for other features, dense columns or kinds', async () => {
    const evaluate = async (more: object) =>
      student.evaluate((await openDataset(config(at('1.csv'), more))).split('evaluation'));
    await mismatch(
      () => evaluate({ features: ['movie', 'user'] }),
      /feature 0 is "user" in the model and "movie" in the data/,
    );
    await mismatch(() => evaluate({ features: ['user'] }), /feature "movie" is in the model and not in the data/);
    await mismatch(
      () => evaluate({ features: ['user', 'movie', { name: 'm2', expr: 'movie' }] }),
      /"m2" is in the data/,
    );
    await mismatch(() => evaluate({ dense: [] }), /dense columns "ts \/ 6000" in the model and no dense columns/);
    await mismatch(
      () => evaluate({ dense: ['ts / 6000', 'rating'] }),
      /dense columns "ts \/ 6000", "rating" in the data/,
    );
    await mismatch(
      () => evaluate({ dense: [{ name: 'ts / 6000', expr: 'ts' }] }),
      /the SQL is ts \/ 6000 in .* and ts in/,
    );
    await mismatch(() => evaluate({ features: ['user', { name: 'movie', expr: '[movie]' }] }), /lists in the data/);
    await mismatch(
      () => evaluate({ minCount: 500 }),
      /feature "user": there are 11 ids in the model and \d in the data/,
    );
    await mismatch(() => evaluate({ idOrder: 'appearance' }), /feature "user": id \d is/);
    await mismatch(
      () => evaluate({ unseen: 'hash' }),
      /feature "user": there are 11 ids in the model and 10 in the data/,
    );
  });

  it('of arrays go by what is known of them', async () => {
    const arrays = (f: number, name = one.features[f]!.name) => ({ ...one.features[f]!, name });
    const split = (...features: { name: string; cardinality: number }[]) =>
      datasetFromArrays({
        features,
        dense: ['ts / 6000'],
        splits: {
          any: {
            labels: later.labels,
            dense: later.dense,
            features: [{ ids: later.ids(0).ids }, { ids: later.ids(1).ids }],
          },
        },
      }).split('any');
    expect(await student.evaluate(split(arrays(0), arrays(1)))).toEqual(await student.evaluate(later));
    await mismatch(() => student.evaluate(split(arrays(0), arrays(1, 'film'))), /"movie" in the model and "film"/);
    const wide = { ...arrays(1), cardinality: 9 };
    await mismatch(() => student.evaluate(split(arrays(0), wide)), /"movie": there are 8 ids in the model and 9/);
  });
});

describe('parts of a model', () => {
  it('keep their vocabulary and know each other, in files too', async () => {
    await teacher.save(at('teacher.safetensors'));
    await hashing.save(at('mapping.safetensors'));
    await student.save(at('kept'));
    using again = await Student.load(at('kept'));
    const loaded = [
      await Teacher.load(at('teacher.safetensors')),
      await Hashing.load(at('mapping.safetensors')),
    ] as const;
    for (const part of [teacher, hashing, student, ...loaded, again]) {
      expect(part.vocabulary.fingerprint).toBe(one.vocabulary.fingerprint);
    }
    expect(loaded.map(({ fingerprint }) => fingerprint)).toEqual([teacher.fingerprint, hashing.fingerprint]);
    for (const one of [hashing, loaded[1], again.hashing!]) {
      expect([one.teacher, one.fingerprint]).toEqual([teacher.fingerprint, hashing.fingerprint]);
    }
    expect(again.hashing!.features).toEqual(hashing.features);
    expect(again.fit).toEqual(student.fit);
    expect(await again.evaluate(later)).toEqual(await student.evaluate(later));
    expect(await again.predict(later)).toEqual(await student.predict(later));
    const relearned = await learnHashing(loaded[0], { ...learning, recent: [present] });
    expect(relearned.features).toEqual(hashing.features);
    const options = { ...training, dim: 2 };
    expect((await trainTeacher(past, options)).fingerprint).toBe(teacher.fingerprint);
    expect((await trainTeacher(past, { ...options, seed: 2 })).fingerprint).not.toBe(teacher.fingerprint);
    const other = await learnHashing(teacher, { ...learning, size: 0.4, recent: [present] });
    expect(other.fingerprint).not.toBe(hashing.fingerprint);
  });

  it('without a hashing or a teacher know the data all the same', async () => {
    using full = await trainStudent(present, training);
    const modulo = await baselineHashing(one, { method: 'modulo', size: 0.5, minRows: 0 });
    expect(modulo.teacher).toBeUndefined();
    expect(modulo.vocabulary).toBe(one.vocabulary);
    await full.save(at('full'));
    using again = await Student.load(at('full'));
    expect(again.hashing).toBeUndefined();
    expect(again.vocabulary.fingerprint).toBe(one.vocabulary.fingerprint);
    expect(await again.evaluate(later)).toEqual(await full.evaluate(later));
  });

  it('of other data are refused wherever they meet', async () => {
    const other = two.split('student');
    await mismatch(() => trainStudent(other, { ...training, hashing }), otherIds);
    await mismatch(() => trainStudent(present, { ...training, validation: two.split('validation') }), otherIds);
    await mismatch(() => trainTeacher(past, { ...training, validation: two.split('validation') }), otherIds);
    const outOfVocabulary = { older: two.split('teacher'), share: 0.1 };
    await mismatch(() => trainStudent(present, { ...training, outOfVocabulary }), otherIds);
    await mismatch(() => learnHashing(teacher, { ...learning, recent: [present, other] }), otherIds);
    await mismatch(
      () => baselineHashing(one, { method: 'frequent', size: 0.5, minRows: 0, recent: [other] }),
      otherIds,
    );
    await mismatch(() => trainCrossTeachers(past, other, training), otherIds);
    const swapped = (await openDataset(config(at('1.csv'), { features: ['movie', 'user'] }))).split('student');
    await mismatch(
      () => learnHashing(teacher, { ...learning, recent: [swapped] }),
      /feature 0 is "user" in the teacher/,
    );
    await mismatch(() => trainStudent(swapped, { ...training, hashing }), /feature 0 is "user" in the hashing/);
  });

  it('of other trainings are refused for cross-fitting', async () => {
    const cross = { learningRate: 0.1, dim: 2 };
    const a = await trainCrossTeachers(past, present, cross);
    const b = await trainCrossTeachers(past, present, { ...cross, seed: 2 });
    const learned = await learnHashing(a.whole, { ...learning, recent: [present] });
    const crossed = await crossFit(learned, a);
    const error = await failure('INVALID_ARGUMENT', () => crossFit(learned, b));
    expect(error.message).toContain('Expected the hashing and the teachers of one training');
    using right = await trainStudent(present, { ...training, hashing: crossed });
    expect(right.hashing!.teacher).toBe(a.whole.fingerprint);
  });

  it('of another kind are named', async () => {
    const error = await failure('INVALID_ARGUMENT', () =>
      trainStudent(present, { ...training, hashing: teacher as never }),
    );
    expect(error.message).toMatch(/Expected a Hashing for hashing of trainStudent, received .*Teacher\. learnHashing/);
    for (const wrong of [null, {}, 'mapping.safetensors', hashing.features]) {
      await failure('INVALID_ARGUMENT', () => trainStudent(present, { ...training, hashing: wrong as never }));
    }
    await failure('INVALID_ARGUMENT', () => learnHashing(hashing as never, learning));
    await failure('INVALID_ARGUMENT', () => learnHashing(teacher, { ...learning, recent: present as never }));
    for (const wrong of [undefined, null, one, {}, 'evaluation', later.labels]) {
      for (const work of [
        () => student.predict(wrong as never),
        () => student.evaluate(wrong as never),
        () => student.losses(wrong as never),
        () => trainStudent(wrong as never, training),
        () => trainTeacher(wrong as never, training),
        () => trainCrossTeachers(past, wrong as never, training),
        () => trainStudent(present, { ...training, outOfVocabulary: { older: wrong as never, share: 0.1 } }),
      ]) {
        const { message } = await failure('INVALID_ARGUMENT', work);
        expect(message).toMatch(wrong === one ? /received a whole data set$/ : /Expected a split for/);
      }
    }
  });
});

describe("a student's file", () => {
  it('is one, replaced as a whole', async () => {
    await student.save(at('one'));
    expect(await readdir(at('one'))).toEqual(['student.safetensors']);
    using full = await trainStudent(present, training);
    await full.save(at('one'));
    expect(await readdir(at('one'))).toEqual(['student.safetensors']);
    using again = await Student.load(at('one'));
    expect(await again.predict(later)).toEqual(await full.predict(later));
  });

  it('is refused where a part is missing or of an earlier version', async () => {
    await student.save(at('parts'));
    const path = at('parts/student.safetensors');
    const { tensors, metadata } = await readSafetensors(path);
    const refused = async (more: object, less: string[] = []) => {
      const left = Object.fromEntries(Object.entries(tensors).filter(([name]) => !less.includes(name)));
      await writeSafetensors(path, left, { ...metadata, ...more });
      return (await failure('FILE_FORMAT', () => Student.load(at('parts')))).message;
    };
    for (const name of ['rows/user', 'dense', 'hashing.feature0.hash0', 'vocabulary.feature0.text0']) {
      expect(await refused({}, [name])).toContain('Expected a whole student');
    }
    for (const key of ['shape', 'fit', 'vocabulary', 'hashing.features', 'hashing.manifest']) {
      expect(await refused({ [key]: '{' })).toContain('Expected a whole student');
    }
    expect(await refused({ format: 'learn-to-collide student 1' })).toContain('written by another version');
    expect(await refused({ format: 'something else' })).not.toContain('another version');
    await writeSafetensors(path, {}, { format: metadata.format! });
    await failure('FILE_FORMAT', () => Student.load(at('parts')));
    await mkdir(at('earlier'));
    await writeFile(at('earlier/student.json'), '{ "format": "learn-to-collide student 2" }');
    expect((await failure('FILE_FORMAT', () => Student.load(at('earlier')))).message).toContain('train again');
    await failure('FILE_IO', () => Student.load(at('nowhere')));
    expect(existsSync(at('nowhere'))).toBe(false);
    await writeFile(at('file'), '');
    await failure('FILE_IO', () => student.save(at('file')));
  });
});
