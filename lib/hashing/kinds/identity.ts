import { optionNames } from '../../option_names.ts';
import { fillRows, type HashKind } from '../hash_kind.ts';

/** row = id: every id its own row, the uncompressed table. */
export interface IdentityHash {
  kind: 'identity';
}

export const identity: HashKind<IdentityHash> = {
  name: 'identity',
  keys: optionNames<IdentityHash>({ kind: true }),
  whole: true,
  check: () => {},
  rowCount: (_, cardinality) => cardinality,
  rowOf: (_, id) => id,
  fillRows: (_, rows) => fillRows(rows, (id) => id),
  nativeForm: (_, cardinality) => ({ kind: 'identity', rows: cardinality }),
};
