/**
 * Ids served like newcomers (`unseen: 'newcomer'` of learnHashing). An id that owns no row and that the teacher does not
 * know is served by the row of unseen values, a row of its own, trained on the first steps of the newcomers that came to
 * stay (`newcomers` of trainStudent). While the student trains, such an id is looked up elsewhere: as its feature's
 * stand-in, one cold id with a row of its own, so that the many rare ids, most of which will not come again, do not tell
 * that row what an id is like that does. docs/methods.md has what it gives.
 *
 * O(ids) a feature, deterministic.
 */
import type { FeatureInfo } from '../data/types.ts';
import type { HashFunction } from '../hashing/index.ts';
import type { StandIn } from '../training/unseen_ids.ts';
import type { FeatureHashing } from './hashing.ts';

/**
 * Gives the row of unseen values to the ids of the last row, which is left to the coldest of them.
 *
 * @param hash - a table whose last row holds the ids without a row or cluster
 * @param recent - recent accesses, [ids]
 * @returns the table, one row higher; `standIn` is undefined when there are no such ids
 */
export function serveAsNewcomers(
  hash: HashFunction & { kind: 'table' },
  outOfVocabulary: number,
  recent: Uint32Array,
): { hash: HashFunction; standIn: number | undefined } {
  const cold = hash.rows - 1;
  const entries = Uint32Array.from(hash.entries);
  entries[outOfVocabulary] = hash.rows;
  let standIn: number | undefined;
  for (let id = 0; id < entries.length; id++) {
    if (entries[id] !== cold) continue;
    entries[id] = hash.rows;
    if (standIn === undefined || recent[id]! <= recent[standIn]!) standIn = id;
  }
  if (standIn !== undefined) entries[standIn] = cold;
  return { hash: { ...hash, rows: hash.rows + 1, entries }, standIn };
}

/** What a student trains instead of the ids that its hashing serves like newcomers, feature by feature. */
export function standInsOf(
  hashing: readonly FeatureHashing[] | undefined,
  features: readonly FeatureInfo[],
): (StandIn | undefined)[] {
  return features.map(({ outOfVocabulary }, f) => {
    const { standIn: id, hashes } = hashing?.[f] ?? {};
    const hash = hashes?.[0];
    if (id === undefined || hash?.kind !== 'table' || outOfVocabulary === null) return undefined;
    const { entries } = hash;
    const unseenRow = entries[outOfVocabulary];
    const replaces = Uint8Array.from(entries, (row, other) => Number(row === unseenRow && other !== outOfVocabulary));
    return { id, replaces };
  });
}
