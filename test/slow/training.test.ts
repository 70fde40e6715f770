/**
 * Dense columns on which training with default settings once ended in NaN: far from 0, with a long tail, 0 but in three
 * rows. A model of the raw column must be as good as one of the column that was standardised by hand.
 */
import { describe, expect, it } from 'vitest';
import { type Dataset, datasetFromArrays } from '../../lib/data/index.ts';
import { trainStudent } from '../../lib/pipeline/student.ts';
import { generator } from '../model/cases.ts';

const ROWS = 60_000;
const IDS = 300;

type Column = (row: number, normal: () => number) => { x: number; signal: number };

/** Three features with effects of their own, a dense column, and labels drawn from both; or from nothing. */
function dataOf(column: Column, noise = false) {
  const random = generator(2);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const effects = [0, 1, 2].map(() => Array.from({ length: IDS }, () => 0.7 * normal()));
  const ids = effects.map(() => Uint32Array.from({ length: ROWS }, () => Math.floor(IDS * random())));
  const dense = new Float32Array(ROWS);
  const labels = Float32Array.from({ length: ROWS }, (_, row) => {
    const { x, signal } = column(row, normal);
    dense[row] = x;
    const z = effects.reduce((sum, effect, f) => sum + effect[ids[f]![row]!]!, signal - 0.5);
    return Number(random() < (noise ? 0.5 : 1 / (1 + Math.exp(-z))));
  });
  const dataset = (values: Float32Array): Dataset => {
    const part = (from: number, to: number) => ({
      labels: labels.slice(from, to),
      dense: values.slice(from, to),
      features: ids.map((of) => ({ ids: of.slice(from, to) })),
    });
    return datasetFromArrays({
      features: ['a', 'b', 'c'].map((name) => ({ name, cardinality: IDS })),
      dense: ['x'],
      splits: { student: part(0, 50_000), evaluation: part(50_000, ROWS) },
    });
  };
  const mean = dense.reduce((sum, x) => sum + x, 0) / ROWS;
  const deviation = Math.sqrt(dense.reduce((sum, x) => sum + (x - mean) ** 2, 0) / ROWS);
  return { raw: dataset(dense), scaled: dataset(dense.map((x) => (x - mean) / deviation)) };
}

async function aucs(data: Dataset, standardize: boolean): Promise<number[]> {
  const found: number[] = [];
  for (let seed = 1; seed <= 8; seed++) {
    using student = await trainStudent(data.split('student'), { dim: 4, learningRate: 0.1, standardize, seed });
    found.push((await student.evaluate(data.split('evaluation'))).auc);
  }
  return found;
}
const mean = (values: number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;

const big: Column = (_, normal) => {
  const z = normal();
  return { x: 1e4 + 100 * z, signal: 0.7 * z };
};
const heavy: Column = (_, normal) => {
  const z = normal();
  return { x: Math.min(1e6, Math.exp(3 * z + 4)), signal: 0.7 * z };
};
const flag: Column = (row) => ({ x: Number([11, 20_000, 44_000].includes(row)), signal: 0 });

describe('over 8 seeds, raw columns are as good as those standardised by hand', () => {
  it.each([
    ['far from 0', big, 0.72],
    ['with a long tail', heavy, 0.69],
    ['0 but in three rows', flag, 0.69],
  ])('%s', async (_, column, least) => {
    const { raw, scaled } = dataOf(column);
    const [found, expected] = [await aucs(raw, true), await aucs(scaled, false)];
    expect(Math.abs(mean(found) - mean(expected))).toBeLessThan(0.01);
    expect(Math.min(...found)).toBeGreaterThan(least);
  });

  it('a flag is survived as it is, too', async () => {
    expect(Math.min(...(await aucs(dataOf(flag).raw, false)))).toBeGreaterThan(0.69);
  });

  it('labels without sense stay at 0.5', async () => {
    for (const column of [big, heavy, flag]) {
      for (const auc of await aucs(dataOf(column, true).raw, true)) expect(Math.abs(auc - 0.5)).toBeLessThan(0.025);
    }
  });
});
