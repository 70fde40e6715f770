/**
 * How much errors in a feature's vectors hurt a model: by the Gauss-Newton estimate an error e in the vector of an access
 * raises the log loss by half of (g . e)^2, with g the gradient of the loss by the pooled vector, so an access weighs the
 * squared gradient per dimension. One forward and backward pass over at most 65,536 rows; nothing is trained.
 */
import { batches } from '../data/batches.ts';
import type { Split } from '../data/types.ts';
import type { Recommender } from '../model/recommender.ts';
import { DenseInputs } from '../model/standardization.ts';
import { type EpochOptions, eachBatch } from './train.ts';

const MOST_ROWS = 65_536;

/**
 * The mean squared gradient of an access to each feature, per dimension, [features]. Rows that the model was not trained
 * on tell more: trained ones have the smaller gradients the better the model remembers them.
 *
 * @param split - rows are taken at even distances where there are more than 65,536
 * @throws CollideError ABORTED, DIVERGED
 */
export async function measureSensitivity(
  model: Recommender,
  split: Split,
  options: Pick<EpochOptions, 'signal'> = {},
): Promise<number[]> {
  const features = split.features.length;
  const rows = Math.min(split.rows, MOST_ROWS);
  const order = Uint32Array.from({ length: rows }, (_, k) => Math.floor((k * split.rows) / rows));
  const width = model.tables.outputWidth;
  const dim = width / features;
  const squares = new Float64Array(features);
  const accesses = new Float64Array(features);
  const inputs = new DenseInputs(model.standardization);
  using net = model.net.frozen();
  let done = 0;
  const work = { ...options, step: 'measuring the sensitivity', rows };
  await eachBatch(batches(split, { size: 4096, order }), work, ({ size, indices, offsets, dense, labels }) => {
    const pooled = model.tables.lookup({ indices, offsets });
    const gradient = new Float32Array(pooled.length);
    net.step(inputs.of(dense), pooled, labels, gradient);
    for (let row = 0; row < size; row++) {
      for (let f = 0; f < features; f++) {
        const ids = offsets[f * size + row + 1]! - offsets[f * size + row]!;
        let square = 0;
        for (let d = 0; d < dim; d++) square += (size * gradient[row * width + f * dim + d]!) ** 2; // of one row's loss
        squares[f]! += ids * square;
        accesses[f]! += ids;
      }
    }
    done += size;
    return done;
  });
  return Array.from(squares, (sum, f) => (accesses[f] === 0 ? 0 : sum / accesses[f]! / dim));
}
