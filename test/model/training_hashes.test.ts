import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HashFunction, rowOf } from '../../lib/hashing/index.ts';
import { Recommender } from '../../lib/model/recommender.ts';

const CARDINALITY = 12;
const table = (rowAt: (id: number) => number): HashFunction => ({
  kind: 'table',
  rows: 3,
  entries: Uint8Array.from({ length: CARDINALITY }, (_, id) => rowAt(id)),
});
const others: HashFunction[] = [
  { kind: 'mixed', rows: 3, seed: 1 },
  { kind: 'mixed', rows: 5, seed: 2 },
];
const serving = table((id) => id % 3);
const folds = [table((id) => (id + 1) % 3), table((id) => (id + 2) % 3)];
const plain = { name: 'plain', cardinality: CARDINALITY };
const parts = { name: 'parts', cardinality: CARDINALITY, combine: 'concat' } as const;

const id = fc.nat(CARDINALITY - 1);
const bag = fc.array(id, { maxLength: 3 });
const examples = fc.array(fc.tuple(bag, bag), { minLength: 1, maxLength: 20 });
const steps = fc.array(fc.record({ bags: examples, fold: fc.nat(1) }), { minLength: 1, maxLength: 4 });

function batchOf(bags: readonly (readonly number[][])[]) {
  const all = [0, 1].flatMap((f) => bags.map((example) => example[f]!));
  const offsets = [0];
  for (const ids of all) offsets.push(offsets.at(-1)! + ids.length);
  return {
    size: bags.length,
    indices: Uint32Array.from(all.flat()),
    offsets: Uint32Array.from(offsets),
    dense: new Float32Array(0),
    labels: Float32Array.from(bags, (_, row) => row % 2),
  };
}

/** Whose parts are of the learned table `first` and two hashed ones. */
const build = (first: HashFunction, training?: readonly HashFunction[]) =>
  new Recommender({
    features: [
      plain,
      { ...parts, hashes: [first, ...others], trainingHashes: training?.map((hash) => [hash, ...others]) },
    ],
    dense: 0,
    dim: 6,
    countAccesses: false,
  });

const logits = (model: Recommender, batch: ReturnType<typeof batchOf>) => {
  const out = new Float32Array(batch.size);
  model.predict(batch, out);
  return out;
};

/** Rows, optimizer state and dense parameters. */
const state = (model: Recommender) => {
  const { tables, net } = model;
  const each = tables.features.flatMap(({ name, hashes }) => Array.from({ length: hashes }, (_, h) => ({ name, h })));
  return {
    rows: each.map(({ name, h }) => tables.weights(name, h)),
    optimizer: each.map(({ name, h }) => tables.optimizerState(name, h)),
    net: [net.parameters(), net.state()],
  };
};

describe('a Recommender with training hashes', () => {
  it('is the same model, and learns the same when all folds train as it serves', () => {
    fc.assert(
      fc.property(steps, (all) => {
        using whole = build(serving);
        using same = build(serving, [serving, serving]);
        for (const { bags, fold } of all) expect(same.step({ ...batchOf(bags), fold })).toBe(whole.step(batchOf(bags)));
        expect(same.tables.checkpoint()).toEqual(whole.tables.checkpoint());
        const batch = batchOf(all[0]!.bags);
        expect(logits(same, batch)).toEqual(logits(whole, batch));
      }),
      { numRuns: 50 },
    );
  });

  it('learns from a fold what a model served by the hash functions of the fold does', () => {
    fc.assert(
      fc.property(steps, (all) => {
        using model = build(serving, folds);
        using reference = build(serving);
        using first = build(folds[0]!);
        using second = build(folds[1]!);
        const take = (into: Recommender, { rows, optimizer, net }: ReturnType<typeof state>) => {
          let table = 0;
          for (const { name, hashes } of into.tables.features) {
            for (let h = 0; h < hashes; h++, table++) {
              into.tables.setWeights(name, rows[table]!, h);
              into.tables.setOptimizerState(name, optimizer[table]!, h);
            }
          }
          into.net.setParameters(net[0]!);
          into.net.setState(net[1]!);
        };
        for (const { bags, fold } of all) {
          const batch = batchOf(bags);
          const twin = fold === 0 ? first : second;
          take(twin, state(model));
          expect(model.step({ ...batch, fold })).toBe(twin.step(batch));
          expect(state(model)).toEqual(state(twin));
        }
        take(reference, state(model));
        const batch = batchOf(all[0]!.bags);
        expect(logits(model, batch)).toEqual(logits(reference, batch));
      }),
      { numRuns: 30 },
    );
  });

  it('trains the row of the fold in the first table, and those of the id in the others', () => {
    using model = build(serving, folds);
    const before = model.tables.checkpoint('rows');
    model.step({ ...batchOf([[[], [4]]]), fold: 1 });
    const after = model.tables.checkpoint('rows');
    const moved = (h: number) => {
      const [x, y] = [before, after].map((tensors) => tensors[`rows/parts/${h}`]!.data as Float32Array);
      const rows = Array.from(x!.keys()).filter((i) => x![i] !== y![i]);
      return [...new Set(rows.map((i) => Math.floor(i / 2)))];
    };
    expect([0, 1, 2].map(moved)).toEqual(
      [[folds[1]!, ...others].map((hash) => rowOf(hash, 4, CARDINALITY))].flat().map((row) => [row]),
    );
  });
});
