// Outputs of lookups use memory again: only memory that nobody can see any more.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { EmbeddingTables } from '../../lib/index.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const DIM = 64;
const IDS = 100;
const tables = new EmbeddingTables({ features: [{ name: 'item', cardinality: IDS, dim: DIM }] });
const rows = Float32Array.from({ length: IDS * DIM }, (_, i) => Math.floor(i / DIM));
tables.setWeights('item', rows); // row r holds r everywhere
afterAll(() => tables.close());

/** An output of `bags` rows that are all of one id. */
const outputOf = (id: number, bags: number) =>
  tables.lookup({
    indices: new Uint32Array(bags).fill(id),
    offsets: Uint32Array.from({ length: bags + 1 }, (_, b) => b),
  });
const holds = (output: Float32Array, id: number) => output.length > 0 && output.every((value) => value === id);

test('what is kept of outputs stays as it is while others come, go and are given back', () => {
  const action = fc.record({
    bags: fc.constantFrom(1, 300, 2000, 9000), // 256 B, 77 kB, 512 kB, 2.3 MB
    keep: fc.constantFrom('output', 'view', 'buffer', 'nothing', 'given back'),
    collects: fc.integer({ min: 0, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(action, { minLength: 10, maxLength: 60 }), (actions) => {
      const kept: { id: number; seen: () => Float32Array }[] = [];
      for (const [n, { bags, keep, collects }] of actions.entries()) {
        const id = n % IDS;
        const output = outputOf(id, bags);
        if (!holds(output, id)) return false;
        if (keep === 'output') kept.push({ id, seen: () => output });
        if (keep === 'view') {
          const view = output.subarray(DIM >> 1, DIM);
          kept.push({ id, seen: () => view });
        }
        if (keep === 'buffer') {
          const { buffer, byteOffset } = output;
          kept.push({ id, seen: () => new Float32Array(buffer, byteOffset, DIM) });
        }
        if (keep === 'given back') tables.giveBack(output);
        if (collects === 0) collect();
      }
      return kept.every(({ id, seen }) => holds(seen(), id));
    }),
    { numRuns: 12 },
  );
});

test('a loop that keeps no output goes round in little memory', () => {
  for (let n = 0; n < 20; n++) outputOf(n, 40_000);
  const before = process.memoryUsage().rss;
  for (let n = 0; n < 200; n++) {
    if (!holds(outputOf(n % IDS, 40_000).subarray(0, DIM), n % IDS)) throw new Error(`output ${n} is wrong`);
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(400e6); // of 2 GB that were handed out
});

test('outputs that are all kept are all different memory', () => {
  const all = Array.from({ length: 40 }, (_, n) => outputOf(n, 9000));
  collect();
  expect(all.every((output, n) => holds(output, n))).toBe(true);
  expect(new Set(all.map(({ buffer }) => buffer)).size).toBe(40);
});

test('an output given back is empty, and so are its views; giving it back again changes nothing', () => {
  const output = outputOf(7, 2000);
  const view = output.subarray(0, DIM);
  tables.giveBack(output);
  expect([output.length, view.length]).toEqual([0, 0]);
  tables.giveBack(output);
  const small = outputOf(8, 1);
  tables.giveBack(small); // JavaScript's own: stays
  expect(holds(small, 8)).toBe(true);
  expect(() => tables.giveBack([1, 2] as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});

test('a new output is all zeros, whatever its memory held', () => {
  for (let n = 0; n < 5; n++) tables.giveBack(outputOf(9, 9000));
  expect(holds(tables.newOutput(9000), 0)).toBe(true);
});

test('a buffer that is cloned or moved keeps its values while its memory is used again', () => {
  const cloned = structuredClone(outputOf(11, 9000));
  const moved = ['transfer', 'transferToFixedLength'].map((way) => {
    const output = outputOf(12, 9000);
    const copy = (output.buffer as unknown as Record<string, () => ArrayBuffer>)[way]!();
    expect(output.length).toBe(0);
    return new Float32Array(copy, 0, 9000 * DIM);
  });
  const sent = outputOf(13, 9000);
  let received: Float32Array | undefined;
  try {
    received = structuredClone(sent, { transfer: [sent.buffer as ArrayBuffer] });
  } catch (error) {
    expect((error as Error).name).toBe('DataCloneError'); // newer versions of Node refuse, older ones copy
  }
  collect();
  for (let n = 0; n < 60; n++) outputOf(14, 9000);
  expect(holds(cloned, 11)).toBe(true);
  for (const copy of moved) expect(holds(copy, 12)).toBe(true);
  if (received !== undefined) expect(holds(received, 13)).toBe(true);
});
