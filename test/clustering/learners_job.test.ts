import { describe, expect, it } from 'vitest';
import { agglomerate, type ClusterProgress } from '../../lib/clustering/learners/agglomerative.ts';
import { equalMassBins } from '../../lib/clustering/learners/equal_mass.ts';
import { idWeights, optimalBins } from '../../lib/clustering/learners/exact.ts';
import { kMeans } from '../../lib/clustering/learners/k_means.ts';
import { learnKdTree } from '../../lib/clustering/learners/kd_tree.ts';
import { learnLsh } from '../../lib/clustering/learners/lsh.ts';
import { principalRotation } from '../../lib/clustering/principal.ts';
import { type Progress, runJob } from '../../lib/job.ts';
import { native } from '../../lib/native.ts';
import { kdTreeReference, orderReference, quickGenerator } from './reference.ts';

const random = quickGenerator(8);
const ids = 100_000;
const points = Float32Array.from({ length: 2 * ids }, random);
const keys = Float64Array.from({ length: ids }, random);
const counts = Uint32Array.from({ length: ids }, () => 1 / (0.001 + random()));

const learners = {
  'equal-mass bins': (options: object) => equalMassBins(keys, counts, 9000, options),
  'kd-tree': (options: object) => learnKdTree(points, 2, counts, 9000, options),
};

describe.each(Object.entries(learners))('%s as a job', (_, learn) => {
  it('gives the same bits on any number of threads', async () => {
    const alone = Buffer.from((await learn({ threads: 1 })).buffer);
    for (const threads of [0, 2, 3]) expect(alone.equals(Buffer.from((await learn({ threads })).buffer))).toBe(true);
  });

  it('does not start under a signal that is already aborted, and stops under one that comes', async () => {
    await expect(learn({ signal: AbortSignal.abort('no') })).rejects.toMatchObject({ code: 'ABORTED', cause: 'no' });
    const controller = new AbortController();
    const job = learn({ signal: controller.signal, threads: 1 });
    controller.abort('enough');
    await expect(job).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' });
  });

  it('reports shares, and rejects with what onProgress throws', async () => {
    const threads = 1; // the thread that reports does all the parts, and so the first: the pool may be quicker
    const shares: number[] = [];
    await learn({ threads, onProgress: ({ share }: Progress) => shares.push(share) });
    expect(shares.length).toBeGreaterThan(0);
    expect(shares.every((share, k) => share > (shares[k - 1] ?? 0) && share <= 1)).toBe(true);
    const broken = new Error('broken bar');
    const onProgress = () => {
      throw broken;
    };
    await expect(learn({ threads, onProgress })).rejects.toBe(broken);
  });
});

