import { optionNames } from '../../option_names.ts';
import { type AdamOptions, adamNumbers, commonNumbers, type EmbeddingOptimizerKind } from './optimizer.ts';

/**
 * Adam with one v per row, of the mean of g^2 over the row (PARTIAL_ROWWISE_ADAM of FBGEMM). State per row: m, one per
 * column, then v, one. Default learning rate 0.001.
 */
export interface RowwiseAdam extends AdamOptions {
  kind: 'rowwise-adam';
}

export const rowwiseAdam: EmbeddingOptimizerKind<RowwiseAdam> = {
  name: 'rowwise-adam',
  options: optionNames<RowwiseAdam>({
    kind: true,
    learningRate: true,
    epsilon: true,
    beta1: true,
    beta2: true,
    weightDecay: true,
    clipRowNorm: true,
  }),
  nativeForm: (options) => ({ kind: 'rowwise-adam', ...commonNumbers(options, 0.001), options: adamNumbers(options) }),
};
