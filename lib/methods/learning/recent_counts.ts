/** How often ids come in the newest rows. */
import type { Split } from '../../data/types.ts';
import type { Vocabulary } from '../../data/vocabulary.ts';
import { CollideError, describe } from '../../errors.ts';
import { checkSplitOf } from '../../training/check_splits.ts';
import { inTurns } from '../../turns.ts';

/** Checks the splits whose accesses are counted. @throws CollideError INVALID_ARGUMENT, VOCABULARY_MISMATCH */
export function checkRecent(recent: unknown, model: Vocabulary, where: string, name: string): void {
  if (recent === undefined) return;
  if (!Array.isArray(recent)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a list of splits for recent of ${where}, received ${describe(recent)}`,
    );
  }
  for (const split of recent) checkSplitOf(model, split, `recent of ${where}`, { model: name, data: 'recent' });
}

/** Accesses per id over several splits, saturating at 2^32 - 1. @throws CollideError ABORTED */
export async function recentCounts(
  splits: readonly Split[],
  feature: number,
  cardinality: number,
  signal?: AbortSignal,
): Promise<Uint32Array> {
  const counts = new Uint32Array(cardinality);
  for (const split of splits) {
    const own = split.idCounts(feature);
    const add = (begin: number, end: number) => {
      for (let id = begin; id < end; id++) counts[id] = Math.min(0xffff_ffff, counts[id]! + own[id]!);
    };
    await inTurns(cardinality, add, signal);
  }
  return counts;
}
