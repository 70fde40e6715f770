/**
 * Quotient and remainder, multiplied (Shi et al. 2020, "Compositional Embeddings Using Complementary Partitions"): id i has
 * the row Q[floor(i / m)] * R[i % m], element by element. No two ids have the same pair of rows, and there is no mapping to
 * be served. The remainders' table starts in [0.5, 1.5), so that a product starts out like a row.
 */
import { hashTables } from './hash_tables.ts';
import type { CompressionMethod } from './method.ts';

/**
 * The least divisor m whose tables, ceil(ids / m) quotients and m remainders, have no more than `rows` rows together: the
 * fewer remainders there are, the less do ids with the same one have in common. Undefined where no divisor has so few, which
 * is below about 2 sqrt(ids) rows.
 */
export function divisorFor(ids: number, rows: number): number | undefined {
  const discriminant = rows ** 2 - 4 * ids;
  if (discriminant < 0) return undefined;
  const root = (rows - Math.sqrt(discriminant)) / 2; // of m + ids / m = rows
  for (let divisor = Math.max(1, Math.floor(root)); divisor <= Math.ceil(Math.sqrt(ids)); divisor++) {
    if (Math.ceil(ids / divisor) + divisor <= rows) return divisor;
  }
  return undefined;
}

/** A table with too few rows for any divisor uses the hashing trick over as many. */
export const quotientRemainder: CompressionMethod = {
  name: 'quotient-remainder',
  needs: 'nothing',
  build: (task) =>
    hashTables(task, ({ cardinality, rows }) => {
      const divisor = divisorFor(cardinality, rows);
      if (divisor === undefined) return { hashes: [{ kind: 'modulo', rows }] };
      return {
        hashes: [
          { kind: 'quotient', divisor },
          { kind: 'modulo', rows: divisor },
        ],
        combine: 'multiply',
      };
    }),
};
