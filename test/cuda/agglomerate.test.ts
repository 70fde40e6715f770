/** Agglomeration on a CUDA device against the CPU, bit for bit; skipped where there is no device. */
import { describe, expect, it } from 'vitest';
import { type AgglomerateOptions, agglomerate, type Clustering, learnMapping } from '../../lib/clustering/index.ts';
import { probeCuda } from '../../lib/native.ts';
import { generator, type Random } from '../embedding/random_case.ts';

const below = (random: Random, n: number) => Math.floor(random() * n);
const oneOf = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!;
const FILTERS = ['frequency', 'distance', 'size'] as const;

/** Plain numbers and bytes, so that toEqual compares every bit, also of zeros. */
const bits = ({ assignment, values, counts, sizes, ...numbers }: Clustering) => ({
  ...numbers,
  arrays: [assignment, values, counts, sizes].map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength)),
});

function randomCase(random: Random) {
  const n = oneOf(random, [1, 2, 3, 30, 257, 1000, 2500]);
  const distinct = oneOf(random, [1, 5, 1e9]);
  const values = Float64Array.from({ length: n }, () => (below(random, distinct) - distinct / 3) * 1.1);
  const most = oneOf(random, [1, 3, 1000, 2 ** 40]);
  const counts = Float64Array.from({ length: n }, () => below(random, most));
  const filters = FILTERS.filter(() => random() < 0.6).map((by) => ({ by, keep: 0.5 + 2 * random() }));
  const options: AgglomerateOptions = {
    rows: 1 + below(random, Math.max(1, n / oneOf(random, [2, 10, 100]))),
    mergesPerRound: 1 + below(random, Math.ceil(n / oneOf(random, [2, 7, 20]))),
    mergedValue: oneOf(random, ['mean', 'count-weighted'] as const),
    ...(random() < 0.5 ? { maxClusterSize: 1 + below(random, 12) } : {}),
    ...(filters.length > 0 ? { filters: random() < 0.5 ? filters : filters.reverse() } : {}),
  };
  // Few rounds: a round is a dozen launches.
  options.mergesPerRound = Math.max(options.mergesPerRound!, Math.ceil((n - options.rows) / 12));
  return { values, counts, options };
}

describe.skipIf(!probeCuda().available)('agglomeration on the device', () => {
  it.each(Array.from({ length: 24 }, (_, seed) => seed))('has the bits of the CPU, case %i', async (seed) => {
    const { values, counts, options } = randomCase(generator(seed));
    const cpu = await agglomerate(values, counts, { ...options, device: 'cpu' });
    const cuda = await agglomerate(values, counts, { ...options, device: 'cuda' });
    expect(bits(cuda)).toEqual(bits(cpu));
  });

  it('of values at the ends of float64, and of zeros of both signs', async () => {
    const values = Float64Array.of(1.7e308, -0, 5e-324, 0, -1.7e308, -5e-324, 0, -0, 1.7e308);
    const counts = Uint32Array.of(1, 2, 0, 3, 1, 0, 7, 1, 1);
    for (const mergedValue of ['mean', 'count-weighted'] as const) {
      const options = { rows: 2, mergesPerRound: 2, mergedValue };
      const cpu = await agglomerate(values, counts, { ...options, device: 'cpu' });
      expect(bits(await agglomerate(values, counts, { ...options, device: 'cuda' }))).toEqual(bits(cpu));
    }
  });

  it('reports progress, stops when told to, and checks its input', async () => {
    const values = Float64Array.from({ length: 2000 }, (_, i) => (i * 7919) % 2000);
    const counts = new Uint32Array(2000).fill(1);
    const stop = new AbortController();
    const onProgress = () => stop.abort();
    const options = { rows: 1, mergesPerRound: 5, device: 'cuda' as const };
    await expect(agglomerate(values, counts, { ...options, signal: stop.signal, onProgress })).rejects.toThrow(
      expect.objectContaining({ code: 'ABORTED' }),
    );
    values[3] = Number.NaN;
    await expect(agglomerate(values, counts, options)).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/at index 3/) }),
    );
  });

  it('serves learnMapping', async () => {
    const random = generator(3);
    const rows = Float32Array.from({ length: 800 }, () => random());
    const counts = Uint32Array.from({ length: 800 }, () => below(random, 50));
    const learn = (device: 'cpu' | 'cuda') =>
      learnMapping({ rows, dim: 1, counts }, { rows: 60, method: 'agglomerative', mergesPerRound: 200, device });
    const { hashes, statistics } = await learn('cpu');
    expect(await learn('cuda')).toEqual({ hashes, statistics: { ...statistics, device: 'cuda' } });
  });
});
