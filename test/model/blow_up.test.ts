/** Training that once ended in NaN, or in numbers without end, after hundreds of steps. */
import { describe, expect, it } from 'vitest';
import { DenseNet, type DenseNetOptions, type DenseOptimizer } from '../../lib/model/index.ts';
import { layoutOf, norm, pass, type Shape, Stepper } from './reference.ts';

const diverged = expect.objectContaining({ name: 'CollideError', code: 'DIVERGED' });

describe('a LAMB tensor whose gradient is 0 but in the first step', () => {
  const shape: Shape = { dense: 1, vectors: 2, dim: 4, bottom: [64, 4], top: [64, 1] };
  const embeddings = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i) * 0.3);
  const labels = Float32Array.of(1, 0, 1, 0);
  const denseOf = (step: number) => Float32Array.of(step === 0 ? 1 : 0, 0, 0, 0);
  const make = (learningRate: number) => new DenseNet({ ...shape, optimizer: { kind: 'lamb', learningRate } });

  /** The Euclidean norm of the first layer's weights after each step of the reference, in float32 values as the engines'. */
  function trace(learningRate: number, mostTrust: number, steps: number): number[] {
    using net = make(learningRate);
    const { tensors, length } = layoutOf(shape);
    const optimizer = { kind: 'lamb', learningRate, epsilon: 1e-6, beta1: 0.9, beta2: 0.999, weightDecay: 0 } as const;
    const stepper = new Stepper(optimizer, tensors, length, mostTrust, Math.fround);
    const parameters = Float64Array.from(net.parameters());
    const { parameterGradient } = pass(shape, parameters, denseOf(0), embeddings, labels);
    const { start, length: count } = tensors[0]!;
    const none = new Float64Array(length);
    return Array.from({ length: steps }, (_, step) => {
      stepper.step(parameters, step === 0 ? parameterGradient : none);
      return norm(parameters.subarray(start, start + count));
    });
  }

  // The steps after which the engines' weights, too, were NaN when they had no bound.
  it.each([
    [0.006, 875],
    [0.01, 837],
    [0.02, 765],
  ])('unbounded, it grows as (1 + rate)^t until its scale overflows: rate %d, step %d', (rate, last) => {
    const norms = trace(rate, Number.POSITIVE_INFINITY, last);
    expect(norms.findIndex(Number.isNaN) + 1).toBe(last);
    for (let t = 300; t + 100 < last; t += 100) {
      const growth = norms[t + 100]! / norms[t]! / (1 + rate) ** 100; // 1 once w is along its update
      expect(Math.abs(growth - 1)).toBeLessThan(0.02);
    }
  });

  it.each([0.002, 0.006, 0.01, 0.02])('bounded, it comes to rest, as the reference does: rate %d', (rate) => {
    const expected = trace(rate, 10, 400);
    using net = make(rate);
    const gradient = new Float32Array(32);
    const { start, length } = net.tensors()[0]!;
    const found = Array.from({ length: 3000 }, (_, step) => {
      net.step(denseOf(step), embeddings, labels, gradient);
      return norm(net.parameters().subarray(start, start + length));
    });
    for (const [step, value] of expected.entries()) expect(found[step]! / value).toBeCloseTo(1, 4);
    expect(found.at(-1)! / found[399]!).toBeCloseTo(1, 4);
    expect(found.at(-1)!).toBeLessThan(1.5 * found[0]!);
  });
});

describe('a step whose loss is finite, but not what it would leave', () => {
  // logit = top . (constant, constant * embedding) + bias
  const shape: DenseNetOptions = { vectors: 1, dim: 1, top: [1] };
  const none = new Float32Array(0);
  const cases: [string, DenseOptimizer, number[], number][] = [
    ['a sum of squares: adagrad', { kind: 'adagrad' }, [1, 0, 1e-25, 0], 1e25],
    ['a mean of squares: lamb', { kind: 'lamb' }, [1, 0, 1e-25, 0], 1e25],
    ['a parameter: sgd', { kind: 'sgd', learningRate: 1e6 }, [1, 0, 1e-34, 0], 1e34],
    ['a gradient for the tables: sgd', { kind: 'sgd' }, [1e16, 0, 1, 0], 1e-17],
    ['a gradient for the tables: lamb', { kind: 'lamb' }, [1e16, 0, 1, 0], 1e-17],
  ];

  it.each(cases)('%s', (_, optimizer, parameters, embedding) => {
    using net = new DenseNet({ ...shape, optimizer });
    const gradient = new Float32Array(1);
    net.step(none, Float32Array.of(0.5), Float32Array.of(1), gradient);
    net.setParameters(Float32Array.from(parameters));
    const before = [net.parameters(), net.state()];
    for (let again = 0; again < 2; again++) {
      expect(() => net.step(none, Float32Array.of(embedding), Float32Array.of(1), gradient)).toThrow(diverged);
      expect([net.parameters(), net.state()]).toEqual(before);
    }
    // It goes on as if nothing had been.
    using twin = new DenseNet({ ...shape, optimizer });
    twin.setParameters(before[0]!);
    twin.setState(before[1]!);
    const good = Float32Array.from(parameters.with(0, 0.5).with(2, 0.5));
    for (const one of [net, twin]) one.setParameters(good);
    const losses = [net, twin].map((one) => one.step(none, Float32Array.of(0.3), Float32Array.of(0), gradient));
    expect(losses[0]).toBe(losses[1]);
    expect([net.parameters(), net.state()]).toEqual([twin.parameters(), twin.state()]);
  });
});
