// An optimizer of the dense net that a program adds: CONTRIBUTING.md shows the same code.
import { expect, it } from 'vitest';
import {
  compare,
  DenseNet,
  type DenseOptimizer,
  type DenseOptimizerKind,
  denseOptimizers,
  nativeDenseOptimizer,
} from '../../lib/index.ts';
import { tinyConfig, tinyData } from '../pipeline/tiny.ts';

// The example begins.
/** LAMB with a shorter memory of gradients, and weight decay. */
interface Steady {
  kind: 'steady';
  learningRate?: number;
}

declare module '../../lib/index.ts' {
  interface OwnDenseOptimizers {
    steady: Steady;
  }
}

const steady: DenseOptimizerKind<Steady> = {
  name: 'steady',
  options: ['kind', 'learningRate'],
  nativeForm: ({ learningRate = 0.01 }) =>
    nativeDenseOptimizer({ kind: 'lamb', learningRate, beta2: 0.9, weightDecay: 0.01 }),
};

denseOptimizers.add(steady);
// The example ends.

const own: DenseOptimizer = { kind: 'steady' };
const shipped: DenseOptimizer = { kind: 'lamb', learningRate: 0.01, beta2: 0.9, weightDecay: 0.01 };
const shape = { dense: 2, vectors: 1, dim: 2, bottom: [2], top: [3, 1] };

function twoSteps(net: DenseNet): DenseNet {
  for (let step = 0; step < 2; step++) {
    net.step(
      Float32Array.of(1, 2, -1, step),
      Float32Array.of(1, 0, 0.5, 1),
      Float32Array.of(1, 0),
      new Float32Array(4),
    );
  }
  return net;
}
const contents = (net: DenseNet) => ({ parameters: net.parameters(), state: net.state(), memory: net.memory() });

it('steps parameters as the native optimizer under its options does; its state goes on', () => {
  using net = twoSteps(new DenseNet({ ...shape, optimizer: own }));
  using expected = twoSteps(new DenseNet({ ...shape, optimizer: shipped }));
  expect(contents(net)).toEqual(contents(expected));
  using again = new DenseNet({ ...shape, optimizer: own, seed: 2 });
  again.setParameters(net.parameters());
  again.setState(net.state());
  expect(contents(twoSteps(again))).toEqual(contents(twoSteps(net)));
});

it('is checked like the others, and named by a config', async () => {
  const make = (optimizer: object) => () => new DenseNet({ ...shape, optimizer: optimizer as DenseOptimizer });
  expect(make({ kind: 'stedy' })).toThrow('Did you mean "steady"?');
  expect(make({ kind: 'steady', beta1: 0.5 })).toThrow(expect.objectContaining({ code: 'UNKNOWN_OPTION' }));
  const compared = async (denseOptimizer: Record<string, unknown>) => {
    const config = tinyConfig({ training: { denseOptimizer }, compare: { methods: ['modulo'], seeds: 1 } });
    return (await compare(config, tinyData())).results.map(({ logLoss }) => logLoss);
  };
  expect(await compared({ ...own })).toEqual(await compared({ ...shipped }));
});
