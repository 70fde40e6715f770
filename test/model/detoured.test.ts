import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HashFunction, rowOf } from '../../lib/hashing/index.ts';
import { DetouredFeatures } from '../../lib/model/detoured.ts';
import { Recommender } from '../../lib/model/recommender.ts';

const CARDINALITY = 12;
const hashes: HashFunction[] = [
  { kind: 'table', rows: 3, entries: Uint8Array.from({ length: CARDINALITY }, (_, id) => id % 3) },
  { kind: 'mixed', rows: 3, seed: 1 },
  { kind: 'mixed', rows: 5, seed: 2 },
];
const plain = { name: 'plain', cardinality: CARDINALITY };
const parts = { name: 'parts', cardinality: CARDINALITY, hashes, combine: 'concat' } as const;

const id = fc.nat(CARDINALITY - 1);
const bag = fc.array(fc.tuple(id, id), { maxLength: 3 }); // an id and what it is looked up as
const examples = fc.array(fc.tuple(bag, bag), { minLength: 1, maxLength: 20 });

function batchOf(bags: readonly (readonly (readonly [number, number])[][])[]) {
  const all = [0, 1].flatMap((f) => bags.map((example) => example[f]!));
  const offsets = [0];
  for (const ids of all) offsets.push(offsets.at(-1)! + ids.length);
  return {
    size: bags.length,
    indices: Uint32Array.from(all.flat(), ([own]) => own),
    detoured: Uint32Array.from(all.flat(), ([, other]) => other),
    offsets: Uint32Array.from(offsets),
    dense: new Float32Array(0),
    labels: Float32Array.from(bags, (_, row) => row % 2),
  };
}

describe('DetouredFeatures', () => {
  it('gives every bag the ids of its feature: the detoured ones to first hash functions', () => {
    fc.assert(
      fc.property(examples, (bags) => {
        const features = new DetouredFeatures([plain, { ...parts, detoured: true }], 6);
        expect(features.features.map(({ name, dim }) => [name, dim])).toEqual([
          ['plain', 6],
          ['parts/0', 2],
          ['parts', 4],
        ]);
        const { indices, offsets } = features.idsOf(batchOf(bags));
        expect(offsets).toHaveLength(3 * bags.length + 1);
        for (const [r, example] of bags.entries()) {
          for (const [s, ids] of [
            example[0]!.map(([, other]) => other),
            example[1]!.map(([, other]) => other),
            example[1]!.map(([own]) => own),
          ].entries()) {
            const [start, end] = offsets.subarray(s * bags.length + r, s * bags.length + r + 2);
            expect([...indices.subarray(start, end)]).toEqual(ids);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('copies nothing where no feature is held as two', () => {
    const batch = batchOf([[[[3, 4]], [[5, 6]]]]);
    const features = new DetouredFeatures([{ ...plain, detoured: true }, parts], 6);
    expect(features.idsOf(batch).indices).toBe(batch.detoured);
    expect(features.idsOf({ ...batch, detoured: undefined }).indices).toBe(batch.indices);
  });

  it('refuses parts that are not side by side', () => {
    for (const [combine, dim] of [
      ['sum', 6],
      ['concat', 7],
    ] as const) {
      expect(() => new DetouredFeatures([{ ...parts, combine, detoured: true }], dim)).toThrow(/divisible by 3/);
    }
  });
});

describe('a Recommender of detoured features', () => {
  const build = (detoured: boolean) =>
    new Recommender({ features: [plain, { ...parts, detoured }], dense: 0, dim: 6, countAccesses: false });

  it('is the same model, and learns the same when no id is detoured', () => {
    fc.assert(
      fc.property(fc.array(examples, { minLength: 1, maxLength: 4 }), (steps) => {
        using whole = build(false);
        using split = build(true);
        for (const bags of steps) {
          const { detoured: _, ...batch } = batchOf(bags);
          expect(split.step(batch)).toBe(whole.step(batch));
        }
        expect(split.tables.checkpoint()).toEqual(whole.tables.checkpoint());
        const { detoured: _, ...batch } = batchOf(steps[0]!);
        const [a, b] = [new Float32Array(batch.size), new Float32Array(batch.size)];
        whole.predict(batch, a);
        split.predict(batch, b);
        expect(b).toEqual(a);
      }),
      { numRuns: 50 },
    );
  });

  it('trains the rows of the detour in the first table, and those of the id itself in the others', () => {
    using model = build(true);
    const before = model.tables.checkpoint('rows');
    model.step(batchOf([[[], [[4, 8]]]]));
    const after = model.tables.checkpoint('rows');
    const moved = (h: number) => {
      const [x, y] = [before, after].map((tensors) => tensors[`rows/parts/${h}`]!.data as Float32Array);
      const rows = Array.from(x!.keys()).filter((i) => x![i] !== y![i]);
      return [...new Set(rows.map((i) => Math.floor(i / 2)))];
    };
    expect(moved(0)).toEqual([8 % 3]);
    expect([moved(1), moved(2)]).toEqual([[rowOf(hashes[1]!, 4, CARDINALITY)], [rowOf(hashes[2]!, 4, CARDINALITY)]]);
  });
});
