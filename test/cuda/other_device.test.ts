/**
 * An application that has made another device current: all work is on device 0 all the same, on the caller's thread and on
 * the threads of jobs. On the test device alone, which then begins every thread with device 1 and finds whatever touches
 * it; it reads that at the first look, so this file keeps to itself.
 */
import { describe, expect, it } from 'vitest';

process.env.TEST_DEVICE_COUNT = '2';
process.env.TEST_DEVICE_CURRENT = '1';
const { agglomerate, equalMassBins, kMeans, learnKdTree } = await import('../../lib/clustering/index.ts');
const { EmbeddingTables } = await import('../../lib/embedding/index.ts');
const { DenseNet, Recommender } = await import('../../lib/model/index.ts');
const { probeCuda } = await import('../../lib/native.ts');

const onTestDevice = process.env.LEARN_TO_COLLIDE_PREBUILD?.endsWith('build-cuda-test') === true;
const features = [{ name: 'movie', cardinality: 12, dim: 4 }];
const DEVICES = ['cpu', 'cuda'] as const;

describe.runIf(onTestDevice)('where another device is current', () => {
  it('device 0 is found', () => {
    expect(probeCuda()).toMatchObject({ available: true, launch: 'right' });
  });

  it('tables live on it', () => {
    const [wanted, found] = DEVICES.map((device) => {
      using tables = new EmbeddingTables({ features, seed: 1, device });
      const batch = { indices: [1, 2, 11, 2], offsets: [0, 3, 4] };
      const out = tables.forward(batch);
      tables.backward(out);
      tables.setWeights(
        'movie',
        tables.weights('movie').map((x) => x + 1),
      );
      return [
        out,
        tables.lookup(batch),
        tables.weights('movie'),
        tables.optimizerState('movie'),
        tables.counts('movie'),
      ];
    });
    expect(found).toEqual(wanted);
  });

  it('nets live on it', () => {
    const [wanted, found] = DEVICES.map((device) => {
      using net = new DenseNet({ vectors: 1, dim: 4, top: [3, 1], seed: 1, device });
      const embeddings = Float32Array.from({ length: 8 }, (_, i) => i / 8);
      const gradient = new Float32Array(8);
      const loss = net.step(new Float32Array(0), embeddings, Float32Array.of(0, 1), gradient);
      net.setParameters(net.parameters());
      net.setState(net.state());
      const logits = new Float32Array(2);
      net.predict(new Float32Array(0), embeddings, logits);
      return [loss, ...logits, ...gradient];
    });
    for (const [i, value] of found!.entries()) expect(value).toBeCloseTo(wanted![i]!, 5);
  });

  it('models step and predict on it', () => {
    const batch = {
      size: 2,
      indices: Uint32Array.of(1, 5),
      offsets: Uint32Array.of(0, 1, 2),
      dense: new Float32Array(0),
      labels: Float32Array.of(0, 1),
    };
    const [wanted, found] = DEVICES.map((device) => {
      using model = new Recommender({ features, dense: 0, dim: 4, topHidden: [3], seed: 1, device });
      const losses = [model.step(batch), model.step(batch)];
      const logits = new Float32Array(2);
      model.predict(batch, logits);
      return [...losses, ...logits];
    });
    for (const [i, value] of found!.entries()) expect(value).toBeCloseTo(wanted![i]!, 5);
  });

  it('jobs run on it', async () => {
    const keys = Float64Array.from({ length: 300 }, (_, id) => (id * 7) % 300);
    const points = Float32Array.from(keys);
    const counts = new Uint32Array(300).fill(1);
    const [wanted, found] = await Promise.all(
      DEVICES.map(async (device) => [
        await agglomerate(keys, counts, { rows: 10, device }),
        await equalMassBins(keys, counts, 10, { device }),
        await learnKdTree(points, 1, counts, 10, { device }),
        await kMeans(points, 1, counts, { rows: 10, device }),
      ]),
    );
    expect(found).toEqual(wanted);
  });
});
