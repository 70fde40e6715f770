/** Weighted k-means on a CUDA device against the CPU, bit for bit; skipped where there is no device. */
import { describe, expect, it } from 'vitest';
import { type KMeansClustering, kMeans, learnMapping } from '../../lib/clustering/index.ts';
import { probeCuda } from '../../lib/native.ts';
import { generator, type Random } from '../embedding/random_case.ts';

const below = (random: Random, n: number) => Math.floor(random() * n);
const oneOf = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!;

/** Plain numbers and bytes, so that toEqual compares every bit, also of zeros. */
const bits = ({ assignment, centroids, sizes, counts, ...numbers }: KMeansClustering) => ({
  ...numbers,
  arrays: [assignment, centroids, sizes, counts].map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength)),
});

function randomCase(random: Random) {
  const ids = oneOf(random, [1, 2, 3, 30, 257, 900]);
  const dim = 1 + below(random, 6);
  // Few distinct rows: distances tie, and clusters lose all their ids. Or a heavy tail.
  const distinct = oneOf(random, [1, 2, 4, 1e9]);
  const tail = random() < 0.3;
  const points = Float32Array.from({ length: ids * dim }, () =>
    tail ? (random() - 0.5) / (random() ** 2 + 0.001) : below(random, distinct) / 8 - 1,
  );
  const most = oneOf(random, [1, 3, 1000, 2 ** 36]);
  const counts = Float64Array.from({ length: ids }, () => below(random, most));
  const rows = oneOf(random, [1, 2, 9, ids, ids + 3, 1 + below(random, ids), 1 + below(random, Math.ceil(ids / 20))]);
  const clusters = Math.min(rows, ids);
  const start = Uint32Array.from({ length: ids }, (_, id) => (id < clusters ? id : below(random, clusters)));
  const options = {
    rows,
    weight: oneOf(random, ['count', 'sqrt', 'uniform'] as const),
    iterations: oneOf(random, [0, 1, 4, 8]),
    ...(random() < 0.3 ? { start } : {}),
  };
  return { points, dim, counts, options };
}

async function expectSame(...[points, dim, counts, options]: Parameters<typeof kMeans>) {
  const cpu = await kMeans(points, dim, counts, { ...options, device: 'cpu' });
  expect(bits(await kMeans(points, dim, counts, { ...options, device: 'cuda' }))).toEqual(bits(cpu));
  return cpu;
}

describe.skipIf(!probeCuda().available)('k-means on the device', () => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed))('has the bits of the CPU, case %i', async (seed) => {
    const { points, dim, counts, options } = randomCase(generator(seed));
    await expectSame(points, dim, counts, options);
  });

  it('of clusters longer than the pieces that are summed', async () => {
    const random = generator(7);
    const points = Float32Array.from({ length: 4000 * 2 }, () => random() - 0.5);
    const counts = Float64Array.from({ length: 4000 }, () => below(random, 2 ** 30));
    const { sizes } = await expectSame(points, 2, counts, { rows: 5, iterations: 2 });
    expect(Math.min(...sizes)).toBeGreaterThan(256);
  });

  it('where most ids are alike: one cluster takes them, the others are filled again', async () => {
    const points = Float32Array.from({ length: 700 * 2 }, (_, i) => (i < 1200 ? 0.25 : (i * 7919) % 101));
    const { sizes } = await expectSame(points, 2, new Uint32Array(700), { rows: 90, iterations: 6 });
    expect([Math.max(...sizes), sizes.includes(0)]).toEqual([600, false]);
  });

  it('until nothing moves, late rounds looking only where centroids moved', async () => {
    const random = generator(11);
    const points = Float32Array.from({ length: 500 * 2 }, () => random());
    const { moved, iterations } = await expectSame(points, 2, new Uint32Array(500), { rows: 60, iterations: 100 });
    expect([moved, iterations > 5]).toEqual([0, true]);
  });

  it('reports progress, stops when told to, and checks its input', async () => {
    const points = Float32Array.from({ length: 2000 }, (_, i) => (i * 7919) % 2003);
    const counts = new Uint32Array(1000);
    const stop = new AbortController();
    const seen: number[] = [];
    const onProgress = ({ iteration }: { iteration: number }) => {
      seen.push(iteration);
      stop.abort();
    };
    const options = { rows: 20, device: 'cuda' as const };
    await expect(kMeans(points, 2, counts, { ...options, signal: stop.signal, onProgress })).rejects.toThrow(
      expect.objectContaining({ code: 'ABORTED' }),
    );
    expect(seen).toEqual([1]);
    await expect(kMeans(points, 2, counts, { ...options, start: new Uint32Array(1000) })).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/none of its ids is in 1/) }),
    );
  });

  it('serves learnMapping', async () => {
    const random = generator(3);
    const rows = Float32Array.from({ length: 1600 }, () => random());
    const counts = Uint32Array.from({ length: 800 }, () => below(random, 50));
    const learn = (device: 'cpu' | 'cuda') =>
      learnMapping({ rows, dim: 2, counts }, { rows: 60, method: 'k-means', iterations: 3, device });
    const { hashes, statistics } = await learn('cpu');
    expect(await learn('cuda')).toEqual({ hashes, statistics: { ...statistics, device: 'cuda' } });
  });
});
