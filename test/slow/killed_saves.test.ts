/** A model that is saved over another one while the process is killed: the folder holds the one or the other, whole. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { openDataset } from '../../lib/data/dataset.ts';
import { Random } from '../../lib/data/random.ts';
import type { Split } from '../../lib/data/types.ts';
import { learnHashing } from '../../lib/methods/learning/learn_hashing.ts';
import { Hashing } from '../../lib/pipeline/hashing.ts';
import { loadModel, saveModel, type TrainedModel } from '../../lib/pipeline/model_folder.ts';
import { Student, trainStudent } from '../../lib/pipeline/student.ts';
import { Teacher, trainTeacher } from '../../lib/pipeline/teacher.ts';
import { failure } from '../data/files.ts';
import { temporaryFolder } from '../files/temporary.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const fixture = fileURLToPath(new URL('./fixtures/save.mjs', import.meta.url));

/** Two models of the same shape: other rows, other values, another mapping. */
let models: { model: TrainedModel; split: Split; predictions: Float32Array }[];

beforeAll(async () => {
  models = [];
  for (const [name, step] of [
    ['a', 7],
    ['b', 11],
  ] as const) {
    const data = await openDataset({
      query: `SELECT t, '${name}' || (t * ${step}) % 97 AS user, (t * ${step}) % 13 AS item, (t * ${step}) % 97 % 2 AS label FROM range(3000) r(t)`,
      label: 'label',
      features: ['user', 'item'],
      splits: { teacher: 't < 1000', student: 't >= 1000 and t < 2000', evaluation: 't >= 2000' },
    });
    const training = { learningRate: 0.1, dim: 2, threads: 1 };
    const teacher = await trainTeacher(data.split('teacher'), training);
    const hashing = await learnHashing(teacher, { size: 0.3, minRows: 0, recent: [data.split('student')] });
    const student = await trainStudent(data.split('student'), { ...training, hashing });
    const model = { teacher, hashing, student };
    await saveModel(at(name), model);
    await student.save(at(`student-${name}`));
    const split = data.split('evaluation');
    models.push({ model, split, predictions: await student.predict(split) });
  }
});

function child(...given: string[]): ChildProcess {
  return spawn(process.execPath, [fixture, ...given], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Which of the two a student is, in every part. */
async function whichOf(student: Student): Promise<number> {
  const found = models.findIndex(
    ({ model }) => model.student.vocabulary.fingerprint === student.vocabulary.fingerprint,
  );
  const { model, split, predictions } = models[found]!;
  expect(student.hashing!.features).toEqual(model.hashing.features);
  expect(await student.predict(split)).toEqual(predictions);
  return found;
}

const temporaries = async (target: string) => (await readdir(target)).filter((name) => name.endsWith('.tmp'));

describe('kill -9 while a student is saved over another', () => {
  it('200 times at any moment: rows, mapping and vocabulary are of one student', async () => {
    const seen = [0, 0];
    const random = new Random(1);
    const kill = async (target: string) => {
      const delay = 40 * random.uniform();
      const process_ = child('student', at('student-a'), at('student-b'), target);
      await once(process_.stdout!, 'data');
      await setTimeout(delay);
      process_.kill('SIGKILL');
      await once(process_, 'exit');
      using student = await Student.load(target).catch((error) => {
        if (error.code === 'FILE_IO') return models[0]!.model.student; // killed before the very first was whole
        throw error;
      });
      seen[await whichOf(student)]! += 1;
    };
    const worker = async (target: string) => {
      await models[0]!.model.student.save(target);
      for (let k = 0; k < 100; k++) await kill(target);
      // What killed processes left goes with the next save.
      await models[1]!.model.student.save(target);
      expect(await readdir(target)).toEqual(['student.safetensors']);
    };
    await Promise.all([worker(at('target-1')), worker(at('target-2'))]);
    expect(Math.min(...seen)).toBeGreaterThan(10);
  });
});

describe('kill -9 while a model is saved over another', () => {
  it('before every operation on a file: each file is whole, and files of two models are refused together', async () => {
    const target = at('model');
    const outcomes: string[] = [];
    for (let n = 0; ; n++) {
      const process_ = child('model', at('a'), at('b'), target, String(n));
      const [code] = await once(process_, 'exit');
      using student = await Student.load(join(target, 'student'));
      const parts = [
        await Teacher.load(join(target, 'teacher.safetensors')),
        await Hashing.load(join(target, 'mapping.safetensors')),
        student,
      ];
      const which = parts.map(({ vocabulary }) =>
        models.findIndex(({ model }) => model.teacher.vocabulary.fingerprint === vocabulary.fingerprint),
      );
      expect(await whichOf(student)).toBe(which[2]);
      for (const [p, k] of which.entries()) {
        const { teacher, hashing } = models[k]!.model;
        if (p === 0) expect((parts[0] as Teacher).features).toEqual(teacher.features);
        if (p === 1) expect((parts[1] as Hashing).features).toEqual(hashing.features);
      }
      outcomes.push(which.join(''));
      if (new Set(which).size > 1) {
        const { message } = await failure('INVALID_ARGUMENT', () => loadModel(target));
        expect(message).toContain('of one training');
      } else {
        const loaded = await loadModel(target);
        loaded.student.close();
      }
      if (code === 0) break;
    }
    // The old model, then the two states between three renames, then the new one.
    expect([...new Set(outcomes)]).toEqual(['000', '100', '110', '111']);
    expect(outcomes.filter((outcome) => outcome === '100' || outcome === '110')).toHaveLength(2);
    await saveModel(target, models[0]!.model);
    expect([...(await temporaries(target)), ...(await temporaries(join(target, 'student')))]).toEqual([]);
    await expect(saveModel(target, { ...models[0]!.model, teacher: models[1]!.model.teacher })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});
