import { checkInteger, checkSeed } from '../../errors.ts';
import { optionNames } from '../../option_names.ts';
import { fillRows, type HashKind, MOST_ROWS, type StoredHash } from '../hash_kind.ts';
import { mixedHasher, mixedRow } from '../mix.ts';

/**
 * row = h(id; seed, rows) = high 64 bits of mix64(id XOR mix64(seed)) * rows, see mix.ts: rows as if drawn by chance. Does
 * not depend on the order of ids. Two seeds are two independent hashes: double hashing, a mixed hash per block.
 */
export interface MixedHash {
  kind: 'mixed';
  /** 1 to 2^32 - 1; more than there are ids is allowed. */
  rows: number;
  /** 0 to 2^64 - 1. */
  seed: number | bigint;
}

/** JSON has no 64-bit numbers: a seed is stored as text. */
interface StoredMixed extends StoredHash {
  rows: number;
  seed: string;
}

export const mixed: HashKind<MixedHash> = {
  name: 'mixed',
  keys: optionNames<MixedHash>({ kind: true, rows: true, seed: true }),
  check({ rows, seed }, _, where) {
    checkInteger(rows, 1, MOST_ROWS, `rows of ${where}`);
    checkSeed(seed, `seed of ${where}`);
  },
  rowCount: ({ rows }) => rows,
  rowOf: ({ rows, seed }, id) => Number(mixedRow(BigInt(id), BigInt(seed), BigInt(rows))),
  fillRows: ({ rows: height, seed }, rows) => fillRows(rows, mixedHasher(BigInt(seed), height)),
  nativeForm: ({ rows, seed }) => ({ kind: 'mixed', rows, seed: BigInt(seed) }),
  store: ({ rows, seed }): StoredMixed => ({ kind: 'mixed', rows, seed: String(seed) }),
  restore(stored) {
    const { rows, seed } = stored as StoredMixed;
    return { kind: 'mixed', rows, seed: BigInt(seed) };
  },
};
