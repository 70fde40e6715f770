import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AgglomerateOptions,
  agglomerate,
  type FilterName,
  FREQUENCY_ABLATIONS,
} from '../../lib/clustering/learners/agglomerative.ts';
import { agglomerateReference, type By, generator, type ReferenceOptions } from './reference.ts';

const ones = (n: number) => new Uint32Array(n).fill(1);

describe('agglomerate: vectors', () => {
  const distanceOnly = {
    filters: [{ by: 'distance', keep: 1 }],
    mergedValue: 'mean',
  } satisfies Partial<AgglomerateOptions>;

  it('merges the nearest pair', async () => {
    const result = await agglomerate(Float64Array.of(0, 1, 3, 6, 10), ones(5), {
      rows: 4,
      mergesPerRound: 1,
      ...distanceOnly,
    });
    expect([...result.assignment]).toEqual([0, 0, 1, 2, 3]);
    expect([...result.values]).toEqual([0.5, 3, 6, 10]);
  });

  it('unifies neighbouring pairs into a chain', async () => {
    const result = await agglomerate(Float64Array.of(0, 1, 3, 6, 10, 15, 21), ones(7), {
      rows: 5,
      mergesPerRound: 100,
      ...distanceOnly,
    });
    expect([...result.assignment]).toEqual([0, 0, 0, 1, 2, 3, 4]);
    expect([...result.values]).toEqual([4 / 3, 6, 10, 15, 21]);
    expect(result.rounds).toBe(1);
  });

  const values = Float64Array.of(0.9, 0.1, 0.12, 0.5, 0.55, -0.4, 0.11, 0.52);
  const counts = Uint32Array.of(1, 40, 2, 1, 1, 7, 0, 300);

  it('applies all three filters', async () => {
    const result = await agglomerate(values, counts, { rows: 4, mergesPerRound: 2, maxClusterSize: 3 });
    expect([...result.assignment]).toEqual([3, 1, 1, 2, 3, 0, 1, 2]);
    [-0.4, 0.100952, 0.519934, 0.725].forEach((value, k) => {
      expect(result.values[k]).toBeCloseTo(value, 6);
    });
    expect([result.rounds, result.fallbackRounds, result.splitRounds]).toEqual([2, 0, 0]);
  });

  it('splits chains and falls back when no pair fits', async () => {
    const result = await agglomerate(values, counts, { rows: 3, mergesPerRound: 4, maxClusterSize: 2 });
    expect([...result.assignment]).toEqual([2, 1, 1, 1, 2, 0, 1, 1]);
    expect([...result.sizes]).toEqual([1, 5, 2]);
    [-0.4, 0.46863, 0.725].forEach((value, k) => {
      expect(result.values[k]).toBeCloseTo(value, 5);
    });
    expect([result.rounds, result.fallbackRounds, result.splitRounds]).toEqual([3, 1, 1]);
  });

  it('ends with a single cluster', async () => {
    const result = await agglomerate(values, counts, { rows: 1, mergesPerRound: 8, maxClusterSize: 3 });
    expect([...result.assignment]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect([result.rounds, result.fallbackRounds, result.splitRounds]).toEqual([2, 1, 1]);
  });
});

const subsets: FilterName[][] = [
  ['frequency'],
  ['distance'],
  ['size'],
  ['frequency', 'distance'],
  ['distance', 'frequency'],
  ['frequency', 'size'],
  ['size', 'frequency'],
  ['distance', 'size'],
  ['size', 'distance'],
  ['frequency', 'distance', 'size'],
  ['frequency', 'size', 'distance'],
  ['distance', 'frequency', 'size'],
  ['distance', 'size', 'frequency'],
  ['size', 'frequency', 'distance'],
  ['size', 'distance', 'frequency'],
];

interface Case {
  values: number[];
  counts: number[];
  options: ReferenceOptions;
}

/** Seeded cases over every subset and order of filters, sizes from one id up, with ties, zeros and heavy tails. */
function makeCase(seed: number): Case {
  const random = generator(seed);
  const below = (n: number) => Math.floor(random() * n);
  const n = seed % 11 === 0 ? 1 + below(3) : 1 + below(seed % 5 === 0 ? 400 : 60);
  const grid = [3, 40, 1e9][below(3)]!; // ties in values: many, some, none
  const values = Array.from({ length: n }, () => Math.fround((below(grid) / grid - 0.5) * 8));
  const style = below(5);
  const counts = Array.from({ length: n }, () => {
    if (style === 0) return 0;
    if (style === 1) return below(3);
    if (style === 4) return 120 + below(300); // around the sums from which codes hide ties
    if (style === 2) return Math.floor(1000 / (1 + below(n)) ** 1.05);
    return below(2 ** 40) * below(2);
  });
  const rows = [1, n, n + 5, 1 + below(n), 1 + below(n), Math.ceil(n / 3)][below(6)]!;
  const mergesPerRound = [1, 2, 3, 1 + below(n), n, 10 * n, Math.max(1, Math.ceil((n - rows) / 100))][below(7)]!;
  const average = Math.ceil(n / rows);
  const maxClusterSize = [1, average, 2, 2 * average, 4 * average, Number.POSITIVE_INFINITY][below(6)]!;
  const keeps = { frequency: 2, distance: 1.5, size: 1 };
  const filters = subsets[seed % subsets.length]!.map((by) => ({
    by: by as By,
    keep: below(2) === 0 ? keeps[by] : [0.3, 1, 1.7, 3, 50][below(5)]!,
  }));
  return {
    values,
    counts,
    options: { rows, mergesPerRound, maxClusterSize, filters, mergedValue: below(2) === 0 ? 'mean' : 'count-weighted' },
  };
}

describe('agglomerate: the slow reference, bit for bit', () => {
  const run = ({ values, counts, options }: Case) =>
    agglomerate(Float64Array.from(values), Float64Array.from(counts), options);

  it('agrees on 1,000 seeded cases', async () => {
    let fallbacks = 0;
    let splits = 0;
    for (let seed = 0; seed < 1000; seed++) {
      const given = makeCase(seed);
      const result = await run(given);
      expect(result, `case ${seed}`).toEqual(agglomerateReference(given.values, given.counts, given.options));
      fallbacks += result.fallbackRounds;
      splits += result.splitRounds;
    }
    expect(fallbacks).toBeGreaterThan(100); // the cases reach the rare branches
    expect(splits).toBeGreaterThan(50);
  });

  it('agrees on 18,000 ids with many ties', async () => {
    for (const [k, filters] of [subsets[9]!, subsets[0]!, subsets[13]!].entries()) {
      const random = generator(1000 + k);
      const n = 18_000;
      const given: Case = {
        values: Array.from({ length: n }, () => Math.fround(random() + random() + random())),
        counts: Array.from({ length: n }, () => Math.floor(3 / (0.01 + random() * 4))),
        options: {
          rows: 9000,
          mergesPerRound: k === 2 ? 6000 : 900,
          maxClusterSize: 9,
          filters: filters.map((by) => ({ by, keep: { frequency: 2, distance: 1.5, size: 1 }[by] })),
          mergedValue: 'count-weighted',
        },
      };
      expect(await run(given), `case ${k}`).toEqual(agglomerateReference(given.values, given.counts, given.options));
    }
  });

  it('agrees on 32,000 ids where every 8th pair is much nearer', async () => {
    const values = [0];
    for (let left = 0; left <= 8 * 4095; left++) values.push(values[left]! + (left % 8 === 0 ? 1 : 3 + (left % 5)));
    const given: Case = {
      values,
      counts: values.map(() => 1),
      options: {
        rows: values.length - 15_000,
        mergesPerRound: 10_000,
        maxClusterSize: Number.POSITIVE_INFINITY,
        filters: [{ by: 'distance', keep: 1 }],
        mergedValue: 'mean',
      },
    };
    expect(await run(given)).toEqual(agglomerateReference(given.values, given.counts, given.options));
  });

  it('takes float32 values and uint32 counts as the same numbers', async () => {
    const random = generator(2);
    const values = Array.from({ length: 50 }, () => Math.fround(random()));
    const counts = Array.from({ length: 50 }, () => Math.floor(random() * 2 ** 32));
    const options = { rows: 3, mergesPerRound: 2 };
    const doubles = await agglomerate(Float64Array.from(values), Float64Array.from(counts), options);
    expect(await agglomerate(Float32Array.from(values), Uint32Array.from(counts), options)).toEqual(doubles);
  });

  it('has the documented defaults', async () => {
    const random = generator(77);
    const values = Array.from({ length: 1000 }, random);
    const counts = Array.from({ length: 1000 }, () => Math.floor(random() * 9));
    const expected = agglomerateReference(values, counts, {
      rows: 90,
      mergesPerRound: 10, // ceil(910 / 100)
      maxClusterSize: Number.POSITIVE_INFINITY,
      filters: [
        { by: 'frequency', keep: 2 },
        { by: 'distance', keep: 1.5 },
        { by: 'size', keep: 1 },
      ],
      mergedValue: 'count-weighted',
    });
    expect(await agglomerate(Float64Array.from(values), Float64Array.from(counts), { rows: 90 })).toEqual(expected);
  });
});

describe('agglomerate: properties', () => {
  const input = fc
    .record({
      values: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 80 }),
      seed: fc.nat(),
      rows: fc.integer({ min: 1, max: 90 }),
      mergesPerRound: fc.integer({ min: 1, max: 90 }),
      maxClusterSize: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(Number.POSITIVE_INFINITY)),
      mergedValue: fc.constantFrom('mean' as const, 'count-weighted' as const),
      filters: fc.constantFrom(...subsets).map((names) => names.map((by) => ({ by }))),
    })
    .map(({ values, seed, ...options }) => {
      const random = generator(seed);
      return { values, counts: values.map(() => Math.floor(random() * 5) ** 4), options };
    });

  it('gives exactly the target rows, keeps ids and counts, and labels ascend with value', async () => {
    await fc.assert(
      fc.asyncProperty(input, async ({ values, counts, options }) => {
        const n = values.length;
        const result = await agglomerate(Float64Array.from(values), Float64Array.from(counts), options);
        const rows = Math.min(options.rows, n);
        expect([result.rows, result.values.length, result.sizes.length, result.counts.length]).toEqual(
          Array(4).fill(rows),
        );
        const sizes = new Uint32Array(rows);
        const sums = new Float64Array(rows);
        result.assignment.forEach((label, id) => {
          sizes[label]!++;
          sums[label]! += counts[id]!;
        });
        expect(result.sizes).toEqual(sizes);
        expect(result.counts).toEqual(sums);
        expect(
          result.values.every((value, k) => Number.isFinite(value) && (k === 0 || value >= result.values[k - 1]!)),
        ).toBe(true);
        // Clusters are contiguous in the order of (value, id).
        const order = values.map((_, id) => id).sort((a, b) => values[a]! - values[b]! || a - b);
        expect(order.every((id, k) => k === 0 || result.assignment[id]! - result.assignment[order[k - 1]!]! <= 1)).toBe(
          true,
        );
        expect(result.assignment[order[0]!]).toBe(0);
        expect(result.assignment[order.at(-1)!]).toBe(rows - 1);
        if (result.fallbackRounds === 0 && options.filters.some(({ by }) => by === 'size')) {
          expect(Math.max(...result.sizes)).toBeLessThanOrEqual(options.maxClusterSize);
        }
        expect(result.rounds).toBeLessThanOrEqual(n - rows);
      }),
      { numRuns: 1000 },
    );
  });

  it('without ties a permutation of the ids only permutes the labels', async () => {
    await fc.assert(
      fc.asyncProperty(input, fc.nat(), async ({ values: raw, counts, options }, seed) => {
        const values = [...new Set(raw.map((value) => value + 0))];
        const random = generator(seed);
        const permutation = values.map((_, i) => i).sort((a, b) => a - b);
        for (let i = permutation.length - 1; i > 0; i--) {
          const j = Math.floor(random() * (i + 1));
          [permutation[i], permutation[j]] = [permutation[j]!, permutation[i]!];
        }
        const straight = await agglomerate(
          Float64Array.from(values),
          Float64Array.from(values, (_, i) => counts[i]!),
          options,
        );
        const permuted = await agglomerate(
          Float64Array.from(permutation, (i) => values[i]!),
          Float64Array.from(permutation, (i) => counts[i]!),
          options,
        );
        expect({ ...permuted, assignment: null }).toEqual({ ...straight, assignment: null });
        expect([...permuted.assignment]).toEqual(permutation.map((i) => straight.assignment[i]!));
      }),
      { numRuns: 150 },
    );
  });
});

