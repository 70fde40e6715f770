import type { Comparison, ComparisonResult } from '../../lib/compare/results.ts';

/** A result with plain figures; anything of it may be given. */
export function result(given: Partial<ComparisonResult> = {}): ComparisonResult {
  return {
    method: 'modulo',
    size: 0.1,
    seed: 1,
    learningRate: 0.02,
    epochs: 2,
    auc: 0.73,
    logLoss: 0.46,
    normalizedEntropy: 0.9,
    rows: 1000,
    bytes: { rows: 64_000, mapping: 0, optimizer: 4000, total: 64_000 },
    seconds: { teacher: 0, cluster: 0, tune: 10, train: 4, evaluate: 1 },
    ...given,
  };
}

export function comparison(results: ComparisonResult[], given: Partial<Comparison> = {}): Comparison {
  return {
    version: '0.1.0',
    config: { compare: { minRows: 500 } },
    machine: { cpu: 'A Processor 3000', threads: 2 },
    data: {
      source: 'data/ratings.csv',
      label: 'rating >= 4',
      idOrder: 'frequency',
      features: [
        { name: 'movie', cardinality: 9066, compressed: true },
        { name: 'weekday', cardinality: 7, compressed: false },
      ],
      dense: ['ln(1 + age)'],
      splits: [
        { name: 'teacher', rows: 40_000, labelRate: 0.52 },
        { name: 'evaluation', rows: 10_000, labelRate: 0.48 },
      ],
    },
    notes: [],
    results,
    ...given,
  };
}

const QUALITY: Record<string, [number, number]> = {
  full: [0.75, 0.448],
  modulo: [0.73, 0.46],
  frequent: [0.731, 0.459],
  learned: [0.74, 0.453],
};

/** Full, modulo, frequent and learned at 5 % and 10 %, three seeds that move all methods alike. */
export function usualComparison(given: Partial<Comparison> = {}): Comparison {
  const results = [1, 2, 3].flatMap((seed) => {
    const moved = ([auc, logLoss]: [number, number]) => ({
      seed,
      auc: auc + 0.0001 * seed,
      logLoss: logLoss - 0.0001 * seed,
    });
    const full = { method: 'full', size: 1, bytes: { rows: 640_000, mapping: 0, optimizer: 40_000, total: 640_000 } };
    const compressed = [0.05, 0.1].flatMap((size) =>
      ['modulo', 'frequent', 'learned'].map((method) => {
        const rows = size * 640_000;
        const mapping = method === 'learned' ? 9066 : method === 'frequent' ? 1208 : 0;
        const bytes = { rows, mapping, optimizer: rows / 16, total: rows + mapping };
        return result({ method, size, bytes, ...moved(QUALITY[method]!) });
      }),
    );
    return [result({ ...full, ...moved(QUALITY.full!) }), ...compressed];
  });
  return comparison(results, given);
}
