import { afterAll, describe, expect, it } from 'vitest';
import { DenseNet, type DenseNetOptions } from '../../lib/model/index.ts';
import { randomBatch } from './cases.ts';

const shape = { dense: 2, vectors: 3, dim: 4, bottom: [8, 4], top: [8, 1] };
const refused = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'CollideError', code, message: expect.stringMatching(message) });
const make = (options: object) => () => new DenseNet({ ...shape, ...options } as DenseNetOptions).close();

describe('options of DenseNet', () => {
  it.each<[object, RegExp]>([
    [{ dense: -1 }, /whole number from 0 to 65536 for dense, received -1/],
    [{ dense: 1.5 }, /for dense/],
    [{ vectors: 0 }, /from 1 to 1024 for vectors/],
    [{ vectors: '3' }, /for vectors, received "3" of type string/],
    [{ dim: 0 }, /for dim/],
    [{ dim: Number.NaN }, /for dim/],
    [{ bottom: [8, 5] }, /last is dim = 4 wide, received \[8, 5\]/],
    [{ bottom: [] }, /last is dim = 4 wide/],
    [{ bottom: 8 }, /array of at most 32 widths for bottom, received 8/],
    [{ bottom: [8, 0, 4] }, /for bottom\[1\]/],
    [{ dense: 0 }, /no bottom layers without dense inputs, received 2/],
    [{ top: [] }, /last is 1 wide, received \[\]/],
    [{ top: [8, 2] }, /last is 1 wide, received \[8, 2\]/],
    [{ top: Array(33).fill(1) }, /at most 32 widths for top/],
    [{ bottom: [65536, 4], top: [65536, 65536, 1] }, /at most 268435456 parameters/],
    [{ seed: 0.5 }, /for seed, received 0.5/],
    [{ threads: -1 }, /for threads/],
    [{ optimizer: { kind: 'lanb' } }, /for optimizer.kind, received "lanb" of type string. Did you mean "lamb"\?/],
    [{ optimizer: { kind: 'lamb', learningRate: -1 } }, /optimizer.learningRate/],
    [{ optimizer: { kind: 'lamb', beta1: 1 } }, /below 1 for optimizer.beta1/],
    [{ optimizer: { kind: 'adagrad', epsilon: 0 } }, /optimizer.epsilon, received 0/],
  ])('%j is refused', (options, message) => {
    expect(make(options)).toThrow(refused('INVALID_ARGUMENT', message));
  });

  it('an option of another optimizer is named with those that there are', () => {
    const known = (kind: string, option: string, options: string) =>
      expect(make({ optimizer: { kind, [option]: 0 } })).toThrow(
        refused('UNKNOWN_OPTION', new RegExp(`"${option}" for optimizer "${kind}".*Known options: ${options}$`)),
      );
    known('sgd', 'weightDecay', 'kind, learningRate');
    known('sgd', 'epsilon', 'kind, learningRate');
    known('adagrad', 'beta1', 'kind, learningRate, epsilon');
  });

  it('a misspelt option is named with the nearest', () => {
    expect(make({ botom: [8, 4] })).toThrow(refused('UNKNOWN_OPTION', /"botom" for DenseNet. Did you mean "bottom"\?/));
    expect(make({ optimizer: { kind: 'lamb', learningrate: 1 } })).toThrow(
      refused('UNKNOWN_OPTION', /Did you mean "learningRate"\?/),
    );
  });
});