describe('agglomerate: frequency ablations', () => {
  // Of four values, rare and near ones side by side: the frequency filter keeps the rarest pair from the nearest one.
  const values = Float64Array.of(0, 1, 3, 6);
  const counts = Uint32Array.of(100, 300, 1, 3);
  const knobs = { rows: 3, mergesPerRound: 1 };

  it.each([
    ['none', [0, 0, 1, 2], [0.5, 3, 6]],
    ['weighting', [0, 0, 1, 2], [0.75, 3, 6]],
    ['filter', [0, 1, 2, 2], [0, 1, 4.5]],
    ['weighting-and-filter', [0, 1, 2, 2], [0, 1, 5.25]],
  ] as const)('%s', async (name, assignment, merged) => {
    const filters = FREQUENCY_ABLATIONS[name].filters.map((filter) =>
      filter.by === 'size' ? filter : { ...filter, keep: 1 },
    );
    const result = await agglomerate(values, counts, { ...knobs, ...FREQUENCY_ABLATIONS[name], filters });
    expect([...result.assignment]).toEqual(assignment);
    expect([...result.values]).toEqual(merged);
  });

  it('with counts for both is the default', async () => {
    const random = generator(5);
    const many = Float64Array.from({ length: 300 }, random);
    const seen = Uint32Array.from({ length: 300 }, () => 20 * random() ** 3);
    const options = { rows: 40, maxClusterSize: 20 };
    expect(await agglomerate(many, seen, { ...options, ...FREQUENCY_ABLATIONS['weighting-and-filter'] })).toEqual(
      await agglomerate(many, seen, options),
    );
  });
});

