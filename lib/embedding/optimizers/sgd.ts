import { optionNames } from '../../option_names.ts';
import {
  type CommonOptions,
  commonNumbers,
  type DecayOptions,
  decayNumber,
  type EmbeddingOptimizerKind,
} from './optimizer.ts';

/** Stochastic gradient descent: w -= learningRate * g. No state. Default learning rate 0.02. */
export interface Sgd extends CommonOptions, DecayOptions {
  kind: 'sgd';
}

export const sgd: EmbeddingOptimizerKind<Sgd> = {
  name: 'sgd',
  options: optionNames<Sgd>({ kind: true, learningRate: true, weightDecay: true, clipRowNorm: true }),
  nativeForm: (options) => ({ kind: 'sgd', ...commonNumbers(options, 0.02), options: decayNumber(options) }),
};
