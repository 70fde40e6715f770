/** The addon in worker_threads: several at once, ended in mid-work, and the main thread unharmed. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { EmbeddingTables } from '../../lib/embedding/index.ts';
import { DIST, fixture } from './dist.ts';

const start = (task: string, more: object = {}) =>
  new Worker(fixture('worker.mjs'), { workerData: { dist: DIST, task, ...more } });

/** The main thread's addon still works. */
function expectAlive() {
  using tables = new EmbeddingTables({ features: [{ name: 'f', cardinality: 3, dim: 2 }] });
  tables.setWeights('f', Float32Array.of(1, 2, 3, 4, 5, 6));
  expect([...tables.forward({ indices: [2, 0], offsets: [0, 2] })]).toEqual([6, 8]);
}

describe('worker_threads', () => {
  it('six at once train their own tables, with the same bits', async () => {
    const workers = Array.from({ length: 6 }, (_, i) => start('train', { close: i % 2 === 0 }));
    const weights = await Promise.all(
      workers.map(async (worker) => {
        const ended = once(worker, 'exit');
        const [message] = await once(worker, 'message');
        expect(await ended).toEqual([0]);
        return message as Float32Array;
      }),
    );
    expect(weights[0]!.length).toBe(3000 * 16);
    for (const other of weights) expect(Buffer.from(other.buffer).equals(Buffer.from(weights[0]!.buffer))).toBe(true);
    expectAlive();
  });

  for (const [task, what] of [
    ['forever', 'a loop of forward and backward'],
    ['cluster', 'a running clustering'],
  ]) {
    it(`terminate() ends ${what}`, async () => {
      for (let round = 0; round < 3; round++) {
        const worker = start(task!);
        await once(worker, 'message');
        await new Promise((resolve) => setTimeout(resolve, 20 * round)); // not always in the same place
        expect(await worker.terminate()).toBe(1); // the work is told to stop: its end would come after the test's limit
        expectAlive();
      }
    });
  }

  it('several are terminated while they share the pool of threads', async () => {
    const workers = Array.from({ length: 4 }, () => start('forever'));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    expect(await Promise.all(workers.map((worker) => worker.terminate()))).toEqual([1, 1, 1, 1]);
    expectAlive();
  });

  it('process.exit() inside a worker with a clustering under way', async () => {
    const worker = start('exit');
    expect(await once(worker, 'exit')).toEqual([3]);
    expectAlive();
  });
});
