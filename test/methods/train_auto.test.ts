/** `trainAuto`: what a comparison trains first, and what it says of how it was made. */
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { autoOptions } from '../../lib/compare/model_options.ts';
import { compare } from '../../lib/compare/run.ts';
import { CollideError } from '../../lib/errors.ts';
import { mappingBytes, rowCount } from '../../lib/hashing/index.ts';
import { type AutoOptions, trainAuto } from '../../lib/methods/choosing/train_auto.ts';
import { trainCrossTeachers } from '../../lib/methods/learning/cross_teachers.ts';
import { learnHashing } from '../../lib/methods/learning/learn_hashing.ts';
import { sizeForBytes } from '../../lib/methods/table_rows.ts';
import { loadModel, saveModel } from '../../lib/pipeline/model_folder.ts';
import { Teacher, trainTeacher } from '../../lib/pipeline/teacher.ts';
import type { trainEpoch } from '../../lib/training/train.ts';
import { failure, temporaryFolder } from '../data/files.ts';
import { tinyConfig, tinyData } from '../pipeline/tiny.ts';

/** How many epochs were trained on each split, and which break off. */
let epochs: string[] = [];
let breaks: (split: string) => boolean = () => false;
afterEach(() => {
  breaks = () => false;
});
vi.mock('../../lib/training/train.ts', async (original) => {
  const real = await original<{ trainEpoch: typeof trainEpoch }>();
  const counted: typeof trainEpoch = async (model, split, options) => {
    epochs.push(split.name);
    options.onProgress?.({ step: 'training', share: 0 }); // once an epoch, however fast it is
    if (breaks(split.name)) throw new CollideError('DIVERGED', 'the loss of step 7 is not a number');
    return real.trainEpoch(model, split, options);
  };
  return { ...real, trainEpoch: counted };
});

const { folder } = temporaryFolder();
const data = tinyData();
const config = tinyConfig({
  teacher: { crossFit: [false, true] },
  training: { outOfVocabularyShare: 0.1 },
  compare: { methods: ['auto'], hotShare: [0.2, 0.6], parts: [1, 2], unseen: 'out-of-vocabulary', seeds: 2 },
});
const options: AutoOptions = { ...autoOptions(config), size: 0.3 };
const quick = { bottomHidden: [], topHidden: [4], batchSize: 400, minRows: 1, dim: 4, learningRate: 0.1, epochs: 1 };
const fixed = { ...quick, hotShare: 0.5, crossFit: false, parts: 1 };

