/** The JavaScript of README.md runs as it stands, on every Node that the package supports. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../lib/native.ts';
import { blocksOf, modelFolder } from './blocks.ts';

const folder = mkdtempSync(join(tmpdir(), 'readme-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const blocks = blocksOf('README.md')
  .filter(({ language }) => language === 'js')
  .map(({ code }) => code);
await modelFolder(folder);

describe('README.md', () => {
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(packageRoot, join(folder, 'node_modules', 'learn-to-collide'));

  test('has examples', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(2);
  });

  test.each(blocks.map((block, k) => [k + 1, block]))('example %i', (k, block) => {
    const file = join(folder, `example${k}.mjs`);
    writeFileSync(file, block as string);
    const { status, stderr } = spawnSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });
});
