import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mix64, mixedHasher, mixedRow } from '../../lib/hashing/index.ts';

const LAST = 2n ** 63n - 1n;

describe('mix64', () => {
  it('matches the published vectors', () => {
    expect(mix64(0n)).toBe(0xe220a8397b1dcdafn);
    expect(mix64(1n)).toBe(0x910a2dec89025cc1n);
    expect(mix64(LAST)).toBe(0x2a67d7552e039ea7n);
  });

  it('stays in 64 bits and takes x modulo 2^64', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (x) => {
        expect(mix64(x)).toBeLessThan(2n ** 64n);
        expect(mix64(x + 2n ** 64n)).toBe(mix64(x));
      }),
    );
  });

  it('maps 100,000 numbers to as many', () => {
    expect(new Set(Array.from({ length: 100_000 }, (_, i) => mix64(BigInt(i)))).size).toBe(100_000);
  });
});

describe('h(x; seed, rows)', () => {
  const vectors: [bigint, bigint][] = [
    [0n, 721n],
    [1n, 239n],
    [2n, 275n],
    [12345n, 100n],
    [2n ** 32n, 975n],
    [LAST, 27n],
  ];

  it.each(vectors)('matches the vector h(%d; 7, 1000) = %d', (id, row) => {
    expect(mixedRow(id, 7n, 1000n)).toBe(row);
    if (id < 2n ** 53n) expect(mixedHasher(7n, 1000)(Number(id))).toBe(Number(row));
  });

  it('gives the same rows in 32-bit halves as in BigInt', () => {
    const id = fc.oneof(fc.maxSafeNat(), fc.nat(), fc.nat({ max: 100 }));
    const seed = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const rows = fc.oneof(
      fc.integer({ min: 1, max: 2 ** 32 }),
      fc.constantFrom(1, 2, 3, 65_535, 65_536, 65_537, 2 ** 31, 2 ** 32 - 1, 2 ** 32),
    );
    fc.assert(
      fc.property(id, seed, rows, (x, s, m) => {
        const row = mixedHasher(s, m)(x);
        expect(row).toBe(Number(mixedRow(BigInt(x), s, BigInt(m))));
        expect(row).toBeGreaterThanOrEqual(0);
        expect(row).toBeLessThan(m);
      }),
      { numRuns: 3000 },
    );
  });

  // Wilson and Hilferty's approximation of the quantile of chi-square with k degrees of freedom at normal quantile z.
  const quantile = (k: number, z: number) => k * (1 - 2 / (9 * k) + z * Math.sqrt(2 / (9 * k))) ** 3;

  it.each([
    { ids: 'counted up', stride: 1, seed: 1n, rows: 1000 },
    { ids: 'counted up', stride: 1, seed: 2n, rows: 1024 },
    { ids: 'multiples of 1024', stride: 1024, seed: 0n, rows: 1000 },
    { ids: 'multiples of 2^32', stride: 2 ** 32, seed: 99n, rows: 777 },
  ])('loads $rows rows like balls thrown at random: ids $ids, seed $seed', ({ stride, seed, rows }) => {
    const ids = 100_000;
    const row = mixedHasher(seed, rows);
    const load = new Float64Array(rows);
    for (let i = 0; i < ids; i++) load[row(i * stride)]! += 1;
    const mean = ids / rows;
    const statistic = load.reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0);
    // p = 1e-4 on either side: neither lumpy nor suspiciously even
    expect(statistic).toBeLessThan(quantile(rows - 1, 3.719));
    expect(statistic).toBeGreaterThan(quantile(rows - 1, -3.719));
  });

  it('gives independent rows under different seeds', () => {
    const rows = 32;
    const first = mixedHasher(1n, rows);
    const second = mixedHasher(2n, rows);
    const pairs = new Float64Array(rows * rows);
    for (let id = 0; id < 100_000; id++) pairs[first(id) * rows + second(id)]! += 1;
    const mean = 100_000 / pairs.length;
    const statistic = pairs.reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0);
    expect(statistic).toBeLessThan(quantile(pairs.length - 1, 3.719));
  });
});
