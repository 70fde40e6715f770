/** What diverges costs only itself: a rate, a layout, a student, a teacher; and an abort is never taken for it. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ComparisonResult } from '../../lib/compare/results.ts';
import { parseComparison } from '../../lib/compare/results_file.ts';
import { compare } from '../../lib/compare/run.ts';
import type { SplitArrays } from '../../lib/data/index.ts';
import { CollideError } from '../../lib/errors.ts';
import { baselineHashing } from '../../lib/methods/baseline.ts';
import { trainStudent } from '../../lib/pipeline/student.ts';
import { formatTable, renderReport } from '../../lib/report/index.ts';
import type { trainEpoch } from '../../lib/training/train.ts';
import { quality, tinyConfig, tinyData } from '../pipeline/tiny.ts';

/** What is being trained, as progress words it, and which training breaks off. */
let at = '';
let breaks: (training: { at: string; split: string; half?: 0 | 1 }) => Error | undefined = () => undefined;
const diverged = () => new CollideError('DIVERGED', 'the loss of step 7 is not a number');
afterEach(() => {
  breaks = () => undefined;
});

vi.mock('../../lib/training/train.ts', async (original) => {
  const real = await original<{ trainEpoch: typeof trainEpoch }>();
  const broken: typeof trainEpoch = async (model, split, options) => {
    options.onProgress?.({ step: 'training', share: 0 }); // so that `at` is of this training
    const error = breaks({ at, split: split.name, half: options.half });
    if (error !== undefined) throw error;
    return real.trainEpoch(model, split, options);
  };
  return { ...real, trainEpoch: broken };
});

const data = tinyData();
const config = tinyConfig({ compare: { seeds: 3 } });
const run = (options: Parameters<typeof compare>[2] = {}, of = config) =>
  compare(of, data, {
    ...options,
    onProgress: ({ step }) => {
      at = step;
    },
  });
const whole = await run();
const keysOf = (list: readonly { method: string; seed: number }[]) =>
  list.map(({ method, seed }) => `${method} ${seed}`);
const of = (results: readonly ComparisonResult[], method: string) =>
  results.filter((result) => result.method === method).map(quality);

