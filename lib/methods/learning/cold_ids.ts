/**
 * Cold ids (no row of their own, unknown to the teacher) are served by the out-of-vocabulary row, where `unseen` of
 * learnHashing is 'out-of-vocabulary'. That row is trained on a share of the accesses to ids that are new since the
 * teacher's data (`outOfVocabulary` of trainStudent). While a student trains, cold ids share another row, so that the many
 * of them that will not come again do not train the row that serves them. docs/notebook/quality.md has what it gives.
 *
 * O(ids) a feature, deterministic.
 */
import type { HashFunction } from '../../hashing/index.ts';
import { inTurns } from '../../turns.ts';

type TableHash = HashFunction & { kind: 'table' };

export interface ServedColdIds {
  /** Serves cold ids by the out-of-vocabulary row, the last of `hash.rows + 1`. */
  hash: TableHash;
  /** Trains cold ids on the row before it. */
  trainingHash: TableHash;
  /** The row that cold ids train. It serves the coldest of them. */
  coldRow: number;
}

/**
 * Adds the out-of-vocabulary row to a table.
 *
 * @param hash - a table whose last row holds the ids without a row or cluster
 * @param recent - recent accesses, [ids]
 * @throws CollideError ABORTED
 */
export async function serveColdIds(
  hash: TableHash,
  outOfVocabulary: number,
  recent: Uint32Array,
  signal?: AbortSignal,
): Promise<ServedColdIds> {
  const [coldRow, lastRow] = [hash.rows - 1, hash.rows];
  const training = new Uint32Array(hash.entries);
  training[outOfVocabulary] = lastRow;
  const served = training.slice();
  const colder = (id: number, than: number | undefined) => than === undefined || recent[id]! <= recent[than]!;
  let kept: number | undefined; // the coldest id of the cold row
  let coldest: number | undefined; // of all
  const serve = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) {
      if (id === outOfVocabulary) continue;
      if (colder(id, coldest)) coldest = id;
      if (served[id] !== coldRow) continue;
      served[id] = lastRow;
      if (colder(id, kept)) kept = id;
    }
  };
  await inTurns(served.length, serve, signal);
  kept ??= coldest!;
  served[kept] = coldRow;
  training[kept] = coldRow;
  const rows = hash.rows + 1;
  return { hash: { ...hash, rows, entries: served }, trainingHash: { ...hash, rows, entries: training }, coldRow };
}
