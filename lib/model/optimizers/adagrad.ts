import { optionNames } from '../../option_names.ts';
import { type DenseOptimizerKind, epsilonNumber, rateNumber } from './optimizer.ts';

/**
 * Adagrad (Duchi, Hazan and Singer 2011), elementwise: s += g^2; w -= learningRate * g / (sqrt(s) + epsilon). State: s, like
 * the parameters.
 */
export interface DenseAdagrad {
  kind: 'adagrad';
  /** 0 to 1e6. Default 0.02. */
  learningRate?: number;
  /** At least 1e-30. Default 1e-8. */
  epsilon?: number;
}

export const adagrad: DenseOptimizerKind<DenseAdagrad> = {
  name: 'adagrad',
  options: optionNames<DenseAdagrad>({ kind: true, learningRate: true, epsilon: true }),
  nativeForm: (options) => ({ kind: 'adagrad', ...rateNumber(options, 0.02), options: epsilonNumber(options, 1e-8) }),
};
