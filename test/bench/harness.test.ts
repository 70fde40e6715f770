// bench/harness: the line protocol, the rounds, the peers' workload and the report. Nothing here measures time.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

const harness = (file: string) => fileURLToPath(new URL(`../../bench/harness/${file}`, import.meta.url));
const { Child } = await import(harness('child.mjs'));
const { interleave, median, ratio, seconds } = await import(harness('rounds.mjs'));
const { checksum, initialWeights, readWorkload } = await import(harness('peers/serve.mjs'));
const { fraction } = await import(harness('fractions.mjs'));
const { allRatios, markdown } = await import(harness('report.mjs'));
const { quickWorkloads, tableBytes, workloads } = await import(harness('workloads.mjs'));

const folder = mkdtempSync(join(tmpdir(), 'harness-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('statistics', () => {
  it('the median has as many values below as above', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 }), (values) => {
        const middle = median(values);
        const below = values.filter((x) => x < middle).length;
        const above = values.filter((x) => x > middle).length;
        expect(Math.max(below, above)).toBeLessThanOrEqual(values.length / 2);
      }),
    );
  });

  it('a ratio is paired within a round, per clock', () => {
    const times = {
      a: [
        { wall: 2, cpu: 4 },
        { wall: 30, cpu: 30 },
        { wall: 8, cpu: 2 },
      ],
      b: [
        { wall: 1, cpu: 1 },
        { wall: 10, cpu: 10 },
        { wall: 2, cpu: 4 },
      ],
    };
    expect(ratio(times, 'a', 'b')).toEqual({
      wall: { median: 3, least: 2, most: 4 },
      cpu: { median: 3, least: 0.5, most: 4 },
    });
    expect(ratio(times, ['a', 'b'], 'b').wall).toEqual({ median: 4, least: 3, most: 5 });
    expect(seconds(times, 'a')).toBe(8);
    expect(seconds(times, 'b', 'cpu')).toBe(4);
  });
});

describe('rounds', () => {
  it('run every case once a round, in rotated order, on batches in turn', async () => {
    const calls: [string, number, number][] = [];
    const child = {
      run: async (name: string, first: number, count: number) => {
        calls.push([name, first, count]);
        return { wall: name === 'slow' ? 1 : 0.01, cpu: 1 };
      },
    };
    const cases = ['slow', 'fast', 'other'].map((name) => ({ key: name, child, name }));
    const times = await interleave(cases, { rounds: 3, seconds: 0.03, batches: 4 });
    const warm = calls.splice(0, 3);
    expect(warm.map(([name]) => name)).toEqual(['slow', 'fast', 'other']);
    expect(calls.map(([name]) => name)).toEqual([
      ...['slow', 'fast', 'other'],
      ...['fast', 'other', 'slow'],
      ...['other', 'slow', 'fast'],
    ]);
    expect(calls.filter(([name]) => name === 'slow').map(([, ...batches]) => batches)).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
    ]);
    expect(calls.filter(([name]) => name === 'fast').map(([, ...batches]) => batches)).toEqual([
      [0, 3],
      [3, 3],
      [2, 3],
    ]);
    expect([...times.values()].map((rounds) => rounds.length)).toEqual([3, 3, 3]);
  });
});

describe('a measuring process', () => {
  const program = (body: string) => [
    process.execPath,
    '-e',
    `require('readline').createInterface({input: process.stdin}).on('line', (line) => { ${body} })`,
  ];

  it('answers line by line', async () => {
    const child = new Child(
      'echo',
      program("console.log(line.startsWith('run') ? 'time 0.5 1.5' : 'ready a b c=1 d=x=y')"),
    );
    expect(await child.setup({ tables: 3, file: '/x' })).toEqual({ cases: ['a', 'b'], notes: { c: '1', d: 'x=y' } });
    expect(await Promise.all([child.run('a', 0, 1), child.run('b', 0, 1)])).toEqual([
      { wall: 0.5, cpu: 1.5 },
      { wall: 0.5, cpu: 1.5 },
    ]);
    await child.close();
  });

  it('passes on the reason of a failure', async () => {
    const refuses = new Child('peer', program("console.log('error no such case')"));
    await expect(refuses.run('a', 0, 1)).rejects.toThrow('peer: no such case');
    await refuses.close();
    const ends = new Child('peer', program('process.exit(3)'));
    await expect(ends.ask('setup')).rejects.toThrow('peer: ended by exit 3');
    await expect(ends.ask('setup')).rejects.toThrow('peer has ended');
    await expect(new Child('peer', ['/no/such/program']).ask('setup')).rejects.toThrow('ENOENT');
  });
});

