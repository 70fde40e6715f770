/** The balanced kd-tree on a CUDA device against the CPU, bit for bit; skipped where there is no device. */
import { describe, expect, it } from 'vitest';
import { learnKdTree, learnMapping } from '../../lib/clustering/index.ts';
import type { Progress } from '../../lib/job.ts';
import { probeCuda } from '../../lib/native.ts';
import { generator, type Random } from '../embedding/random_case.ts';

const below = (random: Random, n: number) => Math.floor(random() * n);
const oneOf = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!;

function randomCase(random: Random) {
  const ids = oneOf(random, [1, 2, 3, 7, 60, 256, 257, 1000, 3000]);
  const dim = 1 + below(random, 4);
  const distinct = oneOf(random, [1, 2, 30, 1e9]);
  const teacherRows = Float32Array.from({ length: ids * dim }, () => (below(random, distinct) - distinct / 3) * 1.1);
  // A few heavy ids, whose parts are cut as far as the ids on each side allow.
  const most = oneOf(random, [1, 3, 1000, 2 ** 36]);
  const counts = Float64Array.from({ length: ids }, () => (random() < 0.02 ? most * 500 : below(random, most)));
  const rows = oneOf(random, [1, 2, 3, ids, ids + 3, 1 + below(random, ids), 1 + below(random, Math.ceil(ids / 20))]);
  return { teacherRows, dim, counts, rows };
}

describe.skipIf(!probeCuda().available)('the kd-tree on the device', () => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed))('is that of the CPU, case %i', async (seed) => {
    const { teacherRows, dim, counts, rows } = randomCase(generator(seed));
    const rotate = seed % 3 === 0;
    const cpu = await learnKdTree(teacherRows, dim, counts, rows, { rotate, device: 'cpu' });
    expect(await learnKdTree(teacherRows, dim, counts, rows, { rotate, device: 'cuda' })).toEqual(cpu);
  });

  it('of parts longer than the blocks in which variances are summed', async () => {
    const random = generator(7);
    const ids = 2 * 32768 + 1001;
    const teacherRows = Float32Array.from({ length: ids * 2 }, () => random() - 0.5);
    const counts = Float64Array.from({ length: ids }, () => below(random, 2 ** 30));
    const cpu = await learnKdTree(teacherRows, 2, counts, 5);
    expect(await learnKdTree(teacherRows, 2, counts, 5, { device: 'cuda' })).toEqual(cpu);
  });

  it('of values at the ends of float32, and zeros of both signs', async () => {
    const values = Float32Array.of(3.4e38, -0, 1e-45, 0, -3.4e38, -1e-45, 0, -0, 3.4e38, 1, -0, 0);
    for (const rows of [2, 3, 6]) {
      const cpu = await learnKdTree(values, 2, new Uint32Array(6), rows);
      expect(await learnKdTree(values, 2, new Uint32Array(6), rows, { device: 'cuda' })).toEqual(cpu);
    }
  });

  it('reports progress, stops when told to, and checks its input', async () => {
    const teacherRows = Float32Array.from({ length: 2000 }, (_, i) => (i * 7919) % 2000);
    const counts = new Uint32Array(1000);
    const stop = new AbortController();
    const seen: number[] = [];
    const onProgress = ({ share }: Progress) => {
      seen.push(share);
      stop.abort();
    };
    const options = { device: 'cuda' as const };
    await expect(
      learnKdTree(teacherRows, 2, counts, 1000, { ...options, signal: stop.signal, onProgress }),
    ).rejects.toThrow(expect.objectContaining({ code: 'ABORTED' }));
    expect(seen[0]).toBeGreaterThan(0);
    expect(seen[0]).toBeLessThanOrEqual(1);
    teacherRows[3] = Number.NaN;
    await expect(learnKdTree(teacherRows, 2, counts, 10, options)).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/id 1, dimension 1/) }),
    );
  });

  it('serves learnMapping', async () => {
    const random = generator(3);
    const rows = Float32Array.from({ length: 1600 }, () => random());
    const counts = Uint32Array.from({ length: 800 }, () => below(random, 50));
    const learn = (device: 'cpu' | 'cuda') =>
      learnMapping({ rows, dim: 2, counts }, { rows: 60, method: 'kd-tree', hotShare: 0.2, device });
    const { hashes, statistics } = await learn('cpu');
    expect(await learn('cuda')).toEqual({ hashes, statistics: { ...statistics, device: 'cuda' } });
  });
});
