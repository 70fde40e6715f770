/**
 * Training steps that stay on the CUDA device against the same steps taken apart (tables.forward, net.step,
 * tables.backward, each with host arrays on the same device): bit for bit; skipped where there is no device. The test
 * device does the work of streams as late as it may, so a wait that is missing shows in the bits.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../lib/data/index.ts';
import { rowCount } from '../../lib/hashing/index.ts';
import { type ModelBatch, Recommender, type RecommenderOptions } from '../../lib/model/index.ts';
import { probeCuda } from '../../lib/native.ts';
import { trainEpoch } from '../../lib/training/train.ts';
import { node } from '../addon/dist.ts';
import {
  ALL_KINDS,
  generator,
  optimizers,
  type Random,
  randomBatch,
  randomHash,
  uniform,
} from '../embedding/random_case.ts';
import type { ReferenceFeature } from '../embedding/reference.ts';

const { available, reason } = probeCuda();

interface Case {
  options: RecommenderOptions;
  features: ReferenceFeature[];
}

const bytes = (values: Float32Array | Uint32Array) => Buffer.from(values.slice().buffer);

/** All that training changes, by name, as bytes. */
function contents({ tables, net }: Recommender): Record<string, Buffer> {
  const left: Record<string, Buffer> = {};
  for (const [name, { data }] of Object.entries(tables.checkpoint())) {
    left[name] = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  }
  return { ...left, net: bytes(net.parameters()), 'state of the net': bytes(net.state()) };
}

/** The names of what differs: a matcher would print megabytes. */
function different(a: Record<string, Buffer>, b: Record<string, Buffer>): string[] {
  expect(Object.keys(a)).toEqual(Object.keys(b));
  return Object.keys(a).filter((name) => !a[name]!.equals(b[name]!));
}

function stepApart({ tables, net }: Recommender, batch: ModelBatch): number {
  const { indices, offsets, fold } = batch;
  const pooled = tables.forward({ indices, offsets, fold });
  const gradient = new Float32Array(pooled.length);
  const loss = net.step(batch.dense, pooled, batch.labels, gradient);
  tables.backward(gradient);
  return loss;
}

function predictApart({ tables, net }: Recommender, batch: ModelBatch): Float32Array {
  const logits = new Float32Array(batch.size);
  net.predict(batch.dense, tables.lookup({ indices: batch.indices, offsets: batch.offsets }), logits);
  return logits;
}

function predict(model: Recommender, batch: ModelBatch): Float32Array {
  const logits = new Float32Array(batch.size);
  model.predict(batch, logits);
  return logits;
}

function modelBatch({ features, options }: Case, size: number, longest: number, random: Random): ModelBatch {
  const { indices, offsets } = randomBatch(features, { size, longest, weighted: false }, random);
  return {
    size,
    indices: Uint32Array.from(indices),
    offsets: Uint32Array.from(offsets),
    dense: uniform(random, size * options.dense),
    labels: Float32Array.from({ length: size }, () => (random() < 0.3 ? 1 : 0)),
  };
}

/** Starts every step before the loss of the last one is asked for. */
function trainAhead(model: Recommender, batches: ModelBatch[]): number[] {
  const losses: number[] = [];
  let last: (() => number) | undefined;
  for (const batch of batches) {
    const next = model.start(batch);
    if (last !== undefined) losses.push(last());
    last = next;
  }
  if (last !== undefined) losses.push(last());
  return losses;
}

const KINDS = ['identity', 'modulo', 'mixed', 'quotient', 'table', 'hot'] as const;

