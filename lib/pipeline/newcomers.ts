/**
 * Ids served like newcomers (`unseen: 'newcomer'` of learnHashing). An id that owns no row and that the teacher does not
 * know is served by the row of unseen values, a row of its own, trained on the first steps of the newcomers that came to
 * stay (`newcomers` of trainStudent). While the student trains, such an id is looked up elsewhere: as its feature's
 * stand-in, one cold id with a row of its own, so that the many rare ids, most of which will not come again, do not tell
 * that row what an id is like that does. docs/notebook/quality.md has what it gives.
 *
 * O(ids) a feature, deterministic.
 */
import type { FeatureInfo } from '../data/feature_info.ts';
import type { FeatureHashing } from '../hashing/feature_hashing.ts';
import type { HashFunction } from '../hashing/index.ts';
import type { Detours } from '../training/detours.ts';
import { inTurns } from '../turns.ts';

/**
 * Gives the row of unseen values to the ids of the last row, which is left to the coldest of them.
 *
 * @param hash - a table whose last row holds the ids without a row or cluster
 * @param recent - recent accesses, [ids]
 * @returns the table, one row higher
 */
export async function serveAsNewcomers(
  hash: HashFunction & { kind: 'table' },
  outOfVocabulary: number,
  recent: Uint32Array,
  signal?: AbortSignal,
): Promise<{ hash: HashFunction; standIn: number }> {
  const cold = hash.rows - 1;
  const entries = new Uint32Array(hash.entries);
  entries[outOfVocabulary] = hash.rows;
  const colder = (id: number, than: number | undefined) => than === undefined || recent[id]! <= recent[than]!;
  let standIn: number | undefined; // of the last row
  let coldest: number | undefined; // of all
  const serve = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) {
      if (id === outOfVocabulary) continue;
      if (colder(id, coldest)) coldest = id;
      if (entries[id] !== cold) continue;
      entries[id] = hash.rows;
      if (colder(id, standIn)) standIn = id;
    }
  };
  await inTurns(entries.length, serve, signal);
  standIn ??= coldest!;
  entries[standIn] = cold;
  return { hash: { ...hash, rows: hash.rows + 1, entries }, standIn };
}

/** The detours of a student's training that the stand-ins of its hashing ask for. */
export function newcomerDetours(
  hashing: readonly FeatureHashing[] | undefined,
  features: readonly FeatureInfo[],
): Detours {
  return features.map(({ outOfVocabulary }, f) => {
    const { standIn, hashes } = hashing?.[f] ?? {};
    const hash = hashes?.[0];
    if (standIn === undefined || hash?.kind !== 'table' || outOfVocabulary === null) return undefined;
    const { entries } = hash;
    const unseenRow = entries[outOfVocabulary];
    const lookedUpAs = new Uint32Array(entries.length);
    for (let id = 0; id < entries.length; id++) {
      lookedUpAs[id] = entries[id] === unseenRow && id !== outOfVocabulary ? standIn : id;
    }
    return [lookedUpAs];
  });
}
