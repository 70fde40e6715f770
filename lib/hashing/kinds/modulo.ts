import { checkInteger } from '../../errors.ts';
import { optionNames } from '../../option_names.ts';
import { fillRows, type HashKind, MOST_ROWS } from '../hash_kind.ts';

/**
 * row = id % rows: the hashing trick as "Learning to Collide" compares against it. Depends on the order of ids. With as
 * many rows as ids, or more, it is the identity and the surplus rows stay unused.
 */
export interface ModuloHash {
  kind: 'modulo';
  /** 1 to 2^32 - 1. */
  rows: number;
}

export const modulo: HashKind<ModuloHash> = {
  name: 'modulo',
  keys: optionNames<ModuloHash>({ kind: true, rows: true }),
  check({ rows }, _, where) {
    checkInteger(rows, 1, MOST_ROWS, `rows of ${where}`);
  },
  rowCount: ({ rows }) => rows,
  rowOf: ({ rows }, id) => id % rows,
  fillRows: ({ rows: height }, rows) => fillRows(rows, (id) => id % height),
  nativeForm: ({ rows }) => ({ kind: 'modulo', rows }),
};
