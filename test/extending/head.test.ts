// A head that a program adds: CONTRIBUTING.md shows the same code.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compare, type Head, heads, Recommender, Student, type StudentOptions, trainStudent } from '../../lib/index.ts';
import { tinyConfig, tinyData } from '../pipeline/tiny.ts';

// The example begins.
/** A multilayer perceptron on all embedding vectors and dense inputs, side by side. */
const mlp: Head = {
  name: 'mlp',
  takes: ['topHidden'],
  ops: ({ dense, topHidden: [width = 64] = [] }) => [
    { op: 'concat', name: 'inputs', from: dense > 0 ? ['vectors', 'dense'] : ['vectors'] },
    { op: 'linear', name: 'hidden', from: 'inputs', outputs: width },
    { op: 'relu', name: 'active', from: 'hidden' },
    { op: 'linear', name: 'top', from: 'active', outputs: 1 },
    { op: 'loss', name: 'loss', from: 'top' },
  ],
};

heads.add(mlp);
// The example ends.

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'head-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const options: StudentOptions = { head: 'mlp', dim: 4, topHidden: [6], batchSize: 32, learningRate: 0.1 };

it('trains, and a student of it is loaded where nobody knows its name', async () => {
  using data = tinyData();
  using student = await trainStudent(data.split('student'), options);
  const evaluation = data.split('evaluation');
  await student.save(join(folder, 'student'));
  using again = await Student.load(join(folder, 'student'));
  expect(await again.predict(evaluation)).toEqual(await student.predict(evaluation));
  using listed = await trainStudent(data.split('student'), {
    ...options,
    head: mlp.ops({
      dense: data.split('student').denseCount,
      vectors: evaluation.features.length,
      dim: 4,
      topHidden: [6],
    }),
    topHidden: undefined,
  });
  expect(await listed.predict(evaluation)).toEqual(await student.predict(evaluation));
});

it('is named by a config', async () => {
  using data = tinyData();
  const config = tinyConfig({ model: { kind: 'mlp', bottom: [] }, compare: { methods: ['modulo'], seeds: 1 } });
  const other = tinyConfig({ compare: { methods: ['modulo'], seeds: 1 } });
  const loss = async (of: typeof config) => (await compare(of, data)).results.map(({ logLoss }) => logLoss);
  const [found, dlrm] = [await loss(config), await loss(other)];
  expect(found.every(Number.isFinite)).toBe(true);
  expect(found).not.toEqual(dlrm);
});

it('refuses what it does not take, and names what is wrong with an op', () => {
  const make = (given: object) => () =>
    new Recommender({ features: [{ name: 'a', cardinality: 3 }], dense: 0, dim: 4, ...given }).close();
  expect(make({ head: 'mlp', bottomHidden: [3] })).toThrow('Expected no bottomHidden for the head "mlp"');
  expect(make({ head: 'mpl' })).toThrow('Did you mean "mlp"?');
  expect(make({ head: mlp.ops({ dense: 1, vectors: 1, dim: 4 }) })).toThrow('not empty for op "inputs" (concat)');
});
