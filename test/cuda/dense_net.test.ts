/**
 * The dense net on a CUDA device against its CPU twin; skipped where there is no device. scripts/cuda-tests.mjs also runs
 * the suites of test/model on it, which compare with a float64 reference.
 */
import { describe, expect, it } from 'vitest';
import { DenseNet, type DenseOptimizer, heads } from '../../lib/model/index.ts';
import { probeCuda } from '../../lib/native.ts';
import { type Case, generator, randomBatch } from '../model/cases.ts';
import { type HeadCase, randomHead } from '../model/head_reference.ts';
import { relativeError, type Shape } from '../model/reference.ts';

const { available, reason } = probeCuda();

// The engines cut and order float32 sums differently. Each is within 1e-5 of float64 in the Euclidean norm per tensor
// (test/model), and measured below 2e-6; so they may be that far apart.
const BOUND = 1e-5;

// Epsilons well above the rounding of gradients: Adagrad and LAMB divide a gradient by its own size, also one that is 0
// but for rounding.
const OPTIMIZERS: DenseOptimizer[] = [
  { kind: 'sgd', learningRate: 0.5 },
  { kind: 'adagrad', learningRate: 0.05, epsilon: 1e-3 },
  { kind: 'lamb', learningRate: 0.02, epsilon: 1e-3 },
  { kind: 'lamb', learningRate: 0.02, epsilon: 1e-3, beta1: 0.8, beta2: 0.99, weightDecay: 0.1 },
];

const bits = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
/** Of the same lengths and bit for bit equal. */
const same = (a: Float32Array[], b: Float32Array[]) => Buffer.concat(a.map(bits)).equals(Buffer.concat(b.map(bits)));
const step = (net: DenseNet, { dense, embeddings, labels, gradient }: Case) =>
  net.step(dense, embeddings, labels, gradient);

function logits(net: DenseNet, { dense, embeddings, labels }: Case): Float32Array {
  const result = new Float32Array(labels.length);
  net.predict(dense, embeddings, result);
  return result;
}

/** Rows [from, to) of a batch. */
function rows(shape: Shape, batch: Case, from: number, to: number): Case {
  const width = shape.vectors * shape.dim;
  return {
    dense: batch.dense.slice(from * shape.dense, to * shape.dense),
    embeddings: batch.embeddings.slice(from * width, to * width),
    labels: batch.labels.slice(from, to),
    gradient: new Float32Array((to - from) * width),
  };
}

/** The same net on the CPU and on the device. */
function pair(shape: Shape, optimizer: DenseOptimizer, seed: number) {
  const cpu = new DenseNet({ ...shape, optimizer, seed });
  const cuda = new DenseNet({ ...shape, optimizer, seed, device: 'cuda' });
  return { cpu, cuda, [Symbol.dispose]: () => [cpu, cuda].forEach((net) => void net.close()) };
}

function near(found: Float32Array, wanted: Float32Array, what: string): void {
  expect(relativeError(found, wanted), what).toBeLessThan(BOUND);
}

/** Two steps and a prediction on both, of a net of any head. */
function compareHeads(shape: HeadCase, batch: number, optimizer: DenseOptimizer, seed: number): void {
  const cpu = new DenseNet({ ...shape, optimizer, seed });
  using net = {
    cpu,
    cuda: new DenseNet({ ...shape, optimizer, seed, device: 'cuda' }),
    [Symbol.dispose]: () => [net.cpu, net.cuda].forEach((one) => void one.close()),
  };
  compareSteps(net, { ...shape, bottom: [], top: [] }, batch, seed);
}

/** The same of DLRM. */
function compare(shape: Shape, batch: number, optimizer: DenseOptimizer, seed: number): void {
  using net = pair(shape, optimizer, seed);
  compareSteps(net, shape, batch, seed);
}

function compareSteps(net: { cpu: DenseNet; cuda: DenseNet }, shape: Shape, batch: number, seed: number): void {
  expect(same([net.cuda.parameters()], [net.cpu.parameters()]), 'first parameters').toBe(true);
  for (let s = 0; s < 2; s++) {
    const here = randomBatch(shape, batch, seed + s);
    const there = { ...here, gradient: here.gradient.slice() };
    expect(step(net.cuda, there) / step(net.cpu, here), 'loss').toBeCloseTo(1, 5);
    near(there.gradient, here.gradient, 'gradient of the embeddings');
  }
  const [found, wanted] = [net.cuda.parameters(), net.cpu.parameters()];
  for (const { name, start, length } of net.cpu.tensors()) {
    near(found.subarray(start, start + length), wanted.subarray(start, start + length), name);
  }
  const state = net.cuda.state();
  near(state, net.cpu.state(), 'state');
  const last = randomBatch(shape, batch, seed + 9);
  near(logits(net.cuda, last), logits(net.cpu, last), 'logits');
}

