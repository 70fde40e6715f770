/** `collide train`: what it saves is what it says, chosen on the validation rows alone. */
import { afterAll, describe, expect, it } from 'vitest';
import { trainCommand } from '../../lib/cli/train.ts';
import { loadConfig } from '../../lib/compare/config_file.ts';
import { compare } from '../../lib/compare/run.ts';
import { openDataset } from '../../lib/data/index.ts';
import { learnHashing } from '../../lib/methods/learning/learn_hashing.ts';
import { Hashing } from '../../lib/pipeline/hashing.ts';
import { Student } from '../../lib/pipeline/student.ts';
import { Teacher, trainTeacher } from '../../lib/pipeline/teacher.ts';
import { flipped } from '../pipeline/tiny.ts';
import { run, tinyFolder } from './in_process.ts';

const { at, writeData, writeConfig, close } = tinyFolder({ compare: { hotShare: [0.25, 0.75] } });
afterAll(close);
const config = await loadConfig(at('config.yaml'));
const data = await openDataset(config.data);

for (const part of ['validation', 'evaluation']) {
  writeData(`${part}.csv`, { [part]: flipped });
  writeConfig(`${part}.yaml`, `${part}.csv`);
}

const train = async (out: string, ...args: string[]) => {
  const file = args.find((arg) => arg.endsWith('.yaml')) ?? 'config.yaml';
  const more = args.filter((arg) => arg !== file);
  return JSON.parse(await run(trainCommand, at(file), '--size', '0.3', '--out', at(out), ...more));
};
const mapping = (out: string) => Hashing.load(at(`${out}/mapping.safetensors`));
const teacher = (out: string) => Teacher.load(at(`${out}/teacher.safetensors`));
const printed = await train('model');

describe('collide train', () => {
  it('prints what the saved student says of the evaluation rows', async () => {
    using student = await Student.load(at('model/student'));
    const { auc, logLoss, normalizedEntropy } = printed;
    expect({ auc, logLoss, normalizedEntropy }).toEqual(await student.evaluate(data.split('evaluation')));
    expect(await student.evaluate(data.split('validation'))).not.toMatchObject({ auc });
    expect(printed.fit).toEqual(student.fit);
    expect(printed.bytes.total).toBe(student.memory().total);
    expect(printed.bytes.mapping).toBe((await mapping('model')).mappingBytes());
  });

  it('saves the teacher of the past and the mapping that is learned from it', async () => {
    const { hotShare, parts } = printed.chosen;
    const options = {
      size: 0.3,
      minRows: 1,
      hotShare,
      parts,
      unseen: 'shared',
      recent: [data.split('student')],
    } as const;
    expect((await learnHashing(await teacher('model'), options)).features).toEqual((await mapping('model')).features);
    const expected = await trainTeacher(data.split('teacher'), {
      ...{ bottomHidden: [], topHidden: [4], batchSize: 64, dim: 2 },
      ...{ learningRate: [0.02, 0.3], epochs: 2, validation: data.split('validation') },
    });
    const saved = await teacher('model');
    expect(saved.fit).toEqual(expected.fit);
    expect(saved.features).toEqual(expected.features);
  });

  it('is the first seed of auto in a comparison, whatever validation likes', async () => {
    writeConfig('rich.yaml', 'tiny.csv', {
      teacher: { crossFit: true, maxEpochs: 2, learningRate: 0.1 },
      training: { outOfVocabularyShare: 0.2, batchSize: 50 },
      compare: { ...config.compare, hotShare: 0.25, unseen: 'out-of-vocabulary', parts: 2 },
    });
    for (const [out, file] of [
      ['model', 'config.yaml'],
      ['turned', 'validation.yaml'],
      ['rich', 'rich.yaml'],
    ] as const) {
      const said = out === 'model' ? printed : await train(out, file);
      const own = await loadConfig(at(file));
      using rows = await openDataset(own.data);
      const auto = { ...own, compare: { ...own.compare, methods: ['auto' as const], seeds: 1 } };
      const { auc, logLoss, learningRate, epochs, hotShare, crossFit, parts, hashed } = (await compare(auto, rows))
        .results[0]!;
      expect(said).toMatchObject({ auc, logLoss, fit: { learningRate, epochs } });
      expect(said.chosen).toEqual(JSON.parse(JSON.stringify({ hotShare, crossFit, parts, hashed })));
    }
  });

  it('chooses by the validation rows, and by no others', async () => {
    const same = await train('same', 'evaluation.yaml');
    expect(same).toMatchObject({ fit: printed.fit, chosen: printed.chosen, bytes: printed.bytes });
    expect(same.auc).toBeCloseTo(1 - printed.auc, 12);
    expect((await teacher('same')).features).toEqual((await teacher('model')).features);
    expect((await mapping('same')).features).toEqual((await mapping('model')).features);
    const other = await train('turned', 'validation.yaml');
    expect([printed.fit.learningRate, other.fit.learningRate]).toEqual([0.3, 0.02]);
    expect(other.chosen).not.toEqual(printed.chosen);
  });

  it('takes --hot-share and --size as they are given', async () => {
    const given = await train('given', '--hot-share', '0.5', '--size', '0.5');
    expect(given.chosen.hotShare).toBe(0.5);
    const hashing = await mapping('given');
    expect(hashing.manifest).toMatchObject({ size: 0.5, details: { hotShare: 0.5 } });
    expect(hashing.rows()).toBe(data.features.reduce((sum, { cardinality }) => sum + Math.ceil(0.5 * cardinality), 0));
  });

  it('serves the cross-fitted teacher where that is what was chosen', async () => {
    writeConfig('crossed.yaml', 'tiny.csv', { teacher: { crossFit: true, maxEpochs: 2 } });
    const { chosen } = await train('crossed', 'crossed.yaml');
    expect(chosen.crossFit).toBe(true);
    const options = {
      size: 0.3,
      minRows: 1,
      hotShare: chosen.hotShare,
      unseen: 'shared',
      recent: [data.split('student')],
    } as const;
    const whole = await teacher('crossed');
    expect((await learnHashing(whole, options)).features).toEqual((await mapping('crossed')).features);
    const [past, present] = [data.split('teacher').idCounts(0), data.split('student').idCounts(0)];
    expect(whole.features[0]!.counts).toEqual(past.map((count, id) => count + present[id]!));
  });
});
