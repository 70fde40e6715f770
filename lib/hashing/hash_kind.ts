/** What a kind of hash function is to the rest of the package: everything that differs between kinds. */
import type { TensorInput } from '../files/index.ts';
import type { NativeHash } from '../native.ts';

/** Most ids of a feature and most rows of an internal table: both are 32-bit in native code, where 2^32 - 1 is no row. */
export const MOST_ROWS = 2 ** 32 - 1;

/** A hash function in a file: plain JSON, its arrays are tensors beside it. */
export interface StoredHash {
  kind: string;
  [part: string]: unknown;
}

/**
 * One kind of hash function, id -> row. `H` are its hash functions: plain data with the kind's name in `kind`. All methods
 * are stateless and deterministic; but for `check` and `checkArrays` they get a hash function that passed the check.
 *
 * Ids are 0 .. cardinality - 1, rows 0 .. rowCount - 1.
 */
export interface HashKind<H extends { kind: string } = { kind: string }> {
  /** What stands in `kind` of its hash functions. */
  readonly name: H['kind'];
  /** The keys of its hash functions, `kind` among them. Any other is refused. */
  readonly keys: readonly string[];
  /** Whether every id owns its row, so that a table under it is not compressed. Default false. */
  readonly whole?: boolean;
  /**
   * Checks everything but keys and the numbers in arrays: O(1), because it is called often.
   *
   * @param where - names the hash function in a message: `hashes[0] of feature "movie"`
   * @throws CollideError INVALID_ARGUMENT
   */
  check(hash: H, cardinality: number, where: string): void;
  /** Checks the numbers in arrays. Default: there are none. @throws CollideError INVALID_ARGUMENT */
  checkArrays?(hash: H, cardinality: number, where: string): void;
  /** Rows of the internal table that it addresses. */
  rowCount(hash: H, cardinality: number): number;
  /** Bytes that it needs at inference, beside the rows. Default 0. */
  mappingBytes?(hash: H, cardinality: number): number;
  /** The row of one id, by the definition: the reference for everything faster. */
  rowOf(hash: H, id: number, cardinality: number): number;
  /** Writes the row of every id, [cardinality]. Default: by `rowOf`, id by id. */
  fillRows?(hash: H, rows: Uint32Array): void;
  /**
   * The form that native code takes, its arrays freshly made. Its `kind` is one of native/core/hashing/kinds: a kind that
   * has no header there says the same by another one, as a `table` of its rows.
   */
  nativeForm(hash: H, cardinality: number): NativeHash;
  /** What a file says of it; an array becomes `tensors[name]`. Default: the hash function itself, as JSON. */
  store?(hash: H, name: string, tensors: Record<string, TensorInput>): StoredHash;
  /**
   * The inverse of `store`; what it gives is checked afterwards.
   *
   * @throws Error when a part is missing
   */
  restore?(stored: StoredHash, cardinality: number, name: string, tensors: Readonly<Record<string, TensorInput>>): H;
}

/** Writes `rowOf(id)` for every id. */
export function fillRows(rows: Uint32Array, rowOf: (id: number) => number): void {
  for (let id = 0; id < rows.length; id++) rows[id] = rowOf(id);
}
