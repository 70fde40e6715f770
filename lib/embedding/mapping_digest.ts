/**
 * What the rows of an internal table mean, as SHA-256: the hash functions that address it, and the number of ids of their
 * features; of a source's table, the hash function of the source's rows, and the source. Rows that were trained under one
 * mapping are wrong under another of the same shape. O(bytes of the mapping).
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
        const { hashes, source } = features[f]!;
        const arrays: DataView[] = [];
        const text = JSON.stringify(hashes[source === undefined ? h : 0], (_, value: unknown) => {
          if (ArrayBuffer.isView(value)) arrays.push(new DataView(value.buffer, value.byteOffset, value.byteLength));
          if (ArrayBuffer.isView(value)) return value.byteLength;
          return typeof value === 'bigint' ? String(value) : value;
        });
        digest.update(`${cardinality} ${text}`);
        if (source !== undefined) digest.update(JSON.stringify([source.kind, source.numbers, source.tables[h]!.part]));
        for (const array of arrays) digest.update(array);
      }
    }
    return new Uint8Array(digest.digest());
  });
}
