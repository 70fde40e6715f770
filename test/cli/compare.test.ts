/** `collide compare`, `demo` and `report` print and write one and the same comparison; --resume goes on with it alone. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { compareCommand } from '../../lib/cli/compare.ts';
import { demoCommand } from '../../lib/cli/demo.ts';
import { reportCommand } from '../../lib/cli/report.ts';
import { loadConfig } from '../../lib/compare/config_file.ts';
import type { ComparisonResult } from '../../lib/compare/results.ts';
import { readComparison, writeComparison } from '../../lib/compare/results_file.ts';
import { compare } from '../../lib/compare/run.ts';
import { openDataset } from '../../lib/data/index.ts';
import { formatTable, renderReport } from '../../lib/report/index.ts';
import { quality } from '../pipeline/tiny.ts';
import { run, tinyFolder } from './in_process.ts';

/** The demo on the tiny data set: that of the flights has three million rows. */
vi.mock('../../lib/data/presets.ts', () => ({ flights: () => tinyFlights }));

const { at, writeConfig, close } = tinyFolder({
  compare: { methods: ['full', 'modulo', 'learned'], tune: { learningRate: [0.3] } },
});
afterAll(close);
const config = await loadConfig(at('config.yaml'));
const tinyFlights = config.data;
const data = await openDataset(config.data);
const compared = (...args: string[]) => run(compareCommand, at('config.yaml'), '--json', at('r.json'), ...args);
const read = async (name = 'r.json') => (await readComparison(at(name))).results;
const results = (await compare(config, data)).results;

/** What a command printed and wrote is what its results file holds. */
async function expectPrinted(printed: string, name: string) {
  const comparison = await readComparison(at(`${name}.json`));
  expect(printed).toContain(`${formatTable(comparison)}\n`);
  expect(readFileSync(at(`${name}.html`), 'utf8')).toBe(await renderReport(comparison));
  expect(printed.trim().split('\n').slice(-2)).toEqual([`wrote ${at(`${name}.json`)}`, `wrote ${at(`${name}.html`)}`]);
  return comparison;
}

describe('collide compare', () => {
  it('gives what compare gives, and prints what it writes', async () => {
    const printed = await compared('--html', at('r.html'));
    const comparison = await expectPrinted(printed, 'r');
    expect(comparison.results.map(quality)).toEqual(results.map(quality));
    const again = await run(reportCommand, at('r.json'), '--html', at('again.html'));
    expect(again).toContain(`${formatTable(comparison)}\n`);
    expect(readFileSync(at('again.html'), 'utf8')).toBe(readFileSync(at('r.html'), 'utf8'));
  });

  it('without --resume begins anew, with it keeps what the file holds', async () => {
    const comparison = await readComparison(at('r.json'));
    const marked = (result: ComparisonResult) => ({ ...result, seconds: { ...result.seconds, evaluate: 12345 } });
    const some = comparison.results.slice(1, -1).map(marked);
    await writeComparison(at('r.json'), { ...comparison, results: some });
    await compared('--resume');
    expect((await read()).map(quality)).toEqual(results.map(quality));
    expect((await read()).slice(1, -1)).toEqual(some);
    await compared();
    expect((await read()).map(quality)).toEqual(results.map(quality));
    for (const { seconds } of await read()) expect(seconds.evaluate).not.toBe(12345);
  });

  it('does not go on with results of another config, and leaves their file as it is', async () => {
    const before = readFileSync(at('r.json'));
    for (const more of [
      { training: { outOfVocabularyShare: 0, batchSize: 65 } },
      { compare: { ...config.compare, minRows: 30 } },
      { teacher: { maxEpochs: 1, crossFit: false } },
      { model: { dim: 4, bottom: [4], top: [5, 1] } },
    ]) {
      writeConfig('other.yaml', 'tiny.csv', more);
      const job = run(compareCommand, at('other.yaml'), '--json', at('r.json'), '--resume');
      await expect(job).rejects.toMatchObject({ code: 'FILE_FORMAT', message: expect.stringContaining('r.json') });
      expect(readFileSync(at('r.json'))).toEqual(before);
    }
  });

  it('writes nothing without being told where', async () => {
    writeConfig('quiet.yaml', 'tiny.csv', { compare: { ...config.compare, methods: ['modulo'], seeds: 1 } });
    expect(await run(compareCommand, at('quiet.yaml'))).not.toContain('wrote');
  });
});

describe('collide report', () => {
  it('says what is wrong with its file', async () => {
    writeFileSync(at('bad.json'), '{"version": 3}');
    await expect(run(reportCommand, at('bad.json'), '--html', at('bad.html'))).rejects.toMatchObject({
      code: 'FILE_FORMAT',
    });
    expect(existsSync(at('bad.html'))).toBe(false);
  });
});

describe('collide demo', () => {
  it('is a comparison, with as many seeds as are asked for', async () => {
    for (const seeds of [1, 2]) {
      const printed = await run(
        ...([demoCommand, '--seeds', `${seeds}`, '--json', at('demo.json'), '--html', at('demo.html')] as const),
      );
      const { results: found, notes } = await expectPrinted(printed, 'demo');
      expect(new Set(found.map(({ seed }) => seed)).size).toBe(seeds);
      expect(notes.some((note) => note.startsWith('One seed'))).toBe(seeds === 1); // no spread is known then
      for (const { method } of found) expect(printed).toContain(method);
    }
  });
});
