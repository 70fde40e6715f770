/** The addon in a process: memory is given back, a missing build says how to get one, exit in mid-job is clean. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DIST, fixture, node } from './dist.ts';

const MIB = 2 ** 20;

describe('tables of 4 MiB, 1,000 times', () => {
  async function cycles(how: string, times = 1000): Promise<{ growth: number[]; peak: number }> {
    const ended = await node(['--expose-gc', fixture('cycles.mjs'), DIST, how, String(times)]);
    expect(ended, ended.stderr).toMatchObject({ code: 0, signal: null });
    return JSON.parse(ended.stdout);
  }

  // What leaks, leaks in every quarter: all tables would be 1,000 MiB a quarter, one in a hundred is 10 MiB. What the
  // process itself keeps for later (heap, arenas of threads) comes at once, and need not come back.
  it('closed: memory does not grow', async () => {
    const { growth, peak } = await cycles('close');
    expect(Math.min(...growth)).toBeLessThan(6 * MIB);
    expect(peak).toBeLessThan(400 * MIB);
  });

  it('forgotten without close: they are collected, because the collector knows what hangs on them', async () => {
    const { growth, peak } = await cycles('forget');
    expect(Math.min(...growth)).toBeLessThan(6 * MIB);
    expect(peak).toBeLessThan(1200 * MIB);
  });

  it('refused half-way: what was made is given back', async () => {
    const { growth, peak } = await cycles('refuse', 200);
    expect(Math.min(...growth)).toBeLessThan(6 * MIB);
    expect(peak).toBeLessThan(400 * MIB);
  });
});

describe('without a build', () => {
  it('importing works, the first use throws NATIVE_MISSING with the build command', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'no-build-'));
    const script = `
      const { EmbeddingTables, CollideError } = await import(${JSON.stringify(DIST)});
      try {
        new EmbeddingTables({ features: [{ name: 'f', cardinality: 3, dim: 2 }] });
      } catch (error) {
        console.log(JSON.stringify([error instanceof CollideError, error.code, error.message]));
      }`;
    try {
      const ended = await node(['--input-type=module', '-e', script], { LEARN_TO_COLLIDE_PREBUILD: empty });
      expect(ended, ended.stderr).toMatchObject({ code: 0 });
      const [typed, code, message] = JSON.parse(ended.stdout);
      expect(typed).toBe(true);
      expect(code).toBe('NATIVE_MISSING');
      expect(message).toMatch(/npm run build:gyp --prefix/);
    } finally {
      rmSync(empty, { recursive: true });
    }
  });
});

describe('the main thread ends', () => {
  it('by process.exit() with a clustering under way', async () => {
    const ended = await node([fixture('job_at_exit.mjs'), DIST, 'exit']);
    expect(ended, ended.stderr).toMatchObject({ code: 0, signal: null });
  });

  it('by itself after an abort', async () => {
    const ended = await node([fixture('job_at_exit.mjs'), DIST, 'return']);
    expect(ended, ended.stderr).toMatchObject({ code: 0, signal: null, stdout: 'ABORTED\n' });
  });
});
