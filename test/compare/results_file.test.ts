import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Comparison } from '../../lib/compare/results.ts';
import { parseComparison, readComparison, writeComparison } from '../../lib/compare/results_file.ts';
import { temporaryFolder } from '../files/temporary.ts';
import { result, usualComparison } from '../report/comparison.ts';

const root = temporaryFolder();
const path = join(root, 'results.json');

describe('results.json', () => {
  it('gives back what was written', async () => {
    const comparison = usualComparison({ notes: ['Rows were sampled.'] });
    await writeComparison(path, comparison);
    expect(await readComparison(path)).toEqual(comparison);
    expect(await readFile(path, 'utf8')).toMatch(/\}\n$/);
  });

  it('tells every changed byte, but of the notes', async () => {
    const told: string[] = [];
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation((text) => {
      told.push(String(text));
    });
    try {
      const comparison = usualComparison({ notes: ['Rows were sampled.'] });
      await writeComparison(path, comparison);
      const whole = await readFile(path);
      const notes = whole.indexOf('Rows were sampled.');
      await fc.assert(
        fc.asyncProperty(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
          const changed = Buffer.from(whole);
          changed[at]! ^= flip;
          await writeFile(path, changed);
          told.length = 0;
          const read = await readComparison(path).catch((error: unknown) => error);
          if (read instanceof Error) expect(read).toMatchObject({ code: 'FILE_FORMAT' });
          else if (told.length === 0) expect(read).toMatchObject({ ...comparison, notes: expect.any(Array) });
          else expect(told[0]).toContain(`"${path}" was changed or damaged`);
        }),
        { numRuns: 300 },
      );
      whole.write('No', notes);
      await writeFile(path, whole);
      told.length = 0;
      expect((await readComparison(path)).notes).toEqual(['Nows were sampled.']);
      expect(told).toEqual([]);
      comparison.results[0]!.auc += 0.01;
      await writeFile(path, JSON.stringify({ ...comparison, checksum: '00000000' }));
      expect((await readComparison(path)).results[0]!.auc).toBe(comparison.results[0]!.auc);
      expect(told).toEqual([
        expect.stringMatching(/expected the checksum 00000000 that it names, received [\da-f]{8}\./),
      ]);
    } finally {
      warned.mockRestore();
    }
  });

  it('carries an AUC that does not exist', async () => {
    const comparison = usualComparison();
    comparison.results.push(result({ method: 'x', auc: Number.NaN, normalizedEntropy: Number.NaN }));
    await writeComparison(path, comparison);
    expect((await readComparison(path)).results.at(-1)!.auc).toBeNaN();
  });

  it('keeps facts of later versions', () => {
    const later = { ...usualComparison(), extra: 1 };
    expect(parseComparison(JSON.parse(JSON.stringify(later)), 'results.json')).toEqual(later);
  });

  it.each<[string, (c: Comparison) => unknown, string]>([
    ['an array', () => [], 'the file'],
    ['null', () => null, 'the file'],
    ['no results', ({ results: _, ...rest }) => rest, 'results'],
    ['a method that is no text', (c) => ({ ...c, results: [{ ...c.results[0], method: 3 }] }), 'results.0.method'],
    ['bytes as text', (c) => ({ ...c, results: [{ ...c.results[0], bytes: '1 MB' }] }), 'results.0.bytes'],
    ['negative rows', (c) => ({ ...c, results: [{ ...c.results[0], rows: -1 }] }), 'results.0.rows'],
    ['size 0', (c) => ({ ...c, results: [{ ...c.results[0], size: 0 }] }), 'results.0.size'],
    ['an AUC above 1', (c) => ({ ...c, results: [{ ...c.results[0], auc: 1.5 }] }), 'results.0.auc'],
    ['a log loss below 0', (c) => ({ ...c, results: [{ ...c.results[0], logLoss: -0.1 }] }), 'results.0.logLoss'],
    ['half a seed', (c) => ({ ...c, results: [{ ...c.results[0], seed: 1.5 }] }), 'results.0.seed'],
    ['a result twice', (c) => ({ ...c, results: [...c.results, c.results[3]] }), 'results'],
    ['no data', (c) => ({ ...c, data: undefined }), 'data'],
  ])('refuses %s and names the field', (_, change, field) => {
    expect(() => parseComparison(change(usualComparison()), 'my.json')).toThrowError(
      expect.objectContaining({
        code: 'FILE_FORMAT',
        message: expect.stringMatching(new RegExp(`^"my.json" .*: ${field}: `)),
      }),
    );
  });

  it('refuses a file that is not JSON, a truncated one and a missing one', async () => {
    await writeFile(path, 'a,b\n1,2\n');
    await expect(readComparison(path)).rejects.toMatchObject({
      code: 'FILE_FORMAT',
      message: expect.stringContaining('is not JSON'),
    });
    await writeFile(path, JSON.stringify(usualComparison()).slice(0, -10));
    await expect(readComparison(path)).rejects.toMatchObject({ code: 'FILE_FORMAT' });
    await expect(readComparison(join(root, 'missing.json'))).rejects.toMatchObject({
      code: 'FILE_IO',
      cause: { code: 'ENOENT' },
    });
  });
});
