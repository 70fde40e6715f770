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
    await failure('UNKNOWN_OPTION', () => syntheticDataset({ cardinality: [3] } as SyntheticOptions));
  });
});
