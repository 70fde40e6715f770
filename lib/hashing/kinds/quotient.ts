import { checkInteger } from '../../errors.ts';
import { optionNames } from '../../option_names.ts';
import { fillRows, type HashKind, MOST_ROWS } from '../hash_kind.ts';

/**
 * row = floor(id / divisor), ceil(cardinality / divisor) rows. With `modulo` of the same divisor, the remainder, it tells
 * all ids apart: the compositional embedding.
 */
export interface QuotientHash {
  kind: 'quotient';
  /** 1 to 2^32 - 1. */
  divisor: number;
}

export const quotient: HashKind<QuotientHash> = {
  name: 'quotient',
  keys: optionNames<QuotientHash>({ kind: true, divisor: true }),
  check({ divisor }, _, where) {
    checkInteger(divisor, 1, MOST_ROWS, `divisor of ${where}`);
  },
  rowCount: ({ divisor }, cardinality) => Math.ceil(cardinality / divisor),
  rowOf: ({ divisor }, id) => Math.floor(id / divisor),
  fillRows: ({ divisor }, rows) => fillRows(rows, (id) => Math.floor(id / divisor)),
  nativeForm: ({ divisor }, cardinality) => ({ kind: 'quotient', rows: Math.ceil(cardinality / divisor), divisor }),
};
