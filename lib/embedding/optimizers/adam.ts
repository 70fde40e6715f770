import { optionNames } from '../../option_names.ts';
import { type AdamOptions, adamNumbers, commonNumbers, type EmbeddingOptimizerKind } from './optimizer.ts';

/**
 * Adam (Kingma and Ba 2015): m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g^2;
 * w -= learningRate * m' / (sqrt(v') + epsilon), m' and v' with their bias corrected by the number of steps so far
 * (`EmbeddingTables.steps`). State per row: m, one per column, then v. Default learning rate 0.001.
 */
export interface Adam extends AdamOptions {
  kind: 'adam';
}

export const adam: EmbeddingOptimizerKind<Adam> = {
  name: 'adam',
  options: optionNames<Adam>({
    kind: true,
    learningRate: true,
    epsilon: true,
    beta1: true,
    beta2: true,
    weightDecay: true,
    clipRowNorm: true,
  }),
  nativeForm: (options) => ({ kind: 'adam', ...commonNumbers(options, 0.001), options: adamNumbers(options) }),
};