/** About what a step costs on the test device: multiply-adds of the layers, in whole tiles of the kernels. */
function cost({ dense, vectors, dim, bottom, top }: Shape, batch: number): number {
  const padded = (n: number, size: number) => Math.ceil(n / size) * size;
  const stack = (inputs: number, widths: number[]) =>
    widths.reduce((sum, width, l) => {
      const before = l === 0 ? inputs : widths[l - 1]!;
      return sum + padded(before, 64) * padded(width, width > 32 ? 64 : 16);
    }, 0);
  return padded(batch, 64) * (stack(dense, bottom) + stack(dim + (vectors * (vectors + 1)) / 2, top));
}

function randomCase(seed: number) {
  const random = generator(1000 + seed);
  const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const widths = () => Array.from({ length: oneOf([0, 1, 1, 2]) }, () => oneOf([1, 3, 17, 64, 100, 257]));
  const dim = oneOf([1, 3, 4, 16, 17, 64]);
  const dense = oneOf([0, 1, 3, 13, 17, 64]);
  const bottom = dense > 0 ? [...widths(), dim] : [];
  const shape = { dense, vectors: oneOf([1, 2, 3, 8, 15]), dim, bottom, top: [...widths(), 1] };
  const batches = [1, 7, 128, 1000].filter((batch) => batch === 1 || cost(shape, batch) < 5e6);
  return { shape, batch: oneOf(batches.slice(-2)), optimizer: OPTIMIZERS[seed % OPTIMIZERS.length]! };
}

