/** The JavaScript of README.md runs as it stands, on every Node that the package supports. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../lib/native.ts';

const folder = mkdtempSync(join(tmpdir(), 'readme-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const text = readFileSync(join(packageRoot, 'README.md'), 'utf8');
const blocks = [...text.matchAll(/^```(?:js|ts)\n(.*?)^```$/gms)].map((match) => match[1]!);

/** Ratings of 40 users from 2001 on, so that every split of README's example has rows. */
function ratings(from: number, rows: number): string {
  const lines = Array.from({ length: rows }, (_, i) => {
    const user = (i * 7) % 40;
    const movie = (i * 13 + user) % 90;
    return `u${user},m${movie},${1 + ((user + movie) % 5)},${from + Math.floor((i / rows) * 3e8)}`;
  });
  return `user,movie,rating,ts\n${lines.join('\n')}\n`;
}

describe('README.md', () => {
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(packageRoot, join(folder, 'node_modules', 'learn-to-collide'));
  writeFileSync(join(folder, 'ratings.csv.gz'), gzipSync(ratings(1e9, 3000)));
  writeFileSync(join(folder, 'next_week.csv'), ratings(1.3e9, 100));

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
