/**
 * Who decides about which id in a learned mapping: which ids own a hot row, which are hashed or share a row because the
 * teacher never saw them, and which the learner gets over the rows that are left. O(ids), in turns of the event
 * loop, deterministic.
 */

import { mixedHasher } from '../hashing/mix.ts';
import type { TableEntries } from '../hashing/pack.ts';
import { inTurns } from '../turns.ts';
import { identityOrder, orderByKeys } from './order.ts';
import type { Counts } from './types.ts';

/** The policies for ids that the teacher never saw. */
export const UNSEEN_POLICIES = ['cluster', 'dealt', 'hash', 'reserved', 'shared'] as const;

/** A look-up table under construction. */
export interface Layout {
  /** Row of each id, [ids]; those of `members` are still to be learned. */
  entries: TableEntries;
  /** Rows 0 .. hotRows - 1 belong to one hot id each. */
  hotRows: number;
  /** Ids to be clustered, ascending. */
  members: Uint32Array;
  /** They get the rows hotRows .. hotRows + clusterRows - 1. */
  clusterRows: number;
}

/** Ids by descending count, ties by ascending id. */
export async function byFallingCount(counts: Counts, signal?: AbortSignal): Promise<Uint32Array> {
  const keys = new Float64Array(counts.length);
  const negate = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) keys[id] = -counts[id]!;
  };
  await inTurns(keys.length, negate, signal);
  return orderByKeys(keys, identityOrder(counts.length), signal);
}

/** {@link byFallingCount} without the ids that have no accesses at all. */
export async function hottestFirst(counts: Counts, signal?: AbortSignal): Promise<Uint32Array> {
  const order = await byFallingCount(counts, signal);
  let [accessed, above] = [0, order.length]; // those without accesses are the last
  while (accessed < above) {
    const middle = (accessed + above) >>> 1;
    if (counts[order[middle]!] === 0) above = middle;
    else accessed = middle + 1;
  }
  return order.subarray(0, accessed);
}

/** Entries in the narrowest typed array that holds rows 0 .. rows - 1. */
function emptyEntries(ids: number, rows: number): TableEntries {
  if (rows <= 2 ** 8) return new Uint8Array(ids);
  return rows <= 2 ** 16 ? new Uint16Array(ids) : new Uint32Array(ids);
}

/**
 * Lays out one table of fewer rows than ids. Rows kept for unseen ids are the last ones, no more of them than such ids.
 * With `unseen` 'dealt' hot ids may take all rows; then every other id is dealt, whether the teacher saw it or not.
 *
 * @param counts - teacher accesses, [ids]
 * @param hottest - {@link hottestFirst} of the recent accesses
 * @param seed - of the hash of unseen ids over m rows from `first` on: first + h(id; seed, m)
 */
export async function layOut(
  counts: Counts,
  hottest: Uint32Array,
  options: {
    rows: number;
    hotShare: number;
    unseen: (typeof UNSEEN_POLICIES)[number];
    reservedShare: number;
    seed: bigint;
    signal?: AbortSignal;
  },
): Promise<Layout> {
  const { rows, unseen, signal } = options;
  const ids = counts.length;
  // But for dealt ids at least one row is left: there are fewer rows than ids, so some id has no hot row.
  const mostHot = unseen === 'dealt' ? rows : rows - 1;
  const hotRows = Math.min(Math.round(options.hotShare * rows), hottest.length, mostHot);
  const entries = emptyEntries(ids, rows);
  const isHot = new Uint8Array(ids);
  const giveHotRows = (begin: number, end: number) => {
    for (let row = begin; row < end; row++) {
      entries[hottest[row]!] = row;
      isHot[hottest[row]!] = 1;
    }
  };
  await inTurns(hotRows, giveHotRows, signal);

  const rowsLeft = rows - hotRows;
  const isUnseen = (id: number) => isHot[id] === 0 && (rowsLeft === 0 || (counts[id] === 0 && unseen !== 'cluster'));
  const members = new Uint32Array(ids - hotRows);
  let count = 0;
  const gather = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) if (isHot[id] === 0 && !isUnseen(id)) members[count++] = id;
  };
  await inTurns(ids, gather, signal);
  const layout = { entries, hotRows, members: members.slice(0, count) };
  if (unseen === 'dealt') {
    await deal(hottest, isUnseen, rows, entries, signal);
    return { ...layout, clusterRows: rowsLeft };
  }
  const unseenIds = members.length - count;
  const wanted = unseen === 'reserved' ? Math.max(1, Math.round(options.reservedShare * rows)) : 1;
  // One row at least is the learner's; with a single row left everything meets there.
  const reserved = Math.max(1, Math.min(wanted, unseenIds, rowsLeft - 1));
  const hashRows = unseen === 'hash' ? rowsLeft : reserved;
  const hashed = mixedHasher(options.seed, hashRows);
  const hash = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) if (isUnseen(id)) entries[id] = rows - hashRows + hashed(id);
  };
  await inTurns(ids, hash, signal);
  const kept = unseenIds === 0 || unseen === 'hash' ? 0 : reserved;
  return { ...layout, clusterRows: Math.max(1, rowsLeft - kept) };
}

/** Gives the k-th of the ids that `isDealt` picks row k % rows: by falling recent count, ids without accesses last. */
async function deal(
  hottest: Uint32Array,
  isDealt: (id: number) => boolean,
  rows: number,
  entries: TableEntries,
  signal?: AbortSignal,
): Promise<void> {
  const accessed = new Uint8Array(entries.length);
  let next = 0;
  const give = (id: number) => {
    if (isDealt(id)) entries[id] = next++ % rows;
  };
  const giveHottest = (begin: number, end: number) => {
    for (let k = begin; k < end; k++) {
      accessed[hottest[k]!] = 1;
      give(hottest[k]!);
    }
  };
  const giveOthers = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) if (accessed[id] === 0) give(id);
  };
  await inTurns(hottest.length, giveHottest, signal);
  await inTurns(entries.length, giveOthers, signal);
}
