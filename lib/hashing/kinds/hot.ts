import { CollideError, checkInteger, checkOneOf, checkOptions, checkSeed, describe } from '../../errors.ts';
import type { NativeHash } from '../../native.ts';
import { optionNames } from '../../option_names.ts';
import { fillRows, type HashKind, MOST_ROWS, type StoredHash } from '../hash_kind.ts';
import { mixedHasher, mixedRow } from '../mix.ts';

/** Where a {@link HotHash} sends the ids that do not own a row: over `rows` of its own, as the kind of that name. */
export type HotTail = { kind: 'modulo' } | { kind: 'mixed'; seed: number | bigint };

/**
 * The k-th of `ids` owns row k; every other id goes to `ids.length` + tail(id), a hash over the remaining rows. What
 * frequency-based double hashing does: the ids that are asked for most do not collide.
 */
export interface HotHash {
  kind: 'hot';
  /** At least one more than there are hot ids, unless all ids are hot. */
  rows: number;
  /** Ascending, without repeats. */
  ids: Uint32Array;
  tail: HotTail;
}

interface StoredHot extends StoredHash {
  rows: number;
  tail: { kind: 'modulo' } | { kind: 'mixed'; seed: string };
}

/** Ids that share a cache line of 64 bytes: 448 bits, and the ranks before them. */
const HOT_LINE = 448;

export const hot: HashKind<HotHash> = {
  name: 'hot',
  keys: optionNames<HotHash>({ kind: true, rows: true, ids: true, tail: true }),
  check({ rows, ids, tail }, _, where) {
    checkInteger(rows, 1, MOST_ROWS, `rows of ${where}`);
    if (!(ids instanceof Uint32Array)) {
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected ids of ${where} to be a Uint32Array of ascending ids, received ${describe(ids)}`,
      );
    }
    checkTail(tail, where);
  },
  checkArrays({ ids, rows }, cardinality, where) {
    for (let k = 0; k < ids.length; k++) {
      const id = ids[k]!;
      if (id >= cardinality) {
        throw new CollideError(
          'INVALID_ARGUMENT',
          `Expected ids of ${where} to be below the cardinality ${cardinality}, received ${id} at position ${k}`,
        );
      }
      if (k > 0 && id <= ids[k - 1]!) {
        throw new CollideError(
          'INVALID_ARGUMENT',
          `Expected ids of ${where} to ascend without repeats, received ${id} after ${ids[k - 1]} at position ${k}`,
        );
      }
    }
    const needed = ids.length + (ids.length < cardinality ? 1 : 0);
    if (rows < needed) {
      const others = needed > ids.length ? ` and at least one for the ${cardinality - ids.length} other ids` : '';
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected rows of ${where} to be at least ${needed} (one for each of ${ids.length} hot ids${others}), received ${rows}`,
      );
    }
  },
  rowCount: ({ rows }) => rows,
  /** 64 bytes per 448 ids, a bit for each and the ranks; nothing when every id is hot: that is the identity. */
  mappingBytes: ({ ids }, cardinality) => (ids.length === cardinality ? 0 : 64 * Math.ceil(cardinality / HOT_LINE)),
  rowOf({ rows, ids, tail }, id) {
    const rank = ids.indexOf(id);
    if (rank >= 0) return rank;
    const left = rows - ids.length;
    const row = tail.kind === 'mixed' ? Number(mixedRow(BigInt(id), BigInt(tail.seed), BigInt(left))) : id % left;
    return ids.length + row;
  },
  fillRows({ rows: height, ids, tail }, rows) {
    const left = Math.max(1, height - ids.length); // with all ids hot no tail is asked
    const cold = tail.kind === 'mixed' ? mixedHasher(BigInt(tail.seed), left) : (id: number) => id % left;
    let next = 0;
    fillRows(rows, (id) => (ids[next] === id ? next++ : ids.length + cold(id)));
  },
  nativeForm({ rows, ids, tail }, cardinality): NativeHash {
    // All ids hot: the k-th id is k, and no row may be left for a tail. Modulo says the same and needs no bitmap.
    if (ids.length === cardinality) return { kind: 'modulo', rows };
    const native: NativeHash = { kind: 'hot', rows, bitmap: hotBitmap(ids, cardinality), tail: tail.kind };
    return tail.kind === 'mixed' ? { ...native, seed: BigInt(tail.seed) } : native;
  },
  store({ rows, ids, tail }, name, tensors): StoredHot {
    tensors[name] = { shape: [ids.length], data: ids };
    const stored = tail.kind === 'mixed' ? { kind: tail.kind, seed: String(tail.seed) } : { kind: tail.kind };
    return { kind: 'hot', rows, tail: stored };
  },
  restore(stored, _, name, tensors) {
    const { rows, tail } = stored as StoredHot;
    const ids = tensors[name]?.data as Uint32Array; // anything else is refused by the check to come
    return { kind: 'hot', rows, ids, tail: tail?.kind === 'mixed' ? { ...tail, seed: BigInt(tail.seed) } : tail };
  },
};

function checkTail(tail: HotTail, where: string): void {
  if (typeof tail !== 'object' || tail === null || Array.isArray(tail)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected { kind: "modulo" } or { kind: "mixed", seed } for tail of ${where}, received ${describe(tail)}`,
    );
  }
  const kind = checkOneOf(tail.kind, ['modulo', 'mixed'], `the kind of tail of ${where}`);
  checkOptions(tail, kind === 'mixed' ? ['kind', 'seed'] : ['kind'], `tail of ${where}`);
  if (tail.kind === 'mixed') checkSeed(tail.seed, `seed of tail of ${where}`);
}

/** One bit per id, little-endian within 32-bit words, [ceil(cardinality / 32)]; set for every id of `ids`. */
export function hotBitmap(ids: Uint32Array, cardinality: number): Uint32Array {
  checkInteger(cardinality, 1, MOST_ROWS, 'the cardinality of hotBitmap');
  if (!(ids instanceof Uint32Array)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Uint32Array of ids for hotBitmap, received ${describe(ids)}`,
    );
  }
  const bitmap = new Uint32Array(Math.ceil(cardinality / 32));
  for (const id of ids) bitmap[id >>> 5]! |= 1 << (id & 31);
  return bitmap;
}
