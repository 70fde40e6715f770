import { optionNames } from '../../option_names.ts';
import {
  type CommonOptions,
  commonNumbers,
  type DecayOptions,
  decayNumber,
  type EmbeddingOptimizerKind,
  type EpsilonOptions,
  epsilonNumber,
} from './optimizer.ts';

/**
 * Adagrad (Duchi, Hazan and Singer 2011): s += g^2; w -= learningRate * g / (sqrt(s) + epsilon). State per row: s, one per
 * column. Default learning rate 0.02.
 */
export interface Adagrad extends CommonOptions, DecayOptions, EpsilonOptions {
  kind: 'adagrad';
}

export const adagrad: EmbeddingOptimizerKind<Adagrad> = {
  name: 'adagrad',
  options: optionNames<Adagrad>({
    kind: true,
    learningRate: true,
    epsilon: true,
    weightDecay: true,
    clipRowNorm: true,
  }),
  nativeForm: (options) => ({
    kind: 'adagrad',
    ...commonNumbers(options, 0.02),
    options: { ...epsilonNumber(options), ...decayNumber(options) },
  }),
};
