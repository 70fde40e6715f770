/** How the compiled program ends: interrupted, with nobody reading its output, and what it leaves behind then. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { interruptSignal } from '../../lib/cli/interrupt.ts';
import { readComparison } from '../../lib/compare/results_file.ts';
import { tinyFolder } from './in_process.ts';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const { folder, at, writeConfig, close } = tinyFolder();
afterAll(close);
// Far more work than will be done: these runs end because they are told to.
const hotShare = Array.from({ length: 1000 }, (_, i) => i / 1000);
const tune = { learningRate: [0.1], maxEpochs: 2 };
writeConfig('long.yaml', 'tiny.csv', {
  compare: { methods: ['auto'], sizes: [0.5], minRows: 1, unseen: 'shared', hotShare, seeds: 100, tune },
});

interface Running {
  child: ChildProcess;
  /** Until standard error has said this. */
  said(text: string): Promise<void>;
  ended: Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>;
}

function start(...args: string[]): Running {
  const child = spawn(process.execPath, [program, ...args], { cwd: folder });
  children.push(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }));
  const said = async (text: string) => {
    while (!stderr.includes(text)) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended: ${stderr}`);
      await Promise.race([once(child.stderr, 'data'), ended]);
    }
  };
  return { child, said, ended };
}

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const left = () => readdirSync(folder).sort();

describe('a signal', () => {
  it.each([
    ['SIGINT', 130, 'interrupted by the user (SIGINT)'],
    ['SIGTERM', 143, 'interrupted by SIGTERM'],
    ['SIGHUP', 129, 'interrupted: its terminal was closed (SIGHUP)'],
  ] as const)('%s ends training with %i, a line, and no folder', async (signal, code, message) => {
    const before = left();
    const { child, said, ended } = start('train', 'long.yaml', '--out', 'new/model');
    await said('teacher');
    child.kill(signal);
    const end = await ended;
    expect(end).toMatchObject({ code, signal: null, stdout: '' });
    expect(end.stderr).toMatch(/\ncollide: [^\n]*\n$/);
    expect(end.stderr).toContain(`collide: ${message}\n`);
    expect(end.stderr).not.toMatch(/ABORTED|AbortSignal|at .*\.js/);
    expect(left()).toEqual(before);
  });

  it('ends a comparison; the results so far are named if there are any', async () => {
    const { child, said, ended } = start('compare', 'long.yaml', '--json', 'results.json');
    await said('reading the data');
    child.kill('SIGINT');
    const end = await ended;
    expect(end.code).toBe(130);
    expect(existsSync(at('results.json'))).toBe(false);
    expect(end.stderr).not.toContain('results.json');
  });

  it('is left to the system when it comes again', () => {
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    const listeners = () => signals.map((name) => process.listenerCount(name));
    const before = listeners();
    const signal = interruptSignal();
    expect(listeners()).toEqual(before.map((count) => count + 1));
    process.emit('SIGINT', 'SIGINT');
    expect(signal.aborted).toBe(true);
    expect(listeners()).toEqual(before);
  });

  it('the second time ends a run that does not come to a safe point', async () => {
    const { child, said, ended } = start('train', 'long.yaml', '--out', 'model');
    await said('teacher');
    child.kill('SIGINT');
    child.kill('SIGINT');
    await said('stopping at the next safe point');
    child.kill('SIGINT');
    const { code, signal } = await ended;
    expect([130, 'SIGINT']).toContain(code ?? signal); // as shells see it, both are 130
  });
});

describe('a reader of the output that has gone', () => {
  /** Nobody reads what it prints. */
  async function unread(...args: string[]) {
    const running = start(...args);
    running.child.stdout!.destroy(); // long before the program has started
    return running.ended;
  }

  it.each([['doctor'], ['--help'], ['doctor', '--json']])('is no fault: %s %s', async (...args) => {
    expect(await unread(...args)).toMatchObject({ code: 141, signal: null, stderr: '' });
  });

  it('keeps no file from being written', async () => {
    writeConfig('short.yaml', 'tiny.csv', {
      compare: { methods: ['full'], sizes: [0.5], minRows: 1, unseen: 'shared', seeds: 1 },
    });
    const { code, stderr } = await unread('compare', 'short.yaml', '--json', 'short.json', '--html', 'short.html');
    expect(stderr).not.toContain('EPIPE');
    expect(code).toBe(141);
    expect(readFileSync(at('short.html'), 'utf8')).toContain('<svg');
    expect((await readComparison(at('short.json'))).results.length).toBe(1);
    const both = start('report', 'short.json', '--html', 'again.html');
    both.child.stdout!.destroy();
    both.child.stderr!.destroy();
    expect(await both.ended).toMatchObject({ code: 141 });
    expect(existsSync(at('again.html'))).toBe(true);
    const line = `"${process.execPath}" "${program}" report short.json --html /dev/stdout | :`;
    const piped = spawn('bash', ['-o', 'pipefail', '-c', line], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    piped.stderr.on('data', (text) => {
      said += text;
    });
    expect([...(await once(piped, 'close')), said]).toEqual([141, null, '']);
  });

  it.skipIf(!existsSync('/dev/full'))('is not a disk that is full', async () => {
    writeFileSync(at('full.sh'), `"${process.execPath}" "${program}" doctor > /dev/full\n`);
    const child = spawn('sh', [at('full.sh')]);
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const [code] = await once(child, 'close');
    expect(stderr).toContain('collide: Could not write standard output');
    expect(code).toBe(2);
    rmSync(at('full.sh'));
  });
});