describe('trainAuto', () => {
  it('makes the student of a comparison, seed by seed', async () => {
    const { results } = await compare(config, data);
    const trained = await trainAuto(data, options);
    using student = trained.student;
    const { auc, logLoss, learningRate, epochs, hotShare, crossFit, parts, hashed } = results[0]!;
    expect(await student.evaluate(data.split('evaluation'))).toMatchObject({ auc, logLoss });
    expect(trained.choice).toEqual({ learningRate, epochs, hotShare, crossFit, parts, ...(hashed && { hashed }) });
    const { learningRate: rate, epochs: passes } = trained.teacher.fit!;
    const teacher = await trainTeacher(data.split('teacher'), {
      ...{ bottomHidden: [], topHidden: [4], batchSize: 64, learningRate: rate, epochs: passes, seed: 2 },
    });
    const next = await trainAuto(data, { ...options, seed: 2, choice: trained.choice, teacher });
    using second = next.student;
    expect(await second.evaluate(data.split('evaluation'))).toMatchObject({
      auc: results[1]!.auc,
      logLoss: results[1]!.logLoss,
    });
    expect(trained.seeds).toEqual({ teacher: 1, hashing: 1, student: 1 });
    expect(next.seeds).toEqual({ teacher: undefined, hashing: 2, student: 2 });
  });

  it('trains every layout once for each rate and epoch, and the chosen one once more', async () => {
    epochs = [];
    const given = await trainTeacher(data.split('teacher'), { batchSize: 400, learningRate: 0.1 });
    epochs = [];
    const tried = { ...quick, hotShare: [0, 0.5], crossFit: false, parts: 1, teacher: given, size: 0.3 };
    const { student, choice } = await trainAuto(data, tried);
    student.close();
    const hashed = choice.hashed === undefined ? [3] : [1, 2, 3]; // of the two tables: both, the first, the second
    expect(hashed.map((more) => 2 + more + 1)).toContain(epochs.length);
    expect(new Set(epochs)).toEqual(new Set(['student']));
  });

  it('takes teachers that are trained already', async () => {
    const training = { bottomHidden: [], topHidden: [4], batchSize: 400, learningRate: 0.1, epochs: 1 };
    const teacher = await trainTeacher(data.split('teacher'), training);
    const cross = await trainCrossTeachers(data.split('teacher'), data.split('student'), training);
    const own = await trainAuto(data, { ...fixed, crossFit: true, teacher });
    epochs = [];
    const shared = await trainAuto(data, { ...fixed, crossFit: true, teacher, crossTeachers: cross });
    expect(new Set(epochs)).toEqual(new Set(['student']));
    using one = own.student;
    using other = shared.student;
    expect(await one.losses(data.split('evaluation'))).toEqual(await other.losses(data.split('evaluation')));
    expect(shared.teacher).toBe(cross.whole);
    // A teacher from elsewhere cannot go on, which is only asked of it where it is said to.
    const foreign = new Teacher(teacher.dim, teacher.features);
    const { student, choice } = await trainAuto(data, { ...fixed, crossFit: undefined, teacher: foreign });
    student.close();
    expect(choice.crossFit).toBe(false);
    await expect(trainAuto(data, { ...fixed, crossFit: true, teacher: foreign })).rejects.toThrow(
      /^Expected a teacher with its learning rate and epochs \(or crossTeachers\) for crossFit of trainAuto, received/,
    );
  });

  it('is saved as it is, with the teacher that its hash functions were learned from', async () => {
    const trained = await trainAuto(data, { ...fixed, size: 0.3 });
    await saveModel(`${folder}/model`, trained);
    trained.student.close();
    const { teacher, hashing, student } = await loadModel(`${folder}/model`);
    using _ = student;
    expect(hashing.teacher).toBe(teacher.fingerprint);
    const learned = await learnHashing(teacher, {
      ...{ size: 0.3, minRows: 1, hotShare: 0.5, unseen: 'out-of-vocabulary', seed: 1 },
      recent: [data.split('student')],
      perFeature: Object.fromEntries((trained.choice.hashed ?? []).map((name) => [name, { method: 'modulo' }])),
    });
    expect(learned.fingerprint).toBe(hashing.fingerprint);
  });

  it('tells its progress from 0 to 1, never back', async () => {
    const shares: number[] = [];
    const steps = new Set<string>();
    const { student } = await trainAuto(data, {
      ...{ ...quick, hotShare: [0, 0.5], crossFit: [true], parts: 1 },
      onProgress({ step, share }) {
        shares.push(share);
        steps.add(step.split(':')[0]!);
      },
    });
    student.close();
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares[0]).toBeGreaterThanOrEqual(0);
    expect(shares.at(-1)).toBe(1);
    expect([...steps].slice(0, 3)).toEqual(['teacher', 'try 1', 'try 2']);
  });

  it('leaves out what diverges, and says so', async () => {
    let left = 2; // the first layout, with both of its rates
    breaks = (split) => split === 'student' && left-- > 0;
    const tried = { ...quick, learningRate: [0.1, 0.2], hotShare: [0, 0.5], crossFit: false, parts: 1 };
    const first = await trainAuto(data, tried);
    first.student.close();
    const reason = 'the loss of step 7 is not a number';
    expect(first.dropped).toEqual([{ hotShare: 0, crossFit: false, parts: 1, reason }]);
    expect(first.choice.hotShare).toBe(0.5);
    expect(first.diverged).toEqual([]);
    breaks = (split) => split === 'student';
    await expect(trainAuto(data, tried)).rejects.toMatchObject({ code: 'DIVERGED' });
  });

  it('refuses a teacher of other data', async () => {
    const [feature] = (await trainTeacher(data.split('teacher'), { batchSize: 400 })).features;
    const teacher = new Teacher(2, [feature!]);
    await expect(trainAuto(data, { ...fixed, crossFit: false, teacher })).rejects.toMatchObject({
      code: 'VOCABULARY_MISMATCH',
      message: expect.stringContaining('the teacher'),
    });
  });

  it('stops at an abort', async () => {
    const signal = AbortSignal.abort();
    expect((await failure('ABORTED', () => trainAuto(data, { ...fixed, signal }))).message).toMatch(/AbortSignal/);
  });

  it.each<[object, string]>([
    [{ size: 0.1, bytes: 0.1 }, 'Expected either size or bytes for trainAuto, received both'],
    [{ bytes: 1e-6 }, 'for bytes of trainAuto (small tables whole'],
    [{ parts: [1, 3] }, 'Expected parts that divide dim (4) for trainAuto, received 3'],
    [{ hotShare: [] }, 'Expected at least one hotShare for trainAuto, received none'],
    [
      { outOfVocabularyShare: 0 },
      'Expected an outOfVocabularyShare above 0 for trainAuto (unseen is out-of-vocabulary), received 0',
    ],
    [{ teacher: { dims: 2 } }, 'Unknown option "dims" for teacher of trainAuto. Did you mean "dim"?'],
    [{ hotshare: 1 }, 'Unknown option "hotshare" for trainAuto. Did you mean "hotShare"?'],
  ])('refuses %j', async (wrong, message) => {
    await expect(trainAuto(data, { ...fixed, ...wrong })).rejects.toThrow(message);
  });
});

