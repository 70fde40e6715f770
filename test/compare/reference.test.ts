import { describe, expect, it } from 'vitest';
import { compare } from '../../lib/compare/run.ts';

import { flipped, quality, tinyConfig, tinyData } from '../pipeline/tiny.ts';
import { compareByHand } from './reference.ts';

const methods: string[] = [
  ...(['full', 'modulo', 'mixed', 'frequent', 'equal-mass', 'learned'] as const),
  ...(['auto', 'kd-tree', 'exact', 'k-means', 'lsh'] as const),
];
const plain = { compare: { methods, sizes: [0.5, 0.3] } };
const crossed = {
  teacher: { crossFit: [false, true], dim: 3, learningRate: 0.1 },
  training: { outOfVocabularyShare: 0.1, batchSize: 50 },
  compare: {
    methods: ['modulo', 'auto', 'frequent'] as string[],
    unseen: 'out-of-vocabulary' as const,
    parts: [1, 4],
    minRows: 40, // the second table stays whole
    seeds: 3,
  },
};

describe('a comparison is what the same functions give, called by hand', () => {
  it.each([
    ['every method', plain, tinyData()],
    ['out-of-vocabulary rows, cross-fitted teachers and parts', crossed, tinyData()],
    ['clusters that do harm', plain, tinyData({ validation: flipped })],
  ])('%s', async (_, sections, data) => {
    const config = tinyConfig(sections);
    const { results } = await compare(config, data);
    const expected = await compareByHand(config, data);
    expect(results.map(quality).map(({ devices: _, ...rest }) => rest)).toEqual(expected);
  });
});
