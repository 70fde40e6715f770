import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DenseNet, type DenseNetOptions, type DenseOptimizer } from '../../lib/model/index.ts';
import { generator, randomBatch, SHAPES } from './cases.ts';
import { firstParameters } from './init_reference.ts';
import { layoutOf, pass, relativeError, Stepper } from './reference.ts';

const OPTIMIZERS: DenseOptimizer[] = [
  { kind: 'sgd', learningRate: 0.5 },
  { kind: 'adagrad', learningRate: 0.05, epsilon: 1e-6 },
  { kind: 'lamb', learningRate: 0.02 },
  { kind: 'lamb', learningRate: 0.02, beta1: 0.8, beta2: 0.99, epsilon: 1e-4, weightDecay: 0.1 },
];

describe('optimizers', () => {
  for (const optimizer of OPTIMIZERS) {
    it(`take the reference's steps: ${JSON.stringify(optimizer)}`, () => {
      for (const shape of [SHAPES[0]!, SHAPES[1]!, SHAPES[4]!]) {
        using net = new DenseNet({ ...shape, optimizer, seed: 3 });
        const { tensors, length } = layoutOf(shape);
        const parameters = Float64Array.from(net.parameters());
        const full = { epsilon: 1e-6, beta1: 0.9, beta2: 0.999, weightDecay: 0, learningRate: 0, ...optimizer };
        const stepper = new Stepper(full, tensors, length);
        for (let step = 0; step < 5; step++) {
          const { dense, embeddings, labels, gradient } = randomBatch(shape, 150, 100 + step);
          if (step === 3) {
            net.setLearningRate(full.learningRate / 2);
            full.learningRate /= 2;
          }
          const expected = pass(shape, parameters, dense, embeddings, labels);
          stepper.step(parameters, expected.parameterGradient);
          expect(net.step(dense, embeddings, labels, gradient) / expected.loss).toBeCloseTo(1, 5);
        }
        const found = net.parameters();
        for (const { name, start, length } of tensors) {
          const error = relativeError(
            found.subarray(start, start + length),
            parameters.subarray(start, start + length),
          );
          expect(error, `${name} after 5 steps`).toBeLessThan(1e-5);
        }
      }
    });
  }

  it('a LAMB tensor of zeros gets trust ratio 1', () => {
    using net = new DenseNet({ vectors: 1, dim: 2, top: [1], optimizer: { kind: 'lamb', learningRate: 0.01 } });
    const values = net.parameters();
    const { start } = net.tensors().find(({ name }) => name === 'top.0.bias')!;
    values[start] = 0;
    net.setParameters(values);
    net.step(new Float32Array(0), Float32Array.of(0.5, -1), Float32Array.of(1), new Float32Array(2));
    // The first bias-corrected update is g / (|g| + eps): 1 in size.
    expect(net.parameters()[start]).toBeCloseTo(0.01, 6);
  });
});

/** A digest of the bits: comparing long arrays element by element takes vitest seconds. */
function bits(...arrays: Float32Array[]): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of arrays) hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}

