/** Hash functions id -> row: their kinds, their packed form, their bytes. */

export type { NativeHash } from '../native.ts';
export {
  checkHashFunction,
  isWhole,
  mappingBytes,
  nativeHash,
  rowCount,
  rowOf,
  rowsOfAll,
} from './hash_function.ts';
export { type HashKind, MOST_ROWS, type StoredHash } from './hash_kind.ts';
export { type HotHash, type HotTail, hotBitmap } from './kinds/hot.ts';
export type { IdentityHash } from './kinds/identity.ts';
export { type HashFunction, hashKinds, type OwnHashFunctions } from './kinds/index.ts';
export type { MixedHash } from './kinds/mixed.ts';
export type { MixedRadixHash } from './kinds/mixed_radix.ts';
export type { ModuloHash } from './kinds/modulo.ts';
export type { QuotientHash } from './kinds/quotient.ts';
export type { TableHash } from './kinds/table.ts';
export { mix64, mixedHasher, mixedRow } from './mix.ts';
export {
  bitsPerEntry,
  bytesPerEntry,
  type PackedForm,
  type Packing,
  PRUNED,
  packEntries,
  type TableEntries,
  unpackEntries,
} from './pack.ts';
export type { TrainingHashes } from './training_hashes.ts';