describe('every learner reports at least once, at its end at the latest', () => {
  const few = points.subarray(0, 600);
  const some = counts.subarray(0, 300);
  const line = keys.slice(0, 300);
  const alike = new Float64Array(300);
  const jobs: [string, (onProgress: (progress: Progress) => void) => Promise<unknown>][] = [
    ['kd-tree of one row', (onProgress) => learnKdTree(few, 2, some, 1, { onProgress })],
    ['kd-tree', (onProgress) => learnKdTree(few, 2, some, 90, { onProgress })],
    ['equal mass', (onProgress) => equalMassBins(line, some, 9, { onProgress })],
    ['k-means', (onProgress) => kMeans(few, 2, some, { rows: 9, onProgress })],
    ['k-means without a round', (onProgress) => kMeans(few, 2, some, { rows: 9, iterations: 0, onProgress })],
    ['lsh', (onProgress) => learnLsh(few, 2, { rows: 9, onProgress })],
    ['optimal bins', (onProgress) => optimalBins(line, idWeights(some), { rows: 9, onProgress })],
    ['optimal bins of equal values', (onProgress) => optimalBins(alike, idWeights(some), { rows: 9, onProgress })],
    ['one optimal bin', (onProgress) => optimalBins(line, idWeights(some), { rows: 1, onProgress })],
    ['agglomeration', (onProgress) => agglomerate(line, some, { rows: 9, onProgress })],
    ['agglomeration without a round', (onProgress) => agglomerate(line, some, { rows: 300, onProgress })],
  ];

  it.each(jobs)('%s', async (_, start) => {
    const reports: Progress[] = [];
    await start((progress) => reports.push(progress));
    expect(reports.length).toBeGreaterThan(0);
    expect(reports.at(-1)!.share).toBe(1);
    for (const { step, share } of reports) {
      expect(step).not.toBe('');
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
  });

  it.each(jobs)('%s: an onProgress that throws', async (_, start) => {
    const broken = new Error('broken bar');
    const job = start(() => {
      throw broken;
    });
    await expect(job).rejects.toBe(broken);
  });

  it('the last report is never held back, however soon it comes after another', async () => {
    const reports: ClusterProgress[] = [];
    const { rounds } = await agglomerate(line, some, { rows: 9, onProgress: (report) => reports.push(report) });
    expect(reports.at(-1)).toEqual({ step: 'merging clusters', share: 1, round: rounds, clusters: 9 });
  });
});

describe('jobs of the learners', () => {
  it('copy their input before they return', async () => {
    const few = points.slice(0, 2000);
    const some = Float64Array.from(counts.slice(0, 1000));
    const expected = await learnKdTree(few, 2, some, 50);
    const promise = learnKdTree(few, 2, some, 50);
    for (const array of [few, some]) structuredClone(array, { transfer: [array.buffer as ArrayBuffer] });
    expect(few.length).toBe(0);
    expect(await promise).toEqual(expected);
    const line = keys.slice(0, 1000);
    const bins = await equalMassBins(line, counts.slice(0, 1000), 50);
    const again = equalMassBins(line, counts.slice(0, 1000), 50);
    structuredClone(line, { transfer: [line.buffer as ArrayBuffer] });
    expect(await again).toEqual(bins);
  });

  it('rotate: the tree of the rows in their principal axes', async () => {
    const few = points.slice(0, 900);
    const some = counts.slice(0, 300);
    const rotated = await principalRotation(few, 3, some);
    const rows = Array.from({ length: 300 }, (_, id) => [...rotated.subarray(3 * id, 3 * id + 3)]);
    const tree = await learnKdTree(few, 3, some, 41, { rotate: true });
    expect([...tree]).toEqual(kdTreeReference(rows, [...some], 41));
    expect(tree).not.toEqual(await learnKdTree(few, 3, some, 41));
  });

  it('sort what radix passes leave: values alike in their high bits, beside an outlier', async () => {
    const n = 6000;
    const alike = Float64Array.from({ length: n }, (_, id) =>
      id === 3 ? -1e300 : 1 + Math.floor(random() * 900) * 2 ** -50,
    );
    const bins = await equalMassBins(alike, new Uint32Array(n), n);
    const expected = new Array<number>(n);
    orderReference([...alike]).forEach((id, place) => {
      expected[id] = place;
    });
    expect([...bins]).toEqual(expected);
  });
});

it('a job that goes on after an abort is not heard any more', async () => {
  const stop = new AbortController();
  const seen: number[] = [];
  const start = (report: ((a: number, b: number) => void) | undefined) => ({
    promise: Promise.resolve().then(() => {
      report?.(1, 0);
      report?.(2, 0);
    }),
    abort: () => undefined,
  });
  const onProgress = ({ share }: Progress) => {
    seen.push(share);
    stop.abort();
  };
  const job = runJob(start, { signal: stop.signal, onProgress }, (share) => ({ step: 'working', share }));
  await expect(job).rejects.toMatchObject({ code: 'ABORTED' });
  expect(seen).toEqual([1]);
});

it('a word that native code does not know is an error there, never another one in silence', () => {
  const [values, ones] = [Float64Array.of(1, 2), Float64Array.of(1, 1)];
  const rows = Float32Array.of(1, 2);
  const common = { rows: 1, dim: 1, device: 'cpu', threads: 1 };
  const filters = [{ by: 'size', keep: 1 }];
  const merging = { ...common, mergesPerRound: 1, maxClusterSize: 0, filters, mergedValue: 'mean' };
  const calls: [string, string, unknown[]][] = [
    ['agglomerate', 'mergedValue', [values, ones, { ...merging, mergedValue: 'median' }]],
    ['agglomerate', 'by', [values, ones, { ...merging, filters: [{ by: 'median', keep: 1 }] }]],
    ['agglomerate', 'device', [values, ones, { ...merging, device: 'median' }]],
    ['equalMass', 'mass', [values, ones, { ...common, mass: 'median' }]],
    ['equalMass', 'device', [values, ones, { ...common, mass: 'one', device: 'median' }]],
    ['kdTree', 'device', [rows, ones, { ...common, device: 'median' }]],
    ['kmeans', 'weight', [rows, ones, undefined, { ...common, iterations: 1, weight: 'median' }]],
    ['kmeans', 'device', [rows, ones, undefined, { ...common, iterations: 1, weight: 'count', device: 'median' }]],
    ['optimalBins', 'search', [values, ones, { ...common, search: 'median' }]],
    ['principal', 'output', [rows, ones, { ...common, components: 1, output: 'median' }]],
  ];
  for (const [name, key, args] of calls) {
    const call = native()[name as 'kmeans'] as unknown as (...args: unknown[]) => unknown;
    const message = expect.stringMatching(new RegExp(`^Expected .* for ${key}, received "median"$`));
    expect(() => call(...args)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', message }));
  }
});
