/**
 * Mixed dimension embeddings (Ginart et al. 2019, "Mixed Dimension Embeddings with Application to Memory-Efficient
 * Recommendation Systems"): narrow rows [rows, width] times a projection [width, dim], which is trained, too. Features
 * with many rarely seen ids get a small width.
 */
import { checkInteger } from '../../errors.ts';
import { optionNames } from '../../option_names.ts';
import type { RowSource } from './row_source.ts';

/** Options of the source `mixed-dimension`. */
export type MixedDimensionOptions = {
  kind: 'mixed-dimension';
  /** Columns of the narrow rows, 1 to the feature's dim. With dim itself there is no projection. */
  width: number;
};

/**
 * Two tables: the narrow rows, and `projection` [width, dim] without a bias, float32 whatever the feature's precision. The
 * rows of both are stepped by the tables' optimizer; a batch that has an id of the feature touches all of the projection.
 * Initial values: those of the feature for the narrow rows, Xavier's for the projection, uniform within
 * sqrt(6 / (width + dim)).
 */
export const mixedDimension: RowSource<MixedDimensionOptions> = {
  name: 'mixed-dimension',
  options: optionNames<MixedDimensionOptions>({ kind: true, width: true }),
  describe(options, { rows, dim, initScale, where }) {
    const width = checkInteger(options.width, 1, dim, `source width of ${where}`);
    const narrow = { rows, width, init: { scale: initScale } };
    if (width === dim) return { tables: [narrow] };
    const init = { scale: Math.sqrt(6 / (width + dim)) };
    return { tables: [narrow, { part: 'projection', rows: width, width: dim, exact: true, init }] };
  },
};