describe('determinism', () => {
  const shape = SHAPES[0]!;
  const train = (options: Partial<DenseNetOptions>) => {
    using net = new DenseNet({ ...shape, seed: 9, ...options });
    const gradients: Float32Array[] = [];
    const losses: number[] = [];
    for (const [step, batch] of [5000, 700, 129].entries()) {
      const { dense, embeddings, labels, gradient } = randomBatch(shape, batch, step);
      losses.push(net.step(dense, embeddings, labels, gradient));
      gradients.push(gradient);
    }
    const { dense, embeddings } = randomBatch(shape, 1000, 7);
    const logits = new Float32Array(1000);
    net.predict(dense, embeddings, logits);
    return { losses, bits: bits(...gradients, logits, net.parameters(), net.state()) };
  };

  it.each(['lamb', 'adagrad', 'sgd'] as const)('same bits for 1, 2, 3 and 7 threads: %s', (kind) => {
    const alone = train({ threads: 1, optimizer: { kind } });
    for (const threads of [2, 3, 7]) expect(train({ threads, optimizer: { kind } })).toEqual(alone);
  });

  it('same bits for 1 and 3 threads with parameters enough for a parallel optimizer', () => {
    const big = { dense: 4, vectors: 2, dim: 16, bottom: [512, 16], top: [400, 200, 1] };
    const run = (threads: number) => {
      using net = new DenseNet({ ...big, threads });
      const { dense, embeddings, labels, gradient } = randomBatch(big, 500, 1);
      for (let step = 0; step < 2; step++) net.step(dense, embeddings, labels, gradient);
      return bits(gradient, net.parameters(), net.state());
    };
    expect(run(3)).toBe(run(1));
  });

  it('depends on the seed, and on nothing else', () => {
    const parameters = (seed: number | bigint) => {
      using net = new DenseNet({ ...shape, seed });
      return net.parameters();
    };
    expect(bits(parameters(4))).toBe(bits(parameters(4n)));
    expect(bits(parameters(4))).not.toBe(bits(parameters(5)));
  });

  it('starts from draws whose dead units are turned as the reference turns them, and from no others', () => {
    let turned = 0;
    for (const shape of [
      { dense: 1, vectors: 1, dim: 2, bottom: [16, 2], top: [64, 1] },
      { dense: 4, vectors: 2, dim: 2, bottom: [2, 2], top: [3, 2, 1] },
      { dense: 1, vectors: 1, dim: 1, bottom: [1], top: [1, 1] },
      { dense: 0, vectors: 2, dim: 3, bottom: [], top: [2, 1] },
      { dense: 2, vectors: 8, dim: 16, bottom: [64, 16], top: [64, 1] },
    ]) {
      for (let seed = 1; seed <= 8; seed++) {
        using net = new DenseNet({ ...shape, seed });
        const found = net.parameters();
        const { drawn, alive } = firstParameters(shape, seed);
        expect(relativeError(found, alive)).toBeLessThan(1e-6);
        turned += drawn.some((value, i) => value !== alive[i]) ? 1 : 0;
        if (shape.dim === 16) expect(relativeError(alive, drawn)).toBe(0);
      }
    }
    expect(turned).toBeGreaterThan(10);
  });

  it('starts with no layer that passes nothing on, in 500 nets of each shape', () => {
    const rows = 32;
    for (const shape of [
      { dense: 1, vectors: 1, dim: 2, bottom: [16, 2], top: [64, 1] },
      { dense: 1, vectors: 1, dim: 2, bottom: [64, 2], top: [64, 1] },
      { dense: 4, vectors: 1, dim: 4, bottom: [64, 4], top: [64, 1] },
      { dense: 4, vectors: 1, dim: 2, bottom: [2], top: [2, 1] },
      { dense: 1, vectors: 1, dim: 1, bottom: [1, 1], top: [1, 1] },
    ]) {
      const random = generator(5);
      const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      const dense = Float32Array.from({ length: rows * shape.dense }, normal);
      const zeros = new Float32Array(rows * shape.dim);
      for (let seed = 1; seed <= 500; seed++) {
        using net = new DenseNet({ ...shape, seed });
        const logits = new Float32Array(rows);
        net.predict(dense, zeros, logits);
        expect(new Set(logits).size, `seed ${seed}`).toBeGreaterThan(1);
      }
    }
  });

  it('starts from the spread that is documented', () => {
    using net = new DenseNet({ dense: 50, vectors: 3, dim: 60, bottom: [300, 60], top: [250, 1] });
    const values = net.parameters();
    for (const { name, shape: sizes, start, length } of net.tensors()) {
      if (length < 200) continue;
      const part = values.subarray(start, start + length);
      const wanted = Math.sqrt(sizes.length === 2 ? 2 / (sizes[0]! + sizes[1]!) : 1 / sizes[0]!);
      const mean = part.reduce((sum, value) => sum + value, 0) / length;
      const spread = Math.sqrt(part.reduce((sum, value) => sum + (value - mean) ** 2, 0) / length);
      // Five standard errors of a mean and of a standard deviation.
      expect(Math.abs(mean), name).toBeLessThan((5 * wanted) / Math.sqrt(length));
      expect(Math.abs(spread / wanted - 1), name).toBeLessThan(5 / Math.sqrt(2 * length));
    }
  });
});

describe('training', () => {
  it('learns which pairs of vectors agree', () => {
    const shape = { dense: 2, vectors: 3, dim: 4, bottom: [16, 4], top: [32, 1] };
    for (const optimizer of [{ kind: 'lamb', learningRate: 0.01 }, { kind: 'adagrad' }, { kind: 'sgd' }] as const) {
      using net = new DenseNet({ ...shape, optimizer });
      const random = generator(2);
      let loss = 0;
      for (let step = 0; step < 600; step++) {
        const { dense, embeddings, gradient } = randomBatch(shape, 256, Math.floor(random() * 1e9));
        const labels = Float32Array.from({ length: 256 }, (_, r) => {
          let dot = dense[2 * r]!;
          for (let d = 0; d < 4; d++) dot += embeddings[r * 12 + d]! * embeddings[r * 12 + 4 + d]!;
          return dot > 0 ? 1 : 0;
        });
        loss = net.step(dense, embeddings, labels, gradient);
      }
      // Guessing the base rate, one half, costs ln 2 = 0.69.
      expect(loss, optimizer.kind).toBeLessThan(0.25);
    }
  });

  it.each(['lamb', 'adagrad', 'sgd'] as const)('goes on bit for bit from parameters and state: %s', (kind) => {
    const shape = SHAPES[1]!;
    const optimizer = { kind };
    const batches = [0, 1, 2, 3].map((step) => randomBatch(shape, 200, step));
    const step = (net: DenseNet, { dense, embeddings, labels, gradient }: (typeof batches)[0]) =>
      net.step(dense, embeddings, labels, gradient);
    using net = new DenseNet({ ...shape, optimizer });
    step(net, batches[0]!);
    step(net, batches[1]!);
    using restored = new DenseNet({ ...shape, optimizer, seed: 77 });
    restored.setParameters(net.parameters());
    restored.setState(net.state());
    for (const batch of batches.slice(2)) expect(step(restored, batch)).toBe(step(net, batch));
    expect(bits(restored.parameters(), restored.state())).toBe(bits(net.parameters(), net.state()));
  });
});
