/**
 * The part of dictionary encoding that needs no database: counts over the teacher and student rows turn arbitrary codes
 * into ids. Deterministic and independent of how codes were numbered. Cost: a few passes over the codes.
 */
import { CollideError } from '../errors.ts';
import { mixedHasher } from '../hashing/mix.ts';
import type { UnseenPolicy } from './feature_info.ts';
import type { SplitArrays } from './memory.ts';
import type { IdOrder } from './types.ts';

/** The values of one feature in all rows, as codes below `codeCount`. */
export interface Codes {
  codeCount: number;
  /** Plain features: [rows] by rowid. Lists: all bags by rowid. */
  codes: Uint32Array;
  /** Lists: [rows + 1]. */
  offsets: Uint32Array | null;
}

/**
 * The codes that occur at least `minCount` times in the given rows, in the order of their ids: by descending count, ties
 * by first appearance, or by first appearance alone. Stable and independent of how codes were numbered.
 */
export function rankCodes(
  { codeCount, codes, offsets }: Codes,
  rows: Uint32Array,
  idOrder: IdOrder,
  minCount = 1,
): Uint32Array {
  const counts = new Uint32Array(codeCount);
  const appeared = new Uint32Array(codeCount);
  let known = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const end = offsets === null ? row + 1 : offsets[row + 1]!;
    for (let k = offsets === null ? row : offsets[row]!; k < end; k++) {
      const code = codes[k]!;
      if (counts[code]! === 0) appeared[known++] = code;
      counts[code]! += 1;
    }
  }
  const byAppearance = appeared.slice(0, known).filter((code) => counts[code]! >= minCount);
  known = byAppearance.length;
  if (idOrder === 'appearance') return byAppearance;
  // One numeric sort of (complement of the count, appearance) as 64-bit keys.
  const keys = new BigUint64Array(known);
  const halves = new Uint32Array(keys.buffer);
  for (let i = 0; i < known; i++) {
    halves[2 * i] = i;
    halves[2 * i + 1] = 0xffff_ffff - counts[byAppearance[i]!]!;
  }
  keys.sort();
  const ranked = new Uint32Array(known);
  for (let i = 0; i < known; i++) ranked[i] = byAppearance[halves[2 * i]!]!;
  return ranked;
}

export interface Ids {
  cardinality: number;
  outOfVocabulary: number | null;
  /** [codes] code -> id */
  idOf: Uint32Array;
  /** [codes] 1 for codes in the vocabulary */
  seen: Uint8Array;
}

/**
 * Code -> id. Codes that are not in `codeOf` get what `unseen` says.
 *
 * @throws CollideError DATA_SQL when the vocabulary is empty and has no row for unseen values
 */
export function assignIds(
  codes: Codes,
  codeOf: Uint32Array,
  textOf: (code: number) => string | null,
  unseen: UnseenPolicy,
  name: string,
): Ids {
  const known = codeOf.length;
  if (known === 0 && unseen !== 'row') {
    throw new CollideError(
      'DATA_SQL',
      `feature "${name}": Expected a value in the teacher or student rows, there is none`,
    );
  }
  const found = new Int32Array(codes.codeCount).fill(-1);
  for (let id = 0; id < known; id++) found[codeOf[id]!] = id;
  return idsOf(found, known, textOf, unseen);
}

/**
 * Ids of codes whose place among `known` values was found.
 *
 * @param found - [codes] the id of a code in the vocabulary, -1 for one that is not in it
 */
export function idsOf(
  found: Int32Array,
  known: number,
  textOf: (code: number) => string | null,
  unseen: UnseenPolicy,
): Ids {
  const idOf = new Uint32Array(found.length);
  const seen = new Uint8Array(found.length);
  for (let code = 0; code < found.length; code++) {
    if (found[code]! >= 0) {
      idOf[code] = found[code]!;
      seen[code] = 1;
    } else {
      idOf[code] = unseen === 'hash' ? hashText(textOf(code), known) : known;
    }
  }
  const row = unseen === 'row';
  return { cardinality: known + (row ? 1 : 0), outOfVocabulary: row ? known : null, idOf, seen };
}

/** The ids of one split. */
export function gatherIds(
  { codes, offsets }: Codes,
  { idOf, seen }: Ids,
  members: Uint32Array,
): SplitArrays['features'][0] {
  let unseen = 0;
  if (offsets === null) {
    const ids = new Uint32Array(members.length);
    for (let i = 0; i < members.length; i++) {
      const code = codes[members[i]!]!;
      ids[i] = idOf[code]!;
      unseen += 1 - seen[code]!;
    }
    return { ids, offsets: null, unseen };
  }
  const bags = new Uint32Array(members.length + 1);
  for (let i = 0; i < members.length; i++) bags[i + 1] = bags[i]! + offsets[members[i]! + 1]! - offsets[members[i]!]!;
  const ids = new Uint32Array(bags[members.length]!);
  let next = 0;
  for (let i = 0; i < members.length; i++) {
    const end = offsets[members[i]! + 1]!;
    for (let k = offsets[members[i]!]!; k < end; k++) {
      const code = codes[k]!;
      ids[next++] = idOf[code]!;
      unseen += 1 - seen[code]!;
    }
  }
  return { ids, offsets: bags, unseen };
}

/**
 * The id below `cardinality` that an unseen value is hashed to: the mixing hash (seed 0) of 53 bits of the FNV-1a
 * hashes of its UTF-8 text. NULL hashes as the empty text. Fixed for all versions: a served model depends on it.
 *
 * @example
 * ```ts
 * hashText('user 7', 1000); // always the same number below 1000
 * ```
 */
export function hashText(text: string | null, cardinality: number): number {
  const bytes = new TextEncoder().encode(text ?? '');
  let high = 0x811c_9dc5;
  let low = 0x0100_0193;
  for (const byte of bytes) {
    high = Math.imul(high ^ byte, 0x0100_0193);
    low = Math.imul(low ^ byte, 0x85eb_ca6b);
  }
  low ^= low >>> 16;
  return mixedHasher(0n, cardinality)((high >>> 0) * 2 ** 21 + (low & 0x1f_ffff));
}
