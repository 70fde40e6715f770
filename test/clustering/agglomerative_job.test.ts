import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { agglomerate } from '../../lib/clustering/learners/agglomerative.ts';
import { packageRoot } from '../../lib/native.ts';
import { generator } from './reference.ts';

const random = generator(5);
const ids = 1_000_000;
const many = Float64Array.from({ length: ids }, random);
const few = many.slice(0, 2000);
const ones = (n: number) => new Float64Array(n).fill(1);
/**
 * A million ids merged one by one: minutes of work. No test waits for its end, so one that cannot stop the job, or whose
 * event loop the job holds, runs into its time limit; none can be too late.
 */
const endless = { rows: 1, mergesPerRound: 1 };

describe('agglomerate: the job', () => {
  it('copies its input before it returns', async () => {
    const expected = await agglomerate(few, ones(2000), { rows: 200, mergesPerRound: 1 });
    const values = few.slice();
    const counts = ones(2000);
    const promise = agglomerate(values, counts, { rows: 200, mergesPerRound: 1 });
    values.fill(Number.NaN);
    structuredClone(values, { transfer: [values.buffer] });
    structuredClone(counts, { transfer: [counts.buffer] });
    expect(values.length).toBe(0);
    expect(await promise).toEqual(expected);
  });

  it('leaves the event loop free and reports progress', async () => {
    const reports: { round: number; clusters: number }[] = [];
    const controller = new AbortController();
    const job = agglomerate(many, ones(ids), {
      ...endless,
      signal: controller.signal,
      onProgress: (progress) => {
        reports.push(progress);
        if (reports.length === 3) controller.abort();
      },
    });
    await expect(job).rejects.toMatchObject({ name: 'CollideError', code: 'ABORTED' });
    expect(reports.length).toBeGreaterThanOrEqual(3); // more may have been under way
    for (const [k, { round, clusters }] of reports.entries()) {
      expect(clusters).toBe(ids - round); // one merge a round
      if (k > 0) expect(round).toBeGreaterThan(reports[k - 1]!.round);
    }
  });

  it('stops in mid-job and hands on the reason', async () => {
    const controller = new AbortController();
    const job = agglomerate(many, ones(ids), {
      ...endless,
      signal: controller.signal,
      onProgress: () => controller.abort('enough'),
    });
    await expect(job).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' });
  });

  it('does not start under a signal that is already aborted', async () => {
    const job = agglomerate(many, ones(ids), { ...endless, signal: AbortSignal.abort() });
    await expect(job).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('rejects with what onProgress throws', async () => {
    const broken = new Error('broken bar');
    const onProgress = () => {
      throw broken;
    };
    await expect(agglomerate(many, ones(ids), { ...endless, onProgress })).rejects.toBe(broken);
  });

  it('runs several jobs at once', async () => {
    const options = { rows: 20, mergesPerRound: 7 };
    const alone = await agglomerate(few, ones(2000), options);
    const together = await Promise.all(Array.from({ length: 6 }, () => agglomerate(few, ones(2000), options)));
    for (const result of together) expect(result).toEqual(alone);
  });
});

/** Runs in a worker_thread on the addon itself: a worker cannot load TypeScript on the oldest Node we support. */
const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const binding = require('node-gyp-build')(workerData.root);
  binding.initialize(class extends Error {
    constructor(code, message) { super(message); this.code = code; }
  });
  const { values, options, exit } = workerData;
  const counts = new Float64Array(values.length).fill(1);
  const onProgress = () => exit ? process.exit(3) : parentPort.postMessage('progress');
  const job = binding.agglomerate(values, counts, options, onProgress);
  job.promise.then((result) => parentPort.postMessage(result), (error) => parentPort.postMessage(error.code));
`;

describe('agglomerate: in a worker_thread', () => {
  const method = {
    maxClusterSize: 0,
    threads: 0,
    device: 'cpu',
    filters: [{ by: 'distance', keep: 1 }],
    mergedValue: 'mean',
  };
  const start = (values: Float64Array, options: object, exit = false) => {
    const workerData = { root: packageRoot, values, exit, options: { ...method, ...options } };
    return new Worker(WORKER, { eval: true, workerData });
  };

  it('gives the same result as the main thread', async () => {
    const worker = start(few, { rows: 20, mergesPerRound: 7 });
    const result = await new Promise<object>((resolve, reject) => {
      worker.on('message', (message) => typeof message === 'object' && resolve(message));
      worker.on('error', reject);
    });
    await worker.terminate();
    const { rows: _, ...expected } = await agglomerate(few, ones(2000), {
      rows: 20,
      mergesPerRound: 7,
      filters: [{ by: 'distance', keep: 1 }],
      mergedValue: 'mean',
    });
    expect(result).toEqual(expected);
  });

  it('survives terminate() in mid-job, many times', async () => {
    for (let attempt = 0; attempt < 4; attempt++) {
      const worker = start(many, endless);
      await new Promise<void>((resolve, reject) => {
        worker.on('message', () => resolve()); // it is well under way
        worker.on('error', reject);
      });
      expect(await worker.terminate()).toBe(1);
    }
    expect((await agglomerate(few, ones(2000), { rows: 20 })).rows).toBe(20);
  });

  it('survives a worker that ends by itself with a job running', async () => {
    const worker = start(many, endless, true);
    const code = await new Promise((resolve, reject) => {
      worker.on('exit', resolve);
      worker.on('error', reject);
    });
    expect(code).toBe(3);
  });
});
