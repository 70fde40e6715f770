/** A compression method of a program's own, added as CONTRIBUTING.md says: `compare` runs it like the shipped ones. */
import { expect, it } from 'vitest';
import {
  baselineHashing,
  type CompressionMethod,
  compare,
  Hashing,
  hashTables,
  learnHashing,
  methods,
  readComparison,
  renderReport,
  Student,
  trainStudent,
  writeComparison,
} from '../../lib/index.ts';
import { failure, temporaryFolder } from '../data/files.ts';
import { quality, tinyConfig, tinyData } from '../pipeline/tiny.ts';

/** Two hashing tricks side by side, each half as wide: ids that meet in one table seldom meet in the other. */
const twice: CompressionMethod = {
  name: 'twice',
  needs: 'nothing',
  build: (task) =>
    hashTables(task, ({ rows }) => ({
      hashes: [
        { kind: 'modulo', rows },
        { kind: 'mixed', rows, seed: task.seed },
      ],
      combine: 'concat',
    })),
};
methods.add(twice);

/** One that learns from a teacher, and lets the validation rows choose. */
const halves: CompressionMethod = {
  name: 'halves',
  needs: 'teacher',
  learner: 'kd-tree',
  choices: () => ({ shapes: [{ own: { rotate: false } }, { own: { rotate: true } }], tables: [] }),
  build: ({ teacher, size, minRows, recent, shape }) =>
    learnHashing(teacher!, { method: 'kd-tree', size, minRows, recent, rotate: shape.own!.rotate === true }),
};
methods.add(halves);

const { folder } = temporaryFolder();
const data = tinyData();

it('is compared with the others, by its own rows and bytes', async () => {
  const compared = { methods: ['full', 'modulo', 'twice', 'halves'], seeds: 2, sizes: [0.3] };
  const config = tinyConfig({ compare: compared });
  const comparison = await compare(config, data);
  expect(comparison.results.map(({ method }) => method)).toEqual([...compared.methods, ...compared.methods]);
  const [, modulo, own, taught] = comparison.results;
  expect(own!.rows).toBe(modulo!.rows);
  expect(own!.bytes).toMatchObject({ rows: modulo!.bytes.rows, mapping: 0 });
  expect(own!.auc).not.toBe(modulo!.auc);
  expect(own!.seconds.teacher).toBe(0);
  expect(taught!.seconds.teacher).toBeGreaterThan(0);
  expect(taught!.own).toEqual({ rotate: expect.any(Boolean) });
  expect(comparison.results[7]!.own).toEqual(taught!.own); // the first seed chooses for all
  expect(own!.devices).toEqual({ model: 'cpu' });
  expect(taught!.devices).toEqual({ model: 'cpu', clusters: 'cpu' });
  expect(await renderReport(comparison)).toContain('halves');
  // From a file, the first seed's choice goes on.
  await writeComparison(`${folder}/results.json`, { ...comparison, results: comparison.results.slice(0, 4) });
  const resumed = await compare(config, data, { resume: await readComparison(`${folder}/results.json`) });
  expect(resumed.results.map(quality)).toEqual(comparison.results.map(quality));
});

it('trains a student; mapping and student come back from their files', async () => {
  const hashing = await baselineHashing(data, { method: 'twice', size: 0.3, minRows: 1 });
  await hashing.save(`${folder}/mapping.safetensors`);
  const again = await Hashing.load(`${folder}/mapping.safetensors`);
  expect(again.fingerprint).toBe(hashing.fingerprint);
  expect(again.manifest.method).toBe('twice');
  const training = { hashing: again, dim: 2, learningRate: 0.1, batchSize: 800, topHidden: [2] }; // two steps
  using student = await trainStudent(data.split('student'), training);
  await student.save(`${folder}/student`);
  using loaded = await Student.load(`${folder}/student`);
  expect(await loaded.losses(data.split('evaluation'))).toEqual(await student.losses(data.split('evaluation')));
});

it('is known by its name to checks and their suggestions', async () => {
  const misspelt = await failure('INVALID_CONFIG', () => tinyConfig({ compare: { methods: ['twise'] } }));
  expect(misspelt.message).toMatch(/"halves" for compare\.methods\[0\], received "twise".* Did you mean "twice"\?/);
  await expect(baselineHashing(data, { method: 'halves', size: 0.3 })).rejects.toThrow(/Expected one of .*"twice"/);
  expect(() => methods.add(twice)).toThrow('Expected a new name for a compression method, received "twice" again');
});
