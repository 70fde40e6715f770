import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { datasetFromArrays } from '../../lib/data/index.ts';
import { heads, Recommender } from '../../lib/model/index.ts';
import { measureSensitivity } from '../../lib/training/sensitivity.ts';
import { quickGenerator } from '../clustering/reference.ts';
import { derivatives, lossOf } from '../model/head_reference.ts';

const IDS = [7, 30];
const DIM = 3;
const net = { dense: 2, bottomHidden: [5], topHidden: [6] };

function makeSplit(seed: number, rows: number) {
  const random = quickGenerator(seed);
  const below = (most: number) => Math.floor(random() * most);
  const offsets = Uint32Array.from({ length: rows + 1 }, (_, row) => row);
  for (let row = 0; row < rows; row++) offsets[row + 1] = offsets[row]! + below(4); // bags of 0 to 3
  const data = datasetFromArrays({
    features: [
      { name: 'one', cardinality: IDS[0]! },
      { name: 'bag', cardinality: IDS[1]!, list: true },
    ],
    dense: ['a', 'b'],
    splits: {
      probe: {
        labels: Float32Array.from({ length: rows }, () => below(2)),
        dense: Float32Array.from({ length: 2 * rows }, () => random() - 0.5),
        features: [
          { ids: Uint32Array.from({ length: rows }, () => below(IDS[0]!)) },
          { ids: Uint32Array.from({ length: offsets[rows]! }, () => below(IDS[1]!)), offsets },
        ],
      },
    },
  });
  return data.split('probe');
}

function makeModel(seed: number, head = 'dlrm'): Recommender {
  const features = [
    { name: 'one', cardinality: IDS[0]! },
    { name: 'bag', cardinality: IDS[1]! },
  ];
  const widths = head === 'dlrm' ? net : { dense: 2, topHidden: net.topHidden };
  const init = { kind: 'uniform', scale: 0.7 } as const;
  return new Recommender({ features, ...widths, head, dim: DIM, seed, threads: 1, init });
}

/** From the definition, in float64, one row at a time. */
function reference(model: Recommender, split: ReturnType<typeof makeSplit>): number[] {
  const shape = { dense: 2, vectors: 2, dim: DIM, head: [...model.net.head] };
  const parameters = Float64Array.from(model.net.parameters());
  const weights = ['one', 'bag'].map((name) => model.tables.weights(name));
  const squares = [0, 0];
  const accesses = [0, 0];
  for (let row = 0; row < split.rows; row++) {
    const ids = [0, 1].map((f) => {
      const { ids: all, offsets } = split.ids(f);
      return [...(offsets === null ? all.slice(row, row + 1) : all.slice(offsets[row], offsets[row + 1]))];
    });
    const pooled = ids.flatMap((bag, f) =>
      Array.from({ length: DIM }, (_, d) => bag.reduce((sum, id) => sum + weights[f]![id * DIM + d]!, 0)),
    );
    const dense = Float64Array.from(split.dense.slice(2 * row, 2 * row + 2));
    const labels = [split.labels[row]!];
    const embeddingGradient = derivatives((x) => lossOf(shape, parameters, { dense, embeddings: x, labels }), pooled);
    ids.forEach((bag, f) => {
      const own = embeddingGradient.slice(f * DIM, (f + 1) * DIM);
      squares[f]! += bag.length * own.reduce((sum, g) => sum + g * g, 0);
      accesses[f]! += bag.length;
    });
  }
  return squares.map((sum, f) => (accesses[f] === 0 ? 0 : sum / accesses[f]! / DIM));
}

describe('measureSensitivity', () => {
  it('is the mean squared gradient of an access, and leaves the model as it was', async () => {
    const head = fc.constantFrom(...heads.names);
    await fc.assert(
      fc.asyncProperty(fc.nat(1e6), fc.integer({ min: 1, max: 40 }), head, async (seed, rows, head) => {
        const split = makeSplit(seed, rows);
        using model = makeModel(seed + 1, head);
        const before = [model.net.parameters(), model.net.state(), model.tables.weights('bag')];
        const measured = await measureSensitivity(model, split);
        reference(model, split).forEach((expected, f) => {
          expect(Math.abs(measured[f]! - expected)).toBeLessThanOrEqual(1e-5 * expected + 1e-12);
        });
        expect([model.net.parameters(), model.net.state(), model.tables.weights('bag')]).toEqual(before);
      }),
      { numRuns: 50 },
    );
  });

  it('takes rows at even distances of a large split, and stops on its signal', async () => {
    // Only every second row of 131,072 has a bag: at even distances none other is looked at.
    const rows = 2 * 65_536;
    const data = datasetFromArrays({
      features: [{ name: 'bag', cardinality: 2, list: true }],
      splits: {
        probe: {
          labels: Float32Array.from({ length: rows }, (_, row) => (row % 3) % 2),
          features: [
            {
              ids: new Uint32Array(rows / 2),
              offsets: Uint32Array.from({ length: rows + 1 }, (_, row) => row >> 1), // of rows 1, 3, 5, ...
            },
          ],
        },
      },
    });
    using model = new Recommender({ features: [{ name: 'bag', cardinality: 2 }], dense: 0, dim: DIM });
    expect(await measureSensitivity(model, data.split('probe'))).toEqual([0]);
    const signal = AbortSignal.abort();
    await expect(measureSensitivity(model, data.split('probe'), { signal })).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
