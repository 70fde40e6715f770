/**
 * Mixed dimension embeddings (Ginart et al. 2019, "Mixed Dimension Embeddings with Application to Memory-Efficient
 * Recommendation Systems"): every id keeps a row of its own, narrower in larger tables, and a trained projection makes it as
 * wide as the others. A table of n ids is as wide as n^-0.3 says, times a factor that all compressed tables share.
 */
import type { FeatureHashing } from '../hashing/feature_hashing.ts';
import { Hashing } from '../pipeline/hashing.ts';
import type { CompressionMethod } from './method.ts';
import { modulo } from './modulo.ts';
import { targetRows } from './table_rows.ts';

/** How fast widths fall with the number of ids: the paper's temperature. */
const TEMPERATURE = 0.3;

/**
 * The widths of tables, 1 to `dim`: the largest common factor whose narrow rows and projections together have no more than
 * `numbers` numbers. Undefined where even one column a table is too much, which is below about 1 / dim of the full tables.
 */
export function widthsFor(ids: readonly number[], dim: number, numbers: number): number[] | undefined {
  const widthsWith = (factor: number) =>
    ids.map((n) => Math.min(dim, Math.max(1, Math.floor(factor * n ** -TEMPERATURE))));
  const fits = (factor: number) => {
    const sum = widthsWith(factor).reduce((total, width, t) => total + width * (ids[t]! + (width < dim ? dim : 0)), 0);
    return sum <= numbers;
  };
  let [low, high] = [0, dim * Math.max(...ids, 1)];
  if (!fits(low)) return undefined;
  if (fits(high)) return widthsWith(high);
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return widthsWith(low);
}

/** Sizes that leave no column for each table use the hashing trick, over as many rows. */
export const mixedDimension: CompressionMethod = {
  name: 'mixed-dimension',
  needs: 'nothing',
  cudaObstacle: 'method "mixed-dimension" has tables with a projection, which have no CUDA kernels',
  async build(task) {
    const { method, features, vocabulary, size, minRows, seed, dim } = task;
    const compressed = features.filter(({ cardinality }) => targetRows(cardinality, task) < cardinality);
    const numbers = dim * compressed.reduce((sum, { cardinality }) => sum + targetRows(cardinality, task), 0);
    const ids = compressed.map(({ cardinality }) => cardinality);
    const widths = widthsFor(ids, dim, numbers);
    if (widths === undefined) return modulo.build(task);
    const widthOf = new Map(compressed.map(({ name }, t) => [name, widths[t]!]));
    const made = features.map(({ name, cardinality }): FeatureHashing => {
      const width = widthOf.get(name) ?? dim;
      const whole: FeatureHashing = { name, cardinality, hashes: [{ kind: 'identity' }], combine: 'sum' };
      return width === dim ? whole : { ...whole, source: { kind: 'mixed-dimension', width } };
    });
    return new Hashing(made, { method, size, minRows, seed }, undefined, { vocabulary });
  },
};