describe('batches', () => {
  const net = new DenseNet(shape);
  afterAll(() => net.close());
  const { dense, embeddings, labels, gradient } = randomBatch(shape, 20, 1);
  const before = net.parameters();
  const step =
    (changed: Partial<Record<'dense' | 'embeddings' | 'labels' | 'gradient', unknown>>, which = net) =>
    () => {
      const all = { dense, embeddings, labels, gradient, ...changed };
      which.step(
        all.dense as Float32Array,
        all.embeddings as Float32Array,
        all.labels as Float32Array,
        all.gradient as Float32Array,
      );
    };

  it.each<[string, object, RegExp]>([
    ['short dense', { dense: dense.subarray(1) }, /40 values for dense \(20 labels of 2 each\), received 39/],
    ['long embeddings', { embeddings: new Float32Array(241) }, /240 values for embeddings .* received 241/],
    ['short gradient', { gradient: new Float32Array(239) }, /240 values for gradient, received 239/],
    ['no labels', { labels: new Float32Array(0) }, /at least one label/],
    ['float64 embeddings', { embeddings: new Float64Array(240) }, /Float32Array for embeddings/],
    ['an array', { dense: Array(40).fill(0) }, /Float32Array for dense/],
    ['nothing', { gradient: undefined }, /Float32Array for gradient/],
    ['the embeddings as gradient', { gradient: embeddings }, /share no memory/],
  ])('%s', (_, changed, message) => {
    expect(step(changed)).toThrow(refused('INVALID_ARGUMENT', message));
  });

  it('a gradient that overlaps the embeddings', () => {
    const memory = new Float32Array(400);
    const overlapping = { embeddings: memory.subarray(0, 240), gradient: memory.subarray(160) };
    expect(step(overlapping)).toThrow(refused('INVALID_ARGUMENT', /share no memory/));
  });

  it.each([2, -1, 0.5, Number.NaN])('label %d', (label) => {
    const wrong = labels.slice();
    wrong[17] = label;
    expect(step({ labels: wrong })).toThrow(refused('INVALID_LABEL', /0 or 1 for labels\[17\], received/));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('%d in an input is named', (value) => {
    expect(step({ embeddings: embeddings.with(100, value) })).toThrow(
      refused('INVALID_ARGUMENT', /finite number for embeddings\[100\], received (NaN|-?Infinity)/),
    );
    expect(step({ dense: dense.with(3, value) })).toThrow(
      refused('INVALID_ARGUMENT', /finite number for dense\[3\], received (NaN|-?Infinity)/),
    );
    expect(net.parameters()).toEqual(before);
    expect(net.state()).toEqual(new Float32Array(net.state().length));
  });

  it('predict checks its shapes; an empty batch is fine', () => {
    net.predict(new Float32Array(0), new Float32Array(0), new Float32Array(0));
    expect(() => net.predict(dense, embeddings, new Float32Array(19))).toThrow(
      refused('INVALID_ARGUMENT', /38 values for dense \(19 logits of 2 each\), received 40/),
    );
    expect(() => net.predict(dense, embeddings, embeddings.subarray(0, 20))).toThrow(
      refused('INVALID_ARGUMENT', /share no memory/),
    );
    expect(() => net.predict(dense, embeddings, [] as never)).toThrow(refused('INVALID_ARGUMENT', /Float32Array/));
  });

  it('a transferred buffer counts as empty', () => {
    const sent = embeddings.slice();
    structuredClone(sent, { transfer: [sent.buffer] });
    expect(step({ embeddings: sent })).toThrow(refused('INVALID_ARGUMENT', /240 values for embeddings .* received 0/));
  });
});

describe('parameters and state', () => {
  const net = new DenseNet(shape);
  afterAll(() => net.close());

  it('refuse wrong lengths and impossible values, and keep what they had', () => {
    const parameters = net.parameters();
    const state = net.state();
    expect(parameters.length).toBe(net.parameterCount);
    expect(state.length).toBe(2 * net.parameterCount + 1);
    expect(net.memory()).toEqual({ parameters: 4 * parameters.length, optimizer: 4 * state.length });
    expect(() => net.setParameters(parameters.subarray(1))).toThrow(
      refused('INVALID_ARGUMENT', /values for parameters/),
    );
    expect(() => net.setParameters(parameters.with(3, Number.NaN))).toThrow(
      refused('INVALID_ARGUMENT', /parameters\[3\], received nan/),
    );
    expect(() => net.setState(new Float32Array(1))).toThrow(
      refused('INVALID_ARGUMENT', /values for state, received 1/),
    );
    expect(() => net.setState(state.with(state.length - 1, 1.5))).toThrow(refused('INVALID_ARGUMENT', /received 1.5/));
    expect(() => net.setState(state.with(net.parameterCount, -1))).toThrow(refused('INVALID_ARGUMENT', /received -1/));
    expect(net.parameters()).toEqual(parameters);
    expect(net.state()).toEqual(state);
  });

  it('the learning rate can be read and set, within its range', () => {
    expect(net.learningRate).toBe(0.002);
    net.setLearningRate(0.5);
    expect(net.learningRate).toBe(0.5);
    expect(() => net.setLearningRate(-0.1)).toThrow(refused('INVALID_ARGUMENT', /learningRate, received -0.1/));
    expect(net.learningRate).toBe(0.5);
  });
});

describe('close', () => {
  it('ends every use, and may be repeated', () => {
    const net = new DenseNet(shape);
    net.close();
    net.close();
    const empty = new Float32Array(0);
    for (const use of [
      () => net.step(empty, empty, empty, empty),
      () => net.predict(empty, empty, empty),
      () => net.parameters(),
      () => net.setParameters(empty),
      () => net.state(),
      () => net.setState(empty),
      () => net.setLearningRate(0.1),
    ]) {
      expect(use).toThrow(refused('CLOSED', /closed/));
    }
  });
});
