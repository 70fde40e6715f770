/**
 * Hash functions in a file: what the metadata says of one, and the tensors beside it. Seeds are text, since JSON has no
 * 64-bit numbers. An entry of a look-up table is a row, or `rows` for a pruned id when the table `prunes`.
 */
import type { TensorInput } from '../files/index.ts';
import { type HashFunction, type Packing, packEntries, unpackEntries } from '../hashing/index.ts';
import { bytesPerEntry, codeCount, entryCodes, prunedEntries } from '../hashing/pack.ts';

type TableHash = Extract<HashFunction, { kind: 'table' }>;

export type StoredHash = {
  kind: HashFunction['kind'];
  rows?: number;
  seed?: string;
  divisor?: number;
  /** table; `bytes` when absent. */
  packing?: Packing;
  /** table; false when absent. */
  prunes?: boolean;
  tail?: { kind: string; seed?: string };
};

/** The stored form of a hash function; its array, if it has one, becomes `tensors[name]`. */
export function describeHash(hash: HashFunction, name: string, tensors: Record<string, TensorInput>): StoredHash {
  switch (hash.kind) {
    case 'identity':
    case 'modulo':
    case 'quotient':
    case 'mixed-radix':
      return hash;
    case 'mixed':
      return { kind: 'mixed', rows: hash.rows, seed: String(hash.seed) };
    case 'table':
      tensors[name] = packedTensor(hash);
      return {
        kind: 'table',
        rows: hash.rows,
        ...(hash.packing === undefined ? {} : { packing: hash.packing }),
        ...(codeCount(hash.entries, hash.rows) > hash.rows ? { prunes: true } : {}),
      };
    case 'hot':
      tensors[name] = { shape: [hash.ids.length], data: hash.ids };
      return {
        kind: 'hot',
        rows: hash.rows,
        tail: hash.tail.kind === 'mixed' ? { kind: 'mixed', seed: String(hash.tail.seed) } : { kind: 'modulo' },
      };
  }
}

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

/** The inverse of {@link describeHash}; what comes back is still to be checked. @throws Error when a tensor is missing */
export function restoreHash(
  stored: StoredHash,
  cardinality: number,
  name: string,
  tensors: Readonly<Record<string, TensorInput>>,
): HashFunction {
  const tensor = tensors[name];
  const seed = (text: string | undefined) => BigInt(text ?? '');
  if (stored.kind === 'mixed') return { kind: 'mixed', rows: stored.rows!, seed: seed(stored.seed) };
  if (stored.kind === 'table') {
    if (tensor === undefined) throw new Error(`the tensor ${name} is missing`);
    const { rows, packing } = stored;
    const entries = unpackedTensor(tensor, stored, cardinality);
    return { kind: 'table', rows: rows!, entries, ...(packing === undefined ? {} : { packing }) };
  }
  if (stored.kind === 'hot') {
    const tail =
      stored.tail?.kind === 'mixed'
        ? { kind: 'mixed' as const, seed: seed(stored.tail.seed) }
        : { kind: 'modulo' as const };
    return { kind: 'hot', rows: stored.rows!, ids: tensor?.data as Uint32Array, tail };
  }
  return stored as HashFunction;
}

function unpackedTensor(tensor: TensorInput, stored: StoredHash, count: number): TableHash['entries'] {
  const { rows = 0, packing, prunes = false } = stored;
  const { data, shape } = tensor;
  if (packing === 'bits' || shape.length === 2) {
    if (!(data instanceof Uint8Array)) throw new Error('packed entries are not of type U8');
    return unpackEntries(data, rows, { packing, prunes, count });
  }
  const codes = data as Uint8Array | Uint16Array | Uint32Array; // any other type is refused by the check to come
  return prunes ? prunedEntries(codes, rows) : codes;
}