describe('bytes', () => {
  it('are the most that the student has', async () => {
    const full = data.features.reduce((sum, { cardinality }) => sum + 4 * 8 * cardinality, 0);
    for (const bytes of [0.2, 0.35, 0.6]) {
      const { student, size } = await trainAuto(data, { ...fixed, dim: 8, minRows: 30, bytes });
      using _ = student;
      expect(student.memory().total).toBeLessThanOrEqual(bytes * full);
      expect(size).toBeGreaterThan(0.02);
    }
  });

  it('give the largest size that keeps within them', () => {
    const feature = fc.record({ name: fc.constant('a'), cardinality: fc.integer({ min: 1, max: 3000 }) });
    fc.assert(
      fc.property(
        fc.array(feature, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(1, 2, 4, 16),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        (features, dim, bytes) => {
          const minRows = 100;
          /** Of the tables as they would be served: learned where that is smaller, whole elsewhere. */
          const total = (size: number) =>
            features.reduce((sum, { cardinality: ids }) => {
              const rows = ids < minRows ? ids : Math.max(1, Math.ceil(ids * size));
              const table = { kind: 'table' as const, rows, entries: new Uint32Array(ids) };
              const learned = 4 * dim * rowCount(table, ids) + mappingBytes(table, ids);
              return sum + Math.min(4 * dim * ids, learned);
            }, 0);
          const most = bytes * total(1);
          const smallest = total(Number.MIN_VALUE);
          if (smallest > most) {
            expect(() => sizeForBytes(features, { bytes, minRows, dim })).toThrow('Expected at least');
            return;
          }
          const size = sizeForBytes(features, { bytes, minRows, dim });
          expect(total(size)).toBeLessThanOrEqual(most);
          if (size < 1) expect(total(Math.min(1, size + 1e-12))).toBeGreaterThan(most);
        },
      ),
      { numRuns: 300 },
    );
  });
});
