import { checkInteger } from '../../errors.ts';
import { optionNames } from '../../option_names.ts';
import { fillRows, type HashKind, MOST_ROWS } from '../hash_kind.ts';

/**
 * row = floor(id / divisor) % rows: one digit of the id. Digits of radices m1, m2, ... (rows m1, divisor 1; rows m2,
 * divisor m1; rows m3, divisor m1 * m2; ...) tell all ids below their product apart.
 */
export interface MixedRadixHash {
  kind: 'mixed-radix';
  /** 1 to 2^32 - 1. */
  divisor: number;
  /** The radix, 1 to 2^32 - 1. */
  rows: number;
}

export const mixedRadix: HashKind<MixedRadixHash> = {
  name: 'mixed-radix',
  keys: optionNames<MixedRadixHash>({ kind: true, divisor: true, rows: true }),
  check({ divisor, rows }, _, where) {
    checkInteger(divisor, 1, MOST_ROWS, `divisor of ${where}`);
    checkInteger(rows, 1, MOST_ROWS, `rows of ${where}`);
  },
  rowCount: ({ rows }) => rows,
  rowOf: ({ divisor, rows }, id) => Math.floor(id / divisor) % rows,
  fillRows: ({ divisor, rows: radix }, rows) => fillRows(rows, (id) => Math.floor(id / divisor) % radix),
  nativeForm: ({ divisor, rows }) => ({ kind: 'mixed-radix', rows, divisor }),
};
