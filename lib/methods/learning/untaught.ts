/**
 * Features that a teacher could learn nothing of: constant or NULL in its rows and alive later, or with hardly any of the
 * ids that are asked for now. What it has learned of them cannot tell later ids apart, which would all share a row; hashing
 * spreads them over all rows.
 */
import type { Split } from '../../data/types.ts';
import type { TeacherFeature } from '../../pipeline/teacher.ts';

/** A teacher that does not know this share of the recent accesses has nothing to say. */
const UNKNOWN_SHARE = 0.9;

/**
 * Whether a teacher has nothing to say of a feature: it met at most one id of several, or does not know the ids of nearly
 * all recent accesses. O(ids).
 *
 * @param feature - its number in the splits
 * @param recent - splits whose accesses count; without them the teacher's counts decide alone
 */
export function isUntaught(
  { cardinality, counts }: Pick<TeacherFeature, 'cardinality' | 'counts'>,
  feature: number,
  recent: readonly Split[] = [],
): boolean {
  if (cardinality < 2) return false;
  let known = 0;
  for (let id = 0; id < cardinality; id++) if (counts[id]! > 0) known++;
  if (known <= 1) return true;
  let accesses = 0;
  let unknown = 0;
  for (const split of recent) {
    const later = split.idCounts(feature);
    for (let id = 0; id < cardinality; id++) {
      accesses += later[id]!;
      if (counts[id] === 0) unknown += later[id]!;
    }
  }
  return unknown > UNKNOWN_SHARE * accesses;
}

const told = new Set<string>();

/** One process warning (code `COLLIDE_UNTAUGHT`) for each set of such features. */
export function tellUntaught(names: readonly string[]): void {
  if (names.length === 0) return;
  const text = `${untaughtText(names)}. Let the teacher's rows hold what later rows do, or leave the feature out`;
  if (told.has(text)) return;
  told.add(text);
  process.emitWarning(text, { type: 'CollideWarning', code: 'COLLIDE_UNTAUGHT' });
}

/** What people are told about them. */
export function untaughtText(names: readonly string[]): string {
  const list = names.map((name) => `"${name}"`).join(', ');
  return `The teacher could learn nothing of ${list} (constant or NULL in its rows, or nearly all of the later ids are new): hashed by modulo instead`;
}
