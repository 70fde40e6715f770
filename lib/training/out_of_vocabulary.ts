/**
 * Trains the out-of-vocabulary rows. Without help their id comes for the first time when a model is evaluated: its row is
 * still at its random start, or that of the ids that it collides with. Here a share of the accesses to new ids, those that
 * older examples do not have, stands for the unknown ids of the future: they are looked up as out-of-vocabulary ids. By
 * access, not by id: among ids that came once are few of those that will come often.
 *
 * O(replaced ids) a batch: the gaps between candidates are drawn, not every id. Deterministic in the seed.
 */
import { Random } from '../data/random.ts';
import type { Split } from '../data/types.ts';

/** Where a batch keeps its ids; see `Batch` of data/. */
interface BatchIds {
  size: number;
  indices: Uint32Array;
  offsets: Uint32Array;
}

/**
 * A function that replaces ids of a batch in place, each new one with probability `share`, by its feature's
 * out-of-vocabulary id. Features without such an id keep theirs.
 *
 * @param older - examples whose ids are not new
 * @param share - from 0 to below 1
 */
export function replaceNewIds(older: Split, share: number, seed: number): (batch: BatchIds) => void {
  if (share === 0) return () => {};
  const random = new Random(seed);
  const scale = 1 / Math.log1p(-share);
  // Ids between two candidates: geometric. 1 - u is above 0.
  const gap = () => Math.floor(Math.log(1 - random.uniform()) * scale);
  const features = older.features.map(({ outOfVocabulary }, f) => ({ outOfVocabulary, counts: older.idCounts(f) }));
  return ({ size, indices, offsets }) => {
    for (const [f, { outOfVocabulary, counts }] of features.entries()) {
      if (outOfVocabulary === null) continue;
      const end = offsets[(f + 1) * size]!;
      for (let i = offsets[f * size]! + gap(); i < end; i += 1 + gap()) {
        if (counts[indices[i]!] === 0) indices[i] = outOfVocabulary;
      }
    }
  };
}
