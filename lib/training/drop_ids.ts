/**
 * Trains the rows of unseen values: while a model trains, a random share of the ids is replaced by their feature's
 * out-of-vocabulary id. Without it that id comes for the first time when the model is evaluated, its row is still at its
 * random start, and the layers above have never seen it.
 *
 * O(replaced ids): the gaps between them are drawn, not every id. Deterministic in the seed.
 */
import { Random } from '../data/random.ts';
import type { FeatureInfo } from '../data/types.ts';

/** Where a batch keeps its ids; see `Batch` of data/. */
interface Ids {
  size: number;
  indices: Uint32Array;
  offsets: Uint32Array;
}

/**
 * A function that replaces ids of a batch in place: each with probability `share`, independently of all others.
 * Features without an out-of-vocabulary id keep theirs.
 *
 * @param share - from 0 to below 1
 */
export function idDropper(
  features: readonly FeatureInfo[],
  share: number,
  seed: number,
  known?: readonly Uint32Array[],
): (batch: Ids) => void {
  if (share === 0) return () => {};
  const random = new Random(seed);
  const scale = 1 / Math.log1p(-share);
  // Ids to keep before the next replaced one: geometric. 1 - u is above 0.
  const gap = () => Math.floor(Math.log(1 - random.uniform()) * scale);
  return ({ size, indices, offsets }) => {
    for (const [f, { outOfVocabulary }] of features.entries()) {
      if (outOfVocabulary === null) continue;
      const end = offsets[(f + 1) * size]!;
      for (let i = offsets[f * size]! + gap(); i < end; i += 1 + gap()) {
        if (known === undefined || known[f]![indices[i]!] === 0) indices[i] = outOfVocabulary;
      }
    }
  };
}
