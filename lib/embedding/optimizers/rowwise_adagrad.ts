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
 * Adagrad with one s per row ("Learning to Collide", section 5; EXACT_ROWWISE_ADAGRAD of FBGEMM): s += the mean of g^2
 * over the row; w -= learningRate * g / (sqrt(s) + epsilon). State per row: s, 4 bytes. Default learning rate 0.02, the
 * paper's.
 */
export interface RowwiseAdagrad extends CommonOptions, DecayOptions, EpsilonOptions {
  kind: 'rowwise-adagrad';
}

export const rowwiseAdagrad: EmbeddingOptimizerKind<RowwiseAdagrad> = {
  name: 'rowwise-adagrad',
  options: optionNames<RowwiseAdagrad>({
    kind: true,
    learningRate: true,
    epsilon: true,
    weightDecay: true,
    clipRowNorm: true,
  }),
  nativeForm: (options) => ({
    kind: 'rowwise-adagrad',
    ...commonNumbers(options, 0.02),
    options: { ...epsilonNumber(options), ...decayNumber(options) },
  }),
};
