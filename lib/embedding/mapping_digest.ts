/**
 * What the rows of an internal table mean, as SHA-256: the hash functions that address it, and the number of ids of their
 * features. Rows that were trained under one mapping are wrong under another of the same shape. O(bytes of the mapping).
 */
import { createHash } from 'node:crypto';
import type { NativeFeature, NativeLayout } from '../native.ts';

/** One digest an internal table, [32] bytes each. */
export function mappingDigests(layout: NativeLayout, features: readonly NativeFeature[]): Uint8Array[] {
  return layout.tables.map((_, table) => {
    const digest = createHash('sha256');
    for (const [f, { cardinality, tables }] of layout.features.entries()) {
      for (const [h, addressed] of tables.entries()) {
        if (addressed !== table) continue;
        const arrays: DataView[] = [];
        const text = JSON.stringify(features[f]!.hashes[h], (_, value: unknown) => {
          if (ArrayBuffer.isView(value)) arrays.push(new DataView(value.buffer, value.byteOffset, value.byteLength));
          if (ArrayBuffer.isView(value)) return value.byteLength;
          return typeof value === 'bigint' ? String(value) : value;
        });
        digest.update(`${cardinality} ${text}`);
        for (const array of arrays) digest.update(array);
      }
    }
    return new Uint8Array(digest.digest());
  });
}
