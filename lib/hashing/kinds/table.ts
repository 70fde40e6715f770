import { CollideError, checkInteger, checkOneOf, describe } from '../../errors.ts';
import type { TensorInput } from '../../files/index.ts';
import { optionNames } from '../../option_names.ts';
import { type HashKind, MOST_ROWS, type StoredHash } from '../hash_kind.ts';
import {
  bitsPerEntry,
  bytesPerEntry,
  codeCount,
  entryCodes,
  isEntries,
  PACKINGS,
  type Packing,
  PRUNED,
  packEntries,
  packedBytes,
  prunedEntries,
  type TableEntries,
  unpackEntries,
} from '../pack.ts';

/**
 * row = entries[id]: one entry per id, what a clustering yields ("Learning to Collide", section 3). {@link PRUNED} for an
 * id that owns no row. Native code and files hold the entries packed: pack.ts.
 */
export interface TableHash {
  kind: 'table';
  /** 1 to 2^32 - 1. */
  rows: number;
  /** [cardinality], each a row below `rows`, or PRUNED. */
  entries: TableEntries;
  /** Default `bytes`. */
  packing?: Packing;
}

interface StoredTable extends StoredHash {
  rows: number;
  /** `bytes` when absent. */
  packing?: Packing;
  /** Whether the entry `rows` stands for a pruned id; false when absent. */
  prunes?: boolean;
}

const entryBits = ({ entries, rows, packing = 'bytes' }: TableHash) => bitsPerEntry(codeCount(entries, rows), packing);

export const table: HashKind<TableHash> = {
  name: 'table',
  keys: optionNames<TableHash>({ kind: true, rows: true, entries: true, packing: true }),
  check({ rows, entries, packing }, cardinality, where) {
    checkInteger(rows, 1, MOST_ROWS, `rows of ${where}`);
    if (packing !== undefined) checkOneOf(packing, PACKINGS, `packing of ${where}`);
    if (isEntries(entries) && entries.length === cardinality) return;
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected entries of ${where} to be a Uint8Array, Uint16Array, Uint32Array or Int32Array of length ${cardinality} ` +
        `(one row per id), received ${describe(entries)}`,
    );
  },
  checkArrays({ entries, rows }, _, where) {
    for (let id = 0; id < entries.length; id++) {
      if (entries[id]! < rows && entries[id]! >= PRUNED) continue;
      const pruned = entries instanceof Int32Array ? ` or ${PRUNED} (pruned)` : '';
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected every entry of ${where} to be a row below ${rows}${pruned}, received ${entries[id]} for id ${id}`,
      );
    }
  },
  rowCount: ({ rows }) => rows,
  mappingBytes: (hash, cardinality) => packedBytes(cardinality, entryBits(hash)),
  rowOf: ({ entries }, id) => entries[id]!,
  fillRows: ({ entries }, rows) => rows.set(entries), // PRUNED becomes 0xffffffff
  nativeForm: (hash) => ({
    kind: 'table',
    rows: hash.rows,
    entries: packEntries(hash.entries, hash.rows, hash.packing),
    bitsPerEntry: entryBits(hash),
  }),
  /** Packing bytes: U8 [ids], U16 [ids], U8 [ids, 3] or U32 [ids]; bits: U8 [bytes]. */
  store(hash, name, tensors): StoredTable {
    const { entries, rows, packing } = hash;
    tensors[name] = packedTensor(hash);
    return {
      kind: 'table',
      rows,
      ...(packing === undefined ? {} : { packing }),
      ...(codeCount(entries, rows) > rows ? { prunes: true } : {}),
    };
  },
  restore(stored, cardinality, name, tensors) {
    const { rows, packing, prunes = false } = stored as StoredTable;
    const tensor = tensors[name];
    if (tensor === undefined) throw new Error(`the tensor ${name} is missing`);
    const entries = unpackedTensor(tensor, { rows, packing, prunes, count: cardinality });
    return { kind: 'table', rows, entries, ...(packing === undefined ? {} : { packing }) };
  },
};

function packedTensor({ entries, rows, packing }: TableHash): TensorInput {
  if (packing === 'bits') {
    const data = packEntries(entries, rows, 'bits');
    return { shape: [data.length], data };
  }
  const codes = entryCodes(entries, rows);
  switch (bytesPerEntry(codeCount(entries, rows))) {
    case 1:
      return { shape: [entries.length], data: new Uint8Array(codes) };
    case 2:
      return { shape: [entries.length], data: new Uint16Array(codes) };
    case 3:
      return { shape: [entries.length, 3], data: packEntries(entries, rows) };
    case 4:
      return { shape: [entries.length], data: new Uint32Array(codes) };
  }
}

interface PackedTensor {
  rows: number;
  packing: Packing | undefined;
  prunes: boolean;
  count: number;
}

function unpackedTensor({ data, shape }: TensorInput, { rows, ...form }: PackedTensor): TableEntries {
  if (form.packing === 'bits' || shape.length === 2) {
    if (!(data instanceof Uint8Array)) throw new Error('packed entries are not of type U8');
    return unpackEntries(data, rows, form);
  }
  const codes = data as Uint8Array | Uint16Array | Uint32Array; // any other type is refused by the check to come
  return form.prunes ? prunedEntries(codes, rows) : codes;
}