describe('agglomerate: extreme input', () => {
  it('treats -0 and 0 as equal values', async () => {
    const result = await agglomerate(Float64Array.of(0, -0, 0, -0), ones(4), { rows: 4 });
    expect([...result.assignment]).toEqual([0, 1, 2, 3]);
  });

  it('keeps order and finite values where sums overflow', async () => {
    const values = Float64Array.of(-1.7e308, -1.7e308, 1.7e308, 1.7e308, 1.7e308, 5e-324, -5e-324);
    for (const mergedValue of ['mean', 'count-weighted'] as const) {
      for (const rows of [1, 2, 3]) {
        const result = await agglomerate(values, Uint32Array.of(5, 6, 7, 0, 9, 0, 1), { rows, mergedValue });
        expect(result.values.every(Number.isFinite)).toBe(true);
        expect([...result.values]).toEqual([...result.values].sort((a, b) => a - b));
      }
    }
  });

  it('sums squares of counts up to the limit exactly', async () => {
    // The squares differ beyond what float64 can tell: a count near 2^53 beside small ones.
    const given: Case = {
      values: [0, 1, 2, 3, 4, 5],
      counts: [2 ** 53 - 1000, 3, 5, 7, 11, 13],
      options: {
        rows: 2,
        mergesPerRound: 1,
        maxClusterSize: 3,
        filters: [{ by: 'frequency', keep: 1 }],
        mergedValue: 'mean',
      },
    };
    expect(await agglomerate(Float64Array.from(given.values), Float64Array.from(given.counts), given.options)).toEqual(
      agglomerateReference(given.values, given.counts, given.options),
    );
  });
});
