import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EmbeddingTables } from '../../lib/embedding/index.ts';
import { mappingBytes, PRUNED, rowCount, rowOf } from '../../lib/hashing/index.ts';
import { hashAndCardinality } from './arbitrary.ts';

describe('native hash functions', () => {
  it('find the rows that the definition finds, and hold the bytes that are reported', () => {
    const small = hashAndCardinality.filter(({ hash, cardinality }) => rowCount(hash, cardinality) <= 70_000);
    fc.assert(
      fc.property(small, ({ hash, cardinality }) => {
        using tables = new EmbeddingTables({
          features: [{ name: 'f', cardinality, dim: 1, hashes: [hash] }],
          threads: 1,
        });
        // Row r holds r + 1 = r - PRUNED: an id without a row, which is PRUNED by the definition, reads 0.
        tables.setWeights(
          'f',
          Float32Array.from({ length: rowCount(hash, cardinality) }, (_, row) => row + 1),
        );
        const ids = Uint32Array.from({ length: cardinality }, (_, id) => id);
        const rows = tables.lookup({ indices: ids, offsets: [...ids, cardinality] });
        expect([...rows]).toEqual([...ids].map((id) => rowOf(hash, id, cardinality) - PRUNED));
        expect(tables.memory().mapping).toBe(mappingBytes(hash, cardinality));
      }),
      { numRuns: 300 },
    );
  });
});
