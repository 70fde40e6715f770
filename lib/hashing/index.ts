/** Hash functions id -> row: their kinds, their packed form, their bytes. */
export {
  checkHashFunction,
  HASH_KINDS,
  type HashFunction,
  type HotTail,
  MOST_ROWS,
  rowCount,
  rowOf,
  rowsOfAll,
  type TableEntries,
} from './hash_function.ts';
export { mix64, mixedHasher, mixedRow } from './mix.ts';
export { bytesPerEntry, hotBitmap, mappingBytes, nativeHash, packEntries, unpackEntries } from './pack.ts';