describe('peers', () => {
  const shape = { tables: 3, batch: 4, pooling: 2, width: 16, batches: 2 };
  const heights = [5, 1, 9];
  const perTable = shape.batch * shape.pooling;
  const ids = Array.from({ length: shape.batches }, (_, b) =>
    heights.flatMap((rows, t) => Array.from({ length: perTable }, (_, i) => (i * 3 + t + b) % rows)),
  );
  const file = join(folder, 'workload');
  writeFileSync(file, Uint32Array.from([...Object.values(shape), ...heights, ...ids.flat()]));

  // cases.cc's checksum and workload.h's initial weights, slowly.
  const weight = (table: number, index: number) =>
    Number(((BigInt(index) * 2654435761n + BigInt(table) * 40503n) % 2n ** 32n) >> 16n) / 65536 - 0.5;
  let expected = 0;
  for (let bag = 0; bag < shape.batch; bag++) {
    for (let column = 0; column < heights.length * shape.width; column++) {
      const table = Math.floor(column / shape.width);
      const start = table * perTable + bag * shape.pooling;
      const at = ids[0]!.slice(start, start + shape.pooling);
      const sum = at.reduce((total, row) => total + weight(table, row * shape.width + (column % shape.width)), 0);
      expected += sum * (1 + ((bag * heights.length * shape.width + column) % 13));
    }
  }

  it('read the workload', () => {
    const { ids: read, heights: rows, ...rest } = readWorkload(file);
    expect({ ...rest, heights: rows, ids: read.map((one: Uint32Array) => [...one]) }).toEqual({
      ...shape,
      heights,
      ids,
    });
  });

  it('start from the same weights', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer({ min: 1, max: 300 }), (table, rows) => {
        const values: Float32Array = initialWeights(table, rows, 16);
        expect([...values]).toEqual(Array.from(values, (_, i) => weight(table, i)));
      }),
    );
  });

  it.each(['javascript', 'addon'])('%s computes the lookup', async (name) => {
    const child = new Child(name, [process.execPath, harness(`peers/${name}.mjs`)]);
    const { cases, notes } = await child.setup({ file, threads: 2 });
    expect(Number(notes.checksum)).toBeCloseTo(expected, 4);
    for (const one of cases) {
      const { wall, cpu } = await child.run(one, 1, 3);
      expect(wall).toBeGreaterThan(0);
      expect(cpu).toBeGreaterThanOrEqual(0);
    }
    await expect(child.ask('run nothing 0 1')).rejects.toThrow(name);
    await child.close();
  });

  it('a checksum tells places apart', () => {
    expect(checksum(Float32Array.of(1, 2))).not.toBe(checksum(Float32Array.of(2, 1)));
  });
});

describe('report', () => {
  const rounds = (wall: number) => [1, 2, 3].map((round) => ({ wall: wall * round, cpu: 2 * wall * round }));
  const times = Object.fromEntries(
    ['identity', 'learned'].flatMap((kind) =>
      Object.entries({ gather: 3, lookup: 4, forward: 5, update: 6, backward: 12 }).map(([work, wall]) => [
        `engine ${work}.${kind}`,
        rounds(wall * 1e-3),
      ]),
    ),
  );
  const one = {
    ...workloads()[0],
    times: {
      ...times,
      'engine step.identity': rounds(0.1),
      'engine step.identity-counted': rounds(0.102),
      'engine stream.copy': rounds(0.02),
      'engine stream.read': rounds(0.01),
      'pytorch lookup': rounds(0.06),
    },
    notes: { engine: { 'stream.bytes': '1000000000' } },
    missing: ['tfjs cpu'],
    load: 0.5,
  };
  const scale = { ...workloads().at(-1), times, notes: {}, missing: [], load: 1 };
  const machine = {
    processor: 'Test',
    vectors: 'AVX2',
    memoryGiB: 1,
    hugePages: 'madvise',
    compiler: '12',
    node: 'v20',
  };
  const results = { machine, options: { threads: 2, rounds: 3 }, workloads: [one, scale] };

  it('a fraction is limit over work', () => {
    expect(fraction(one, 'lookup.identity').wall.median).toBeCloseTo(3 / 4);
    expect(fraction(one, 'backward.learned').cpu.median).toBeCloseTo(6 / 12);
  });

  it('shows fractions, targets, peers and scaling, and says what was not measured', () => {
    const text = markdown(results);
    expect(text).toContain('| target at width 64 | ≥ 0.92 | ≥ 0.80 |');
    expect(text).toContain('| 26 tables, width 64, batch 2,048 | **0.75** (0.75) |');
    expect(text).toContain('| pytorch lookup | ≥ 12 | **15.0** (15.0) |');
    expect(text).toContain('| pytorch lookup, over the gather limit |  | **20.0** (20.0) |');
    expect(text).toContain('3 rounds; load average 0.5 to 1 before');
    expect(text).toContain('| 25.0 % (25.0 %) | 2.0 % (2.0 %) |  |'); // keeping, counting, and none of learned tables
    expect(text).toContain('| 50,000,000 |');
    expect(text).toContain('Not installed, not measured: tfjs cpu.');
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
    expect(allRatios(results).every((x: number) => x > 0)).toBe(true);
  });

  it('names the workloads that other work disturbed', () => {
    const copying = (name: string, seconds: number[]) => {
      const copy = seconds.map((wall) => ({ wall, cpu: wall }));
      return { ...one, name, times: { ...one.times, 'engine stream.copy': copy } };
    };
    const [good, slow] = [copying('good one', [0.05, 0.02, 0.025]), copying('slow one', [0.04, 0.03, 0.05])];
    const text = markdown({ ...results, workloads: [good, slow] });
    expect(text).toContain('Disturbed by other work on the machine: slow one (stream copy at 50 % of its best).');
    expect(markdown({ ...results, workloads: [good] })).not.toContain('Disturbed');
  });

  it('workloads have names of their own and sizes that are known', () => {
    const all = [...workloads(), ...quickWorkloads()];
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length - 1); // the quick scaling point is the first's
    for (const { settings } of all) expect(tableBytes(settings)).toBeGreaterThan(0);
    expect(tableBytes({ tables: 2, width: 64, least: 100, most: 100, kinds: 'identity' })).toBe(2 * 100 * (65 * 4 + 4));
  });
});
