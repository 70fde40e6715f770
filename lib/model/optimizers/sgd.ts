import { optionNames } from '../../option_names.ts';
import { type DenseOptimizerKind, rateNumber } from './optimizer.ts';

/** Stochastic gradient descent: w -= learningRate * g. No state. */
export interface DenseSgd {
  kind: 'sgd';
  /** 0 to 1e6. Default 0.1. */
  learningRate?: number;
}

export const sgd: DenseOptimizerKind<DenseSgd> = {
  name: 'sgd',
  options: optionNames<DenseSgd>({ kind: true, learningRate: true }),
  nativeForm: (options) => ({ kind: 'sgd', ...rateNumber(options, 0.1), options: {} }),
};