const modelCases = fc
  .record({
    width: fc.constantFrom(1, 2, 3, 6, 8, 32),
    hashes: fc.integer({ min: 1, max: 3 }),
    vectors: fc.integer({ min: 1, max: 4 }),
    dense: fc.constantFrom(0, 1, 5),
    topHidden: fc.constantFrom<number[]>([], [7], [16, 5]),
    embeddingOptimizer: optimizers(...ALL_KINDS),
    denseOptimizer: fc.constantFrom('sgd' as const, 'adagrad' as const, 'lamb' as const),
    countAccesses: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ width, hashes, vectors, denseOptimizer, ...rest }): Case & { seed: number } => {
    const random = generator(rest.seed);
    const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    const features = Array.from({ length: vectors }, (_, f): ReferenceFeature => {
      const cardinality = oneOf([1, 9, 60]);
      return {
        name: `f${f}`,
        cardinality,
        dim: width * hashes,
        pooling: oneOf(['sum', 'mean']),
        sequenceLength: 1,
        combine: oneOf(['sum', 'concat', 'multiply']),
        hashes: Array.from({ length: hashes }, () => randomHash(oneOf(KINDS), cardinality, oneOf([1, 5, 20]), random)),
      };
    });
    // Of some features, none, one for all folds or one for each of two.
    const training = ({ cardinality, hashes }: ReferenceFeature) =>
      Array.from({ length: oneOf([0, 1, 2]) }, () =>
        hashes.map((hash) =>
          randomHash(oneOf(['modulo', 'mixed', 'table']), cardinality, rowCount(hash, cardinality), random),
        ),
      );
    const options: RecommenderOptions = {
      ...rest,
      features: features.map((feature) => {
        const { name, cardinality, pooling, combine, hashes } = feature;
        const trainingHashes = training(feature);
        return {
          ...{ name, cardinality, pooling, combine, hashes },
          ...(trainingHashes.length > 0 ? { trainingHashes } : {}),
        };
      }),
      dim: width * hashes,
      bottomHidden: [6],
      denseOptimizer: { kind: denseOptimizer },
      device: 'cuda',
    };
    return { options, features, seed: rest.seed };
  });

const FEATURES: ReferenceFeature[] = [
  { name: 'user', cardinality: 50, hashes: [{ kind: 'modulo' as const, rows: 9 }] },
  { name: 'movie', cardinality: 20, hashes: [{ kind: 'identity' as const }] },
].map((feature) => ({ ...feature, dim: 4, pooling: 'mean', sequenceLength: 1, combine: 'sum' }));

const SMALL: Case = {
  features: FEATURES,
  options: {
    features: FEATURES.map(({ name, cardinality, hashes, pooling }) => ({ name, cardinality, hashes, pooling })),
    dense: 3,
    dim: 4,
    topHidden: [8],
    bottomHidden: [8],
    embeddingOptimizer: { kind: 'adam' },
    device: 'cuda',
  },
};

const small = () => new Recommender(SMALL.options);
const smallBatches = (count: number, seed: number, size = 30) => {
  const random = generator(seed);
  return Array.from({ length: count }, () => modelBatch(SMALL, size, 3, random));
};
const code = (wanted: string) => expect.objectContaining({ code: wanted });

