/** Equal-mass bins on a CUDA device against the CPU, bit for bit; skipped where there is no device. */
import { describe, expect, it } from 'vitest';
import { equalMassBins, learnMapping } from '../../lib/clustering/index.ts';
import type { Progress } from '../../lib/job.ts';
import { probeCuda } from '../../lib/native.ts';
import { generator, type Random } from '../embedding/random_case.ts';

const below = (random: Random, n: number) => Math.floor(random() * n);
const oneOf = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!;

function randomCase(random: Random) {
  const n = oneOf(random, [1, 2, 255, 256, 257, 1000, 5000]);
  const distinct = oneOf(random, [1, 5, 1e9]);
  const keys = Float64Array.from({ length: n }, () => (below(random, distinct) - distinct / 3) * 1.1);
  const most = oneOf(random, [1, 3, 1000, 2 ** 38]);
  // Few heavy ids in some cases: their bins are passed on to the ids behind them.
  const counts = Float64Array.from({ length: n }, () => (random() < 0.02 ? most * 50 : below(random, most)));
  const rows = oneOf(random, [1, 2, n, n + 3, 1 + below(random, n), 1 + below(random, Math.ceil(n / 20))]);
  return { keys, counts, rows, mass: oneOf(random, ['sqrt', 'cbrt', 'one'] as const) };
}

describe.skipIf(!probeCuda().available)('equal-mass bins on the device', () => {
  it.each(Array.from({ length: 24 }, (_, seed) => seed))('are those of the CPU, case %i', async (seed) => {
    const { keys, counts, rows, mass } = randomCase(generator(seed));
    const cpu = await equalMassBins(keys, counts, rows, { mass, device: 'cpu' });
    expect(await equalMassBins(keys, counts, rows, { mass, device: 'cuda' })).toEqual(cpu);
  });

  it('of more blocks than one thread each can scan, and of masses of billions', async () => {
    const random = generator(99);
    const n = 256 * 256 + 700;
    const keys = Float64Array.from({ length: n }, () => random() - 0.5);
    const counts = Float64Array.from({ length: n }, () => below(random, 2 ** 36));
    const cpu = await equalMassBins(keys, counts, 9000, { device: 'cpu' });
    expect(await equalMassBins(keys, counts, 9000, { device: 'cuda' })).toEqual(cpu);
  });

  it('of keys at the ends of float64, and of zeros of both signs', async () => {
    const keys = Float64Array.of(1.7e308, -0, 5e-324, 0, -1.7e308, -5e-324, 0, -0, 1.7e308);
    for (const rows of [2, 4, 9]) {
      const cpu = await equalMassBins(keys, new Uint32Array(9), rows);
      expect(await equalMassBins(keys, new Uint32Array(9), rows, { device: 'cuda' })).toEqual(cpu);
    }
  });

  it('report progress and check their input', async () => {
    const seen: number[] = [];
    const options = { device: 'cuda' as const, onProgress: ({ share }: Progress) => seen.push(share) };
    await equalMassBins(Float64Array.of(3, 1), Uint32Array.of(1, 1), 2, options);
    expect(seen.at(-1)).toBe(1);
    await expect(equalMassBins(Float64Array.of(3, Number.NaN), Uint32Array.of(1, 1), 2, options)).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/at index 1/) }),
    );
  });

  it('serve learnMapping', async () => {
    const random = generator(3);
    const rows = Float32Array.from({ length: 800 }, () => random());
    const counts = Uint32Array.from({ length: 800 }, () => below(random, 50));
    const learn = (device: 'cpu' | 'cuda') =>
      learnMapping({ rows, dim: 1, counts }, { rows: 60, method: 'equal-mass', device });
    const { hashes, statistics } = await learn('cpu');
    expect(await learn('cuda')).toEqual({ hashes, statistics: { ...statistics, device: 'cuda' } });
  });
});
