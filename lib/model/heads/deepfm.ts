/**
 * DeepFM (Guo et al. 2017): a factorization machine and a deep network that share embedding vectors.
 *
 *     logit = sum of w_v + sum of e_i . e_j over pairs i < j + (last layer on hidden layers of [e_1, ..., e_V, dense], dense)
 *
 * The last column of a feature's embedding row is its first order weight w_v, the other dim - 1 are its vector e_v: a row
 * has the same bytes as DLRM's, and one hash function chooses both. The dense inputs' first order term and the output bias
 * are part of the last layer, `top`.
 */
import { CollideError } from '../../errors.ts';
import type { Head } from '../head.ts';
import { checkWidths, outputOf, reluLayers } from './layers.ts';

export const deepfm: Head = {
  name: 'deepfm',
  takes: ['topHidden'],
  ops({ dense, dim, topHidden = [64] }) {
    if (dim < 2) {
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected a dim of at least 2 for the head "deepfm" (one column is the first order weight), received ${dim}`,
      );
    }
    const hidden = checkWidths(topHidden, 'topHidden');
    const numbers = dense > 0 ? ['dense'] : [];
    const deep = outputOf('deep', 'inputs', hidden);
    return [
      { op: 'columns', name: 'factors', from: 'vectors', first: 0, count: dim - 1 },
      { op: 'columns', name: 'weights', from: 'vectors', first: dim - 1, count: 1 },
      { op: 'fm', name: 'pairs', from: 'factors' },
      { op: 'concat', name: 'inputs', from: ['factors', ...numbers] },
      ...reluLayers('deep', 'inputs', hidden),
      // Without hidden layers the dense inputs are there already.
      { op: 'concat', name: 'last', from: hidden.length > 0 ? [...numbers, deep] : [deep] },
      { op: 'linear', name: 'top', from: 'last', outputs: 1 },
      { op: 'sum', name: 'logit', from: ['weights', 'pairs', 'top'] },
      { op: 'loss', name: 'loss', from: 'logit' },
    ];
  },
};