describe.skipIf(!available)('DenseNet on the device', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { shape, batch, optimizer } = randomCase(seed);
    it(`steps with the CPU: ${JSON.stringify(shape)}, batch ${batch}, ${optimizer.kind}`, () => {
      compare(shape, batch, optimizer, seed);
    });
  }

  // Odd heads from test/model, in which values are copied, masked and added up in every way; and DeepFM.
  it.each([...Array(12).keys()].map((n) => 100 + n))('of any ops, as the CPU: %i', (seed) => {
    compareHeads(randomHead(seed), 70, OPTIMIZERS[seed % OPTIMIZERS.length]!, seed);
  });
  it.each([
    [0, 1, 2],
    [3, 5, 17],
    [2, 26, 4],
  ])('of DeepFM: dense %i, vectors %i, dim %i', (dense, vectors, dim) => {
    const head = heads.get('deepfm', 'a test').ops({ dense, vectors, dim, topHidden: [9] });
    compareHeads({ dense, vectors, dim, head }, 130, OPTIMIZERS[0]!, 1);
  });

  it('of as many shards as a batch of 1000 has', () => {
    compare({ dense: 13, vectors: 3, dim: 4, bottom: [17, 4], top: [17, 3, 1] }, 1000, OPTIMIZERS[3]!, 1);
  });

  it('of more vectors and columns than a block takes', () => {
    compare({ dense: 0, vectors: 90, dim: 66, bottom: [], top: [1] }, 2, OPTIMIZERS[0]!, 1);
  });

  it('of more rows than a slice of a prediction', () => {
    const shape = { dense: 1, vectors: 1, dim: 1, bottom: [1], top: [1] };
    using net = pair(shape, OPTIMIZERS[0]!, 1);
    const batch = randomBatch(shape, 16384 + 70, 1);
    for (const values of [batch.dense, batch.embeddings]) values.copyWithin(16384, 0, 70);
    const found = logits(net.cuda, batch);
    near(found, logits(net.cpu, batch), 'logits');
    expect(same([found.slice(16384)], [found.slice(0, 70)])).toBe(true);
  });

  const shape: Shape = { dense: 3, vectors: 5, dim: 7, bottom: [30, 7], top: [40, 1] };

  it('has the same bits every time', () => {
    const run = () => {
      using net = new DenseNet({ ...shape, device: 'cuda' });
      const batch = randomBatch(shape, 200, 1);
      const losses = [step(net, batch), step(net, batch)];
      return [Float32Array.from(losses), batch.gradient, net.parameters(), net.state(), logits(net, batch)];
    };
    expect(same(run(), run())).toBe(true);
  });

  it('gives a row the same logit wherever it stands', () => {
    using net = new DenseNet({ ...shape, device: 'cuda' });
    const batch = randomBatch(shape, 300, 2);
    const all = logits(net, batch);
    for (const [from, to] of [
      [0, 1],
      [5, 70],
      [63, 65],
      [299, 300],
    ] as const) {
      expect(same([logits(net, rows(shape, batch, from, to))], [all.slice(from, to)])).toBe(true);
    }
  });

  it("goes on from the CPU's parameters and state", () => {
    for (const optimizer of OPTIMIZERS) {
      using net = pair(shape, optimizer, 3);
      for (let s = 0; s < 3; s++) step(net.cpu, randomBatch(shape, 50, s));
      net.cuda.setParameters(net.cpu.parameters());
      net.cuda.setState(net.cpu.state());
      expect(same([net.cuda.parameters(), net.cuda.state()], [net.cpu.parameters(), net.cpu.state()])).toBe(true);
      net.cuda.setLearningRate(0.01);
      net.cpu.setLearningRate(0.01);
      for (const device of [net.cpu, net.cuda]) step(device, randomBatch(shape, 50, 4));
      near(net.cuda.parameters(), net.cpu.parameters(), 'parameters');
      near(net.cuda.state(), net.cpu.state(), 'state');
    }
  });

  it('is as before after an input that is not finite', () => {
    for (const optimizer of OPTIMIZERS) {
      using net = new DenseNet({ ...shape, optimizer, device: 'cuda' });
      const batch = randomBatch(shape, 40, 5);
      step(net, batch);
      const before = [net.parameters(), net.state()];
      const broken = { ...batch, embeddings: batch.embeddings.with(1000, Number.NaN) };
      expect(() => step(net, broken)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('embeddings[1000]') }),
      );
      expect(same([net.parameters(), net.state()], before)).toBe(true);
    }
  });

  it('comes to rest without a gradient, as the CPU does', () => {
    const lone = { dense: 1, vectors: 2, dim: 4, bottom: [64, 4], top: [64, 1] };
    using net = pair(lone, { kind: 'lamb', learningRate: 0.02 }, 1);
    const { embeddings, labels, gradient } = randomBatch(lone, 4, 1);
    for (let s = 0; s < 300; s++) {
      const dense = Float32Array.of(s === 0 ? 1 : 0, 0, 0, 0);
      for (const device of [net.cpu, net.cuda]) device.step(dense, embeddings, labels, gradient);
    }
    const { length } = net.cpu.tensors()[0]!;
    const [cpu, cuda] = [net.cpu, net.cuda].map((device) => device.parameters().subarray(0, length));
    near(cuda!, cpu!, 'bottom.0.weight');
    expect(net.cuda.native.readIdle()).toEqual(net.cpu.native.readIdle());
    expect(net.cuda.native.readIdle()[0]).toBe(299);
  });

  // The test device has 2 GiB.
  it.skipIf(Number(/(\d+) MiB/.exec(reason)?.[1]) > 3000)('says what memory it lacks, and goes on without', () => {
    const wide = { dense: 0, vectors: 1, dim: 1, bottom: [], top: [2000, 1] };
    using net = new DenseNet({ ...wide, device: 'cuda' });
    const before = [net.parameters(), net.state()];
    expect(() => step(net, randomBatch(wide, 300_000, 1))).toThrow(
      expect.objectContaining({
        code: 'OUT_OF_MEMORY',
        message: expect.stringMatching(
          /24\d{8} bytes on the CUDA device for the dense net's activations: \d+ of \d+ bytes/,
        ),
      }),
    );
    expect(same([net.parameters(), net.state()], before)).toBe(true);
    expect(step(net, randomBatch(wide, 3, 1))).toBeGreaterThan(0);
  });
});

describe('device of DenseNet', () => {
  const shape = { vectors: 1, dim: 1 };

  it('is named when it is not one', () => {
    expect(() => new DenseNet({ ...shape, device: 'cude' as 'cuda' })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/Did you mean "cuda"\?/) }),
    );
  });

  it.skipIf(available)('cuda throws without one, with the reason', () => {
    expect(() => new DenseNet({ ...shape, device: 'cuda' })).toThrow(
      expect.objectContaining({ code: 'CUDA_UNAVAILABLE', message: expect.stringContaining(reason) }),
    );
  });
});