describe.skipIf(!available)('steps that stay on the device', () => {
  it('have the bits of the parts: random models, batches that shrink and grow, empty bags', () => {
    let steps = 0;
    fc.assert(
      fc.property(modelCases, (c) => {
        using together = new Recommender(c.options);
        using apart = new Recommender(c.options);
        const random = generator(c.seed + 1);
        const batches = [20, 70, 1, 40].map((size) => ({
          ...modelBatch(c, size, 1 + Math.floor(random() * 5), random),
          fold: Math.floor(random() * together.folds),
        }));
        const losses = trainAhead(together, batches);
        expect(losses).toEqual(batches.map((batch) => stepApart(apart, batch)));
        expect(different(contents(together), contents(apart))).toEqual([]);
        expect(together.tables.steps).toBe(batches.length);
        const logits = predict(together, batches[1]!);
        expect(bytes(logits).equals(bytes(predictApart(apart, batches[1]!)))).toBe(true);
        steps += losses.length;
      }),
      { numRuns: 12 },
    );
    expect(steps).toBeGreaterThanOrEqual(48);
  });

  it('have them where a row is hit more than 4,096 times', () => {
    using together = small();
    using apart = small();
    const batch = modelBatch(SMALL, 2100, 4, () => 0.5);
    expect(batch.indices.length).toBeGreaterThan(2 * 4096);
    expect(together.step(batch)).toBe(stepApart(apart, batch));
    expect(different(contents(together), contents(apart))).toEqual([]);
  });

  it('give the arrays back at once, and losses in any order, as often as asked', () => {
    using together = small();
    using apart = small();
    const batches = smallBatches(5, 1);
    const losses = batches.map((batch) => {
      const own = Object.fromEntries(
        Object.entries(batch).map(([name, value]) => [name, typeof value === 'number' ? value : value.slice()]),
      ) as unknown as ModelBatch;
      const loss = together.start(own);
      for (const array of [own.indices, own.offsets, own.dense, own.labels]) array.fill(77);
      return loss;
    });
    const wanted = batches.map((batch) => stepApart(apart, batch));
    for (const k of [4, 1, 0, 3, 2, 1]) expect(losses[k]!()).toBe(wanted[k]);
    expect(different(contents(together), contents(apart))).toEqual([]);
  });

  it('mix with calls of the parts', () => {
    using together = small();
    using apart = small();
    const [first, second, third] = smallBatches(3, 2) as [ModelBatch, ModelBatch, ModelBatch];
    const weights = uniform(generator(5), second.indices.length);
    const learn = ({ tables, net }: Recommender) => {
      const pooled = tables.forward({ indices: second.indices, offsets: second.offsets, weights });
      const gradient = new Float32Array(pooled.length);
      const ofWeights = new Float32Array(weights.length);
      net.step(second.dense, pooled, second.labels, gradient);
      tables.backward(gradient, ofWeights);
      return bytes(ofWeights);
    };
    const loss = together.start(first);
    const ofWeights = learn(together);
    const losses = [loss(), together.step(third)];
    expect(stepApart(apart, first)).toBe(losses[0]);
    expect(learn(apart).equals(ofWeights)).toBe(true);
    expect(stepApart(apart, third)).toBe(losses[1]);
    expect(different(contents(together), contents(apart))).toEqual([]);

    together.tables.forward({ indices: first.indices, offsets: first.offsets });
    together.step(first);
    expect(() => together.tables.backward(new Float32Array(first.size * 8))).toThrow(code('NO_FORWARD'));
  });

  it('go on from a checkpoint, and with another learning rate', () => {
    using whole = small();
    const batches = smallBatches(6, 3);
    trainAhead(whole, batches.slice(0, 3));
    using resumed = small();
    resumed.tables.restore(whole.tables.checkpoint());
    resumed.net.setParameters(whole.net.parameters());
    resumed.net.setState(whole.net.state());
    for (const { tables, net } of [whole, resumed]) {
      tables.setLearningRate(0.5);
      net.setLearningRate(0.05);
    }
    expect(trainAhead(resumed, batches.slice(3))).toEqual(trainAhead(whole, batches.slice(3)));
    expect(different(contents(whole), contents(resumed))).toEqual([]);
  });

  it('change nothing from a loss that is not finite on', () => {
    for (const kind of ['sgd', 'adagrad', 'lamb'] as const) {
      using model = new Recommender({ ...SMALL.options, denseOptimizer: { kind } });
      using twin = new Recommender({ ...SMALL.options, denseOptimizer: { kind } });
      const [first, broken, later, last] = smallBatches(4, 4) as [ModelBatch, ModelBatch, ModelBatch, ModelBatch];
      broken.dense[5] = Number.NaN;
      // Activations of so many rows lie where a step has its loss, which the tables' stream may still read.
      const overwrite = () => model.net.predict(new Float32Array(270), new Float32Array(720), new Float32Array(90));
      overwrite(); // makes room: later ones do not wait for the device
      const before = model.start(first);
      const losses = [model.start(broken), model.start(later)] as const;
      overwrite();
      expect(before()).toBe(twin.step(first));
      for (const loss of [...losses, losses[0]]) expect(loss).toThrow(code('DIVERGED'));
      expect(model.tables.steps).toBe(1);
      twin.tables.forward({ indices: broken.indices, offsets: broken.offsets }); // is counted, as ever
      expect(different(contents(model), contents(twin))).toEqual([]);
      expect(model.step(last)).toBe(twin.step(last));
      expect(different(contents(model), contents(twin))).toEqual([]);
    }
  });

  it('change nothing from a step on that would leave what is not finite', () => {
    for (const kind of ['adagrad', 'lamb'] as const) {
      using model = new Recommender({ ...SMALL.options, denseOptimizer: { kind } });
      using twin = new Recommender({ ...SMALL.options, device: 'cpu', denseOptimizer: { kind } });
      const [first, broken, later, last] = smallBatches(4, 4) as [ModelBatch, ModelBatch, ModelBatch, ModelBatch];
      broken.dense.fill(1e25); // the loss is finite, the squares of the gradients are not
      const before = model.start(first);
      const losses = [model.start(broken), model.start(later)] as const;
      before();
      for (const loss of losses) expect(loss).toThrow(code('DIVERGED'));
      expect(model.tables.steps).toBe(1);
      twin.step(first);
      expect(() => twin.step(broken)).toThrow(code('DIVERGED'));
      expect(twin.tables.steps).toBe(1);
      for (const one of [model, twin]) expect(one.step(last)).toBeGreaterThan(0);
      const [found, expected] = [model, twin].map((one) => one.net.parameters());
      for (const [i, value] of expected!.entries()) expect(Math.abs(found![i]! - value)).toBeLessThan(1e-4);
    }
  });

  it('tell of a loss that is not finite also where nobody asks for it', () => {
    using model = small();
    const [broken, second, third] = smallBatches(3, 5) as [ModelBatch, ModelBatch, ModelBatch];
    broken.dense.fill(Number.POSITIVE_INFINITY);
    model.start(broken);
    const loss = model.start(second);
    expect(() => model.start(third)).toThrow(code('DIVERGED'));
    expect(loss).toThrow(code('DIVERGED'));
    expect(model.step(third)).toBeGreaterThan(0);
    expect(model.tables.steps).toBe(1);
  });

  it('refuse bad batches as the parts do, and are as before, the step under way included', () => {
    using model = small();
    using twin = small();
    const [first, good] = smallBatches(2, 6) as [ModelBatch, ModelBatch];
    const cases: [string, Partial<ModelBatch>, string | RegExp][] = [
      ['INVALID_INDEX', { indices: good.indices.with(3, 50) }, /feature "user", received 50 in bag \d+ \(position 3 /],
      ['INVALID_OFFSETS', { offsets: good.offsets.with(2, 4_000_000) }, 'bag 1 of feature "user"'],
      ['INVALID_OFFSETS', { offsets: good.offsets.subarray(1) }, 'Expected 61 offsets'],
      ['INVALID_LABEL', { labels: good.labels.with(2, 0.5) }, 'labels[2], received 0.5'],
      ['INVALID_ARGUMENT', { dense: good.dense.subarray(1) }, 'for dense (30 labels of 3 each), received 89'],
      ['INVALID_ARGUMENT', { dense: new Float64Array(90) as unknown as Float32Array }, 'Expected a Float32Array'],
      ['INVALID_ARGUMENT', { indices: [1] as unknown as Uint32Array }, 'Expected a Uint32Array'],
    ];
    const loss = model.start(first);
    for (const [wanted, change, message] of cases) {
      const told = typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message);
      const bad = expect.objectContaining({ code: wanted, message: told });
      expect(() => model.start({ ...good, ...change }), String(message)).toThrow(bad);
      if (!('labels' in change)) expect(() => predict(model, { ...good, ...change })).toThrow(code(wanted));
    }
    expect(loss()).toBe(twin.step(first));
    expect(different(contents(model), contents(twin))).toEqual([]);
    expect(model.step(good)).toBe(twin.step(good));
    const empty = { indices: new Uint32Array(), offsets: Uint32Array.of(0), dense: new Float32Array() };
    expect(() => model.step({ ...empty, size: 0, labels: new Float32Array() })).toThrow(code('INVALID_ARGUMENT'));
    expect(predict(model, { ...empty, size: 0, labels: new Float32Array() })).toHaveLength(0);
  });

  // The test device has 2 GiB.
  it.skipIf(Number(/(\d+) MiB/.exec(reason)?.[1]) > 3000)('say what memory they lack, and go on without', () => {
    const features = [{ name: 'f', cardinality: 3 }];
    using model = new Recommender({ features, dense: 0, dim: 2, topHidden: [2000], device: 'cuda' });
    const batchOf = (size: number): ModelBatch => ({
      size,
      indices: new Uint32Array(size),
      offsets: Uint32Array.from({ length: size + 1 }, (_, bag) => bag),
      dense: new Float32Array(),
      labels: new Float32Array(size),
    });
    const before = contents(model);
    const tooLarge = batchOf(300_000);
    const lacks = expect.objectContaining({
      code: 'OUT_OF_MEMORY',
      message: expect.stringMatching(
        /24\d{8} bytes on the CUDA device for the dense net's activations: \d+ of \d+ bytes/,
      ),
    });
    expect(() => model.start(tooLarge)).toThrow(lacks);
    expect(different(contents(model), before)).toEqual([]);
    expect(model.step(batchOf(3))).toBeGreaterThan(0);
  });

  it('an epoch that was aborted leaves a model that goes on', async () => {
    const { data } = syntheticDataset({ rows: 3000, cardinalities: [50, 20], zipf: 0.8, effect: 2, seed: 1 });
    const split = data.split('student');
    const features = split.features.map(({ name, cardinality }) => ({ name, cardinality }));
    using model = new Recommender({ features, dense: split.denseCount, dim: 4, device: 'cuda' });
    const stop = new AbortController();
    const epoch = trainEpoch(model, split, {
      batchSize: 4,
      seed: 1,
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    await expect(epoch).rejects.toThrow(code('ABORTED'));
    const done = model.tables.steps;
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(split.rows / 4);
    expect(await trainEpoch(model, split, { batchSize: 400, seed: 2 })).toBeGreaterThan(0);
    expect(model.tables.steps).toBe(done + Math.ceil(split.rows / 400));
  });

  it('predict more rows than a slice', () => {
    const features = [{ name: 'f', cardinality: 5 }];
    using model = new Recommender({ features, dense: 1, dim: 1, bottomHidden: [], topHidden: [], device: 'cuda' });
    const size = 16_384 + 70;
    const batch: ModelBatch = {
      size,
      indices: Uint32Array.from({ length: size }, (_, i) => i % 5),
      offsets: Uint32Array.from({ length: size + 1 }, (_, bag) => bag),
      dense: Float32Array.from({ length: size }, (_, i) => (i % 64) / 64),
      labels: new Float32Array(size),
    };
    const logits = predict(model, batch);
    expect(new Set(logits).size).toBeGreaterThan(100);
    expect(bytes(logits).equals(bytes(predictApart(model, batch)))).toBe(true);
  });

  it('end with their parts', () => {
    const model = small();
    const [batch] = smallBatches(1, 8) as [ModelBatch];
    const loss = model.start(batch);
    model.net.close();
    for (const use of [loss, () => model.step(batch), () => predict(model, batch)]) expect(use).toThrow(code('CLOSED'));
    model.close();
    model.close();
    expect(() => model.start(batch)).toThrow(code('CLOSED'));
  });

  it('the bus carries ids, dense inputs and labels up, and the loss down', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'device-steps-'));
    const report = async (steps: number) => {
      const file = join(folder, 'report.json');
      const script = fileURLToPath(new URL('./bus_traffic.mjs', import.meta.url));
      expect(await node([script, String(steps)], { TEST_DEVICE_REPORT: file })).toMatchObject({ code: 0, stderr: '' });
      return JSON.parse(readFileSync(file, 'utf8'));
    };
    const [few, more] = [await report(2), await report(5)];
    rmSync(folder, { recursive: true });
    expect(few.findings).toEqual([]);
    // 256 rows of 3 features with one id each, 5 dense inputs and a label: 4 bytes each, ids and the ends of their bags.
    const batch = 4 * 256 * (3 + 3 + 5 + 1);
    const plan = more.toDevice.bytes - few.toDevice.bytes - 3 * batch;
    expect(plan).toBeGreaterThan(0);
    expect(plan).toBeLessThan(3 * 1500); // of three tables: where their ids, blocks and gradients are
    expect(more.toDevice.copies - few.toDevice.copies).toBe(3);
    expect([more.toHost.copies - few.toHost.copies, more.toHost.bytes - few.toHost.bytes]).toEqual([3, 3 * 4]);
    for (const direction of ['toDevice', 'toHost']) {
      expect(more[direction].unpinned, direction).toBe(few[direction].unpinned);
    }
  });
});

describe('steps on the CPU', () => {
  const options: RecommenderOptions = { ...SMALL.options, device: 'cpu' };

  it('are over when start returns', () => {
    using ahead = new Recommender(options);
    using twin = new Recommender(options);
    const batches = smallBatches(3, 9);
    const losses = batches.map((batch) => ahead.start(batch));
    expect(different(contents(ahead), contents(twin))).not.toEqual([]);
    for (const k of [2, 0, 1, 0]) expect(losses[k]!()).toBeGreaterThan(0);
    expect(losses.map((loss) => loss())).toEqual(batches.map((batch) => twin.step(batch)));
    expect(different(contents(ahead), contents(twin))).toEqual([]);
    batches[0]!.dense.fill(Number.NaN);
    expect(() => ahead.start(batches[0]!)).toThrow(code('DIVERGED'));
  });
});
