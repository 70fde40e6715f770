/** Hash functions id -> row: their kinds, their packed form, their bytes. */
export { checkHashFunction, HASH_KINDS } from './check.ts';
export {
  type HashFunction,
  type HotTail,
  MOST_ROWS,
  type Packing,
  PRUNED,
  rowCount,
  type TableEntries,
} from './hash_function.ts';
export { mix64, mixedHasher, mixedRow } from './mix.ts';
export { hotBitmap, mappingBytes, nativeHash } from './native_form.ts';
export { bitsPerEntry, bytesPerEntry, type PackedForm, packEntries, unpackEntries } from './pack.ts';
export { rowOf, rowsOfAll } from './rows.ts';
