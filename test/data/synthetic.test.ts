import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type SyntheticOptions, syntheticDataset } from '../../lib/data/synthetic.ts';
import { failure } from './files.ts';

const names = ['teacher', 'student', 'validation', 'evaluation'] as const;

describe('syntheticDataset', () => {
  test('has the splits, features and clusters it says', () => {
    const { data, clusters, probabilities } = syntheticDataset({
      rows: 10_000,
      cardinalities: [300, 5],
      clusters: 4,
      dense: 2,
    });
    expect(data.splits).toEqual(names);
    expect(names.map((name) => data.split(name).rows)).toEqual([4000, 3800, 200, 2000]);
    expect(data.dense).toEqual(['x0', 'x1']);
    expect(data.features[1]).toEqual({ name: 'f1', cardinality: 6, list: false, outOfVocabulary: 5 });
    for (const [f, info] of data.features.entries()) {
      expect(clusters[f]).toHaveLength(info.cardinality);
      expect(clusters[f]!.at(-1)).toBe(4);
      expect(Math.max(...clusters[f]!.subarray(0, -1))).toBeLessThan(4);
    }
    for (const name of names) expect(probabilities[name]).toHaveLength(data.split(name).rows);
    const counts = data.split('teacher').idCounts(0);
    expect(counts[0]).toBeGreaterThan(counts[100]!);
  });

  test('the labels are drawn from the probabilities, and those depend on clusters alone', () => {
    const { data, clusters, probabilities } = syntheticDataset({
      rows: 40_000,
      cardinalities: [200, 100],
      dense: 0,
      seed: 3,
    });
    const split = data.split('teacher');
    let surplus = 0;
    let variance = 0;
    let different = 0;
    const byClusters = new Map<string, number>();
    const columns = [split.ids(0).ids, split.ids(1).ids];
    for (let row = 0; row < split.rows; row++) {
      const p = probabilities.teacher[row]!;
      surplus += split.labels[row]! - p;
      variance += p * (1 - p);
      const key = columns.map((ids, f) => clusters[f]![ids[row]!]).join();
      if ((byClusters.get(key) ?? p) !== p) different += 1;
      byClusters.set(key, p);
    }
    expect(different).toBe(0);
    expect(Math.abs(surplus)).toBeLessThan(5 * Math.sqrt(variance));
    expect(byClusters.size).toBeGreaterThan(30);
    expect(Math.max(...byClusters.values()) - Math.min(...byClusters.values())).toBeGreaterThan(0.5);
  });

  test('new ids come in evaluation only, in the share asked for', () => {
    const { data } = syntheticDataset({ rows: 50_000, cardinalities: [50], newIdsShare: 0.3 });
    const evaluation = data.split('evaluation');
    expect(data.split('validation').unseen(0)).toBe(0);
    // 3000 expected of 10,000; five standard deviations.
    expect(Math.abs(evaluation.unseen(0) - 3000)).toBeLessThan(230);
    expect(evaluation.idCounts(0)[data.features[0]!.outOfVocabulary!]).toBe(evaluation.unseen(0));
  });

  /** Times that each id comes in the rows that make the vocabulary. */
  const vocabularyCounts = (options: SyntheticOptions, feature = 0): number[] => {
    const { data } = syntheticDataset(options);
    const student = data.split('student').idCounts(feature);
    const counts = Array.from(data.split('teacher').idCounts(feature), (count, id) => count + student[id]!);
    return counts.slice(0, data.features[feature]!.outOfVocabulary!);
  };

  test('as many ids come once as asked for, whether Zipf has more of them or fewer', () => {
    fc.assert(
      fc.property(
        fc.record({
          onceShare: fc.double({ min: 0, max: 0.7, noNaN: true }),
          zipf: fc.constantFrom(0.5, 1, 1.2),
          cardinality: fc.integer({ min: 50, max: 500 }),
          newIdsPerDay: fc.constantFrom(0, 0.05),
          seed: fc.nat(),
        }),
        ({ cardinality, ...options }) => {
          const counts = vocabularyCounts({ rows: 5000, cardinalities: [cardinality], ...options });
          const once = counts.filter((count) => count === 1).length;
          expect(counts.every((count) => count > 0)).toBe(true);
          // Within the rounding to whole ids.
          expect(Math.abs(once - options.onceShare * counts.length)).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 30 },
    );
    const zipf = vocabularyCounts({ rows: 10_000, cardinalities: [1000] });
    const share = zipf.filter((count) => count === 1).length / zipf.length;
    expect(share).toBeGreaterThan(0.01);
    expect(share).toBeLessThan(0.3);
  });

  test('where more ids come once in the vocabulary, the other rows have new ids at the same rate', () => {
    const { data } = syntheticDataset({ rows: 50_000, cardinalities: [50], onceShare: 0.9 });
    const once = data.features[0]!.cardinality - 51;
    const rate = once / (data.split('teacher').rows + data.split('student').rows);
    const { rows } = data.split('evaluation');
    expect(once).toBe(450);
    expect(Math.abs(data.split('evaluation').unseen(0) - rate * rows)).toBeLessThan(5 * Math.sqrt(rate * rows));
  });

  test('each day its share of ids is new', () => {
    const { data } = syntheticDataset({ rows: 20_000, cardinalities: [200], zipf: 0, days: 5, newIdsPerDay: 0.25 });
    const cardinality = data.features[0]!.cardinality - 1;
    // Days 2 to 4 replace 50 of 200 ids each: 150, standard deviation sqrt(3 * 200 * .25 * .75) = 10.6.
    expect(Math.abs(cardinality - 350)).toBeLessThan(5 * 10.6);
    // Evaluation is day 5: of it a quarter of the rows, standard deviation 3 % of them for the choice of ids.
    const evaluation = data.split('evaluation');
    expect(Math.abs(evaluation.unseen(0) / evaluation.rows - 0.25)).toBeLessThan(0.16);
    expect(data.split('validation').unseen(0)).toBeLessThan(0.1 * data.split('validation').rows);
    // A day later nobody is left when all are replaced.
    const all = syntheticDataset({ rows: 2000, cardinalities: [20], days: 5, newIdsPerDay: 1 }).data;
    expect(all.split('evaluation').unseen(0)).toBe(400);
  });

  test('effects drift from day to day, as much as asked for, and are those of the clusters within a day', () => {
    const days = 50;
    const options = { rows: 20_000, cardinalities: [200], clusters: 40, dense: 0, interaction: 0, days };
    /** [day][cluster]: the log-odds, where a row has it. */
    const effectsOf = (drift: number) => {
      const { data, clusters, probabilities } = syntheticDataset({ ...options, drift });
      const { ids } = data.split('teacher').ids(0);
      const found = Array.from({ length: days * 0.4 }, () => new Map<number, number>());
      let different = 0;
      for (const [row, p] of probabilities.teacher.entries()) {
        const [day, cluster] = [Math.floor((row * days) / options.rows), clusters[0]![ids[row]!]!];
        if ((found[day]!.get(cluster) ?? p) !== p) different += 1;
        found[day]!.set(cluster, p);
      }
      expect(different).toBe(0);
      return found.map((effects) => new Map([...effects].map(([cluster, p]) => [cluster, Math.log(p / (1 - p))])));
    };
    /** Of the log-odds of a day with those of the next. */
    const correlation = (effects: Map<number, number>[]) => {
      let [xy, xx, yy] = [0, 0, 0];
      for (const [day, next] of effects.slice(1).entries()) {
        for (const [cluster, y] of next) {
          const x = effects[day]!.get(cluster);
          if (x === undefined) continue;
          xy += x * y;
          xx += x * x;
          yy += y * y;
        }
      }
      return xy / Math.sqrt(xx * yy);
    };
    expect(correlation(effectsOf(0))).toBeCloseTo(1, 6);
    expect(Math.abs(correlation(effectsOf(0.6)) - 0.8)).toBeLessThan(0.1);
    expect(Math.abs(correlation(effectsOf(1)))).toBeLessThan(0.2);
  });

  test('the same seed gives the same bits, another seed others', () => {
    const content = (options: SyntheticOptions): unknown => {
      const { data, clusters } = syntheticDataset({ rows: 500, ...options });
      return [
        clusters,
        names.map((name) => [data.split(name).labels, data.split(name).dense, data.split(name).ids(0).ids]),
      ];
    };
    expect(content({ seed: 5 })).toEqual(content({ seed: 5 }));
    expect(content({ seed: 5 })).not.toEqual(content({ seed: 6 }));
    const hard = { onceShare: 0.3, newIdsPerDay: 0.1, newIdsShare: 0.1, drift: 0.2 };
    expect(content({ seed: 5, ...hard })).toEqual(content({ seed: 5, ...hard }));
    expect(content({ seed: 5, ...hard })).not.toEqual(content({ seed: 6, ...hard }));
    // Without them nothing has changed.
    expect(content({ seed: 5, days: 3 })).toEqual(content({ seed: 5 }));
  });

  test('texts are the ids before they were numbered: the hottest come first', () => {
    const { data } = syntheticDataset({ rows: 20_000, cardinalities: [1000], zipf: 1.5 });
    expect([0, 1, 2].map((id) => data.text(0, id))).toEqual(['0', '1', '2']);
    expect(data.text(0, data.features[0]!.outOfVocabulary!)).toBeNull();
  });

  test('bad options', async () => {
    await failure('INVALID_ARGUMENT', () => syntheticDataset({ rows: 10 }));
    await failure('INVALID_ARGUMENT', () => syntheticDataset({ cardinalities: [] }));
    await failure('INVALID_ARGUMENT', () => syntheticDataset({ cardinalities: [0] }));
    await failure('INVALID_ARGUMENT', () => syntheticDataset({ newIdsShare: 2 }));
    await failure('INVALID_ARGUMENT', () => syntheticDataset({ onceShare: 1 }));
    await failure('INVALID_ARGUMENT', () => syntheticDataset({ days: 0 }));
    await failure('INVALID_ARGUMENT', () => syntheticDataset({ newIdsPerDay: -0.1 }));
    await failure('INVALID_ARGUMENT', () => syntheticDataset({ drift: Number.NaN }));
    // 100 rows for nine ids that come once beside each that does not: too few; one row an id: all come once.
    await failure('INVALID_ARGUMENT', () =>
      syntheticDataset({ rows: 100, cardinalities: [30], zipf: 0, onceShare: 0.95 }),
    );
    await failure('INVALID_ARGUMENT', () =>
      syntheticDataset({ rows: 100, cardinalities: [1_000_000], zipf: 0, onceShare: 0.1 }),
    );
    await failure('UNKNOWN_OPTION', () => syntheticDataset({ drif: 1 } as SyntheticOptions));
    await failure('UNKNOWN_OPTION', () => syntheticDataset({ cardinality: [3] } as SyntheticOptions));
  });
});
