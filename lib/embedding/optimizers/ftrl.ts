import { checkNumber } from '../../errors.ts';
import { optionNames } from '../../option_names.ts';
import { type CommonOptions, commonNumbers, type EmbeddingOptimizerKind } from './optimizer.ts';

/**
 * FTRL-Proximal (McMahan et al. 2013, "Ad click prediction: a view from the trenches", algorithm 1), for every value of a
 * row by itself: the weight minimises the sum of its gradients' linear terms, of proximal terms that hold it near its
 * earlier values, and of l1 * |w| + l2 / 2 * w^2. Values with little evidence for them become exactly 0 with `l1`; without
 * `l1` and `l2` it is Adagrad with epsilon `beta`. The value that a row begins with is the first of the earlier ones; it is
 * kept until the first gradient other than 0.
 *
 * State per row: z (learningRate times that of the paper), one per column, then n, the sum of g^2, one per column. Default
 * learning rate 0.02.
 */
export interface Ftrl extends CommonOptions {
  kind: 'ftrl';
  /**
   * Added to the square root of n, 0 to 1e6: below it gradients have taken no part of their rate yet. The paper takes 1 for
   * gradients of single examples; those of a batch's mean loss are far smaller. Default 1e-8.
   */
  beta?: number;
  /** 0 to 1e6. Default 0. */
  l1?: number;
  /** 0 to 1e6. Default 0. */
  l2?: number;
}

export const ftrl: EmbeddingOptimizerKind<Ftrl> = {
  name: 'ftrl',
  options: optionNames<Ftrl>({ kind: true, learningRate: true, beta: true, l1: true, l2: true, clipRowNorm: true }),
  nativeForm: (options) => ({
    kind: 'ftrl',
    ...commonNumbers(options, 0.02),
    options: {
      beta: checkNumber(options.beta ?? 1e-8, 0, 1e6, 'beta'),
      l1: checkNumber(options.l1 ?? 0, 0, 1e6, 'l1'),
      l2: checkNumber(options.l2 ?? 0, 0, 1e6, 'l2'),
    },
  }),
};
