// The peer's side of the line protocol of main.cc, for peers in JavaScript, and the workload file they read.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** What `write FILE` of main.cc wrote. ids[batch]: Uint32Array [tables * batch * pooling], table by table. */
export function readWorkload(file) {
  const bytes = readFileSync(file);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const [tables, batch, pooling, width, batches] = words;
  const heights = [...words.subarray(5, 5 + tables)];
  const perBatch = tables * batch * pooling;
  const ids = Array.from({ length: batches }, (_, b) =>
    words.subarray(5 + tables + b * perBatch, 5 + tables + (b + 1) * perBatch),
  );
  return { tables, batch, pooling, width, batches, heights, ids };
}

/** The value of workload.h's initial_weight for every element of a table. */
export function initialWeights(table, rows, width) {
  const values = new Float32Array(rows * width);
  const start = Math.imul(table, 40503);
  for (let i = 0; i < values.length; i++) {
    values[i] = ((Math.imul(i, 2654435761) + start) >>> 16) / 65536 - 0.5;
  }
  return values;
}

/** A sum that shows a wrong or misplaced element, as cases.cc computes it. */
export function checksum(out) {
  let sum = 0;
  for (let i = 0; i < out.length; i++) sum += out[i] * (1 + (i % 13));
  return sum;
}

const now = () => ({ wall: performance.now() / 1e3, cpu: process.cpuUsage() });

/**
 * Answers setup and run until standard input ends. `setUp(settings)` gives { cases: { name: { before?, run } }, notes,
 * batches }; `before(batch)` is not timed, `run(batch)` is.
 */
export async function serve(setUp) {
  let ready;
  const answer = async (/** @type {string[]} */ [verb, ...words]) => {
    if (verb === 'setup') {
      ready = await setUp(Object.fromEntries(words.map((word) => word.split(/=(.*)/s))));
      const notes = Object.entries(ready.notes).map(([key, value]) => `${key}=${value}`);
      return ['ready', ...Object.keys(ready.cases), ...notes].join(' ');
    }
    const [name, first, count] = [words[0], Number(words[1]), Number(words[2])];
    const { before, run } = ready.cases[name];
    let wall = 0;
    let cpu = 0;
    for (let i = 0; i < count; i++) {
      const batch = (first + i) % ready.batches;
      await before?.(batch);
      const begin = now();
      await run(batch);
      const used = process.cpuUsage(begin.cpu);
      wall += performance.now() / 1e3 - begin.wall;
      cpu += (used.user + used.system) / 1e6;
    }
    return `time ${wall / count} ${cpu / count}`;
  };
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      console.log(await answer(line.split(' ')));
    } catch (error) {
      console.log(`error ${String(error instanceof Error ? error.message : error).split('\n')[0]}`);
    }
  }
}