describe('compare goes on where training diverges', () => {
  it('without the student of one seed: the others are what they are, and the means say how many', async () => {
    breaks = () => (at.startsWith('modulo') && at.includes('seed 2') ? diverged() : undefined);
    const comparison = await run();
    const { results, failed, notes } = comparison;
    expect(failed).toEqual([{ method: 'modulo', size: 0.3, seed: 2, reason: 'the loss of step 7 is not a number' }]);
    const left = whole.results.filter(({ method, seed }) => method !== 'modulo' || seed !== 2);
    expect(results.map(quality)).toEqual(left.map(quality));
    const note = 'modulo at 30 % diverged with seed 2: its means are over the other 2 seeds.';
    expect(notes[0]).toContain(note);
    expect(formatTable(comparison)).toContain(note);
    expect((await renderReport(comparison)).replaceAll('\u00a0', ' ')).toContain(note);
    const row = formatTable(comparison)
      .split('\n')
      .find((line) => line.startsWith('modulo'))!;
    expect(row).toMatch(/ 2 +\S+ m?s$/); // seeds, then the time
    expect(parseComparison(JSON.parse(JSON.stringify(comparison)), 'x').failed).toEqual(failed);
  });

  it('and lets the next seed choose where the first diverged', async () => {
    breaks = () => (at.startsWith('modulo') && at.includes('seed 1') ? diverged() : undefined);
    const { results, failed } = await run();
    expect(keysOf(failed!)).toEqual(['modulo 1']);
    const [second, third] = of(results, 'modulo');
    expect(second).toMatchObject({ seed: 2, epochs: third!.epochs, learningRate: third!.learningRate });
    expect(of(results, 'learned')).toEqual(of(whole.results, 'learned'));
  });

  it('keeps the failures of a resumed run, and gives what a whole one gives', async () => {
    breaks = () => (at.startsWith('modulo') && !at.includes('seed 3') ? diverged() : undefined);
    const broken = await run();
    expect(keysOf(broken.failed!)).toEqual(['modulo 1', 'modulo 2']);
    for (const [k, { method, seed }] of broken.results.entries()) {
      const failed = broken.failed!.filter(
        (failure) => failure.seed < seed || (failure.seed === seed && method !== 'full'),
      );
      const resumed = await run({ resume: { ...broken, failed, results: broken.results.slice(0, k + 1) } });
      expect(resumed.results.map(quality)).toEqual(broken.results.map(quality));
      expect(resumed.failed).toEqual(broken.failed);
    }
  });

  it('without the methods that need a teacher, when it diverges: once a seed, not once a method', async () => {
    let trainings = 0;
    breaks = ({ split }) => {
      if (split !== 'teacher' || !at.includes('seed 2')) return undefined;
      trainings++;
      return diverged();
    };
    const { results, failed } = await run();
    expect(keysOf(failed!)).toEqual(['learned 2', 'auto 2']);
    expect(trainings).toBe(1);
    expect(of(results, 'auto').map(({ seed }) => seed)).toEqual([1, 3]);
    expect(of(results, 'full')).toEqual(of(whole.results, 'full'));
  });

  it('without the layouts that diverge, which are named', async () => {
    const crossed = tinyConfig({
      teacher: { crossFit: [false, true] },
      compare: { seeds: 1, methods: ['modulo', 'auto'] },
    });
    const plain = tinyConfig({ compare: { seeds: 1, methods: ['modulo', 'auto'] } });
    breaks = ({ half }) => (half === 0 ? diverged() : undefined); // of a cross-fitted teacher
    const { results, notes } = await run({}, crossed);
    const [auto] = of(results, 'auto');
    const { dropped, ...rest } = auto!;
    expect(dropped!.map(({ crossFit }) => crossFit)).toEqual([true, true, true]);
    expect(dropped![0]!.reason).toContain('step 7');
    expect(rest).toEqual(of((await run({}, plain)).results, 'auto')[0]);
    expect(notes).toContainEqual(expect.stringMatching(/^auto at 30 %: 3 layouts of its tables diverged/));
  });

  it('without the learning rates that diverge, which are named', async () => {
    const rates = (learningRate: number[]) => tinyConfig({ compare: { seeds: 1, tune: { learningRate } } });
    breaks = () => (at.includes('learning rate 0.7') ? diverged() : undefined);
    const { results, notes } = await run({}, rates([0.02, 0.7, 0.3]));
    for (const result of results) expect(result.diverged).toEqual([0.7]);
    const without = (result: ComparisonResult) => quality({ ...result, diverged: undefined });
    breaks = () => undefined;
    expect(results.map(without)).toEqual((await run({}, rates([0.02, 0.3]))).results.map(without));
    expect(notes).toContainEqual(expect.stringMatching(/^learned at 30 %: learning rate 0\.7 diverged/));
  });

  it('and fails when nothing is left', async () => {
    const seen: number[] = [];
    breaks = diverged;
    const nothing = run({ onResult: ({ failed }) => void seen.push(failed!.length) });
    await expect(nothing).rejects.toMatchObject({
      code: 'DIVERGED',
      message: expect.stringMatching(/^Nothing is left to compare: .*step 7/),
    });
    expect(seen).toEqual(Array.from({ length: 15 }, (_, k) => k + 1));
  });

  it.each([
    'full, seed 1: epoch',
    'modulo at 30 %, seed 1',
    'learned at 30 %, seed 1: teacher',
    'auto at 30 %, seed 2',
  ])('but stops on an abort, wherever it comes: %s', async (where) => {
    const failures: unknown[] = [];
    const prefix = where.split(': epoch')[0]!;
    breaks = () => (at.startsWith(prefix) ? new CollideError('ABORTED', 'stop') : undefined);
    const job = run({ onResult: ({ failed }) => void failures.push(...failed!) });
    await expect(job).rejects.toMatchObject({ code: 'ABORTED' });
    expect(failures).toEqual([]);
  });

  it('but fails on any other error', async () => {
    breaks = () => (at.startsWith('auto') ? new CollideError('OUT_OF_MEMORY', 'full') : undefined);
    await expect(run()).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' });
  });
});

describe('dense values that a trained model cannot take', () => {
  const small = (split: SplitArrays) => ({ ...split, dense: split.dense!.map((x) => x * 1e-12) });
  const huge = (split: SplitArrays) => ({ ...split, dense: split.dense!.map(() => 1e30) });
  const splits = { teacher: small, student: small, validation: small, evaluation: small };
  const config = tinyConfig({ compare: { methods: ['full', 'modulo'], seeds: 1 } });

  it.each(['validation', 'evaluation'])('are named, in the split %s', async (split) => {
    await expect(compare(config, tinyData({ ...splits, [split]: huge }))).rejects.toMatchObject({
      code: 'DIVERGED',
      message: expect.stringMatching(
        /Expected a finite logit for every row, received .* for row 1: its dense values may be/,
      ),
    });
  });

  it('are no predictions', async () => {
    const data = tinyData({ ...splits, evaluation: huge });
    const hashing = await baselineHashing(data, { method: 'full', size: 1 });
    using student = await trainStudent(data.split('student'), { hashing, dim: 4 });
    await expect(student.predict(data.split('evaluation'))).rejects.toMatchObject({ code: 'DIVERGED' });
    expect((await student.predict(data.split('validation'))).every((p) => p > 0 && p < 1)).toBe(true);
  });
});
