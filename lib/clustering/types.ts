import { CollideError, checkInteger, describe } from '../errors.ts';

/** Access counts per id: whole numbers, sum below 2^53. */
export type Counts = Uint32Array | Float64Array;

/**
 * A clustering of a teacher's rows in its own space: `learn(teacherRows [ids * dim], dim, counts [ids], rows)` gives
 * the row of each id, 0 .. min(rows, ids) - 1, every one of them used. Deterministic. The work runs on a native thread.
 */
export type Learner<Options> = (
  teacherRows: Float32Array,
  dim: number,
  counts: Counts,
  rows: number,
  options?: Options,
) => Promise<Uint32Array>;

/** Values or counts as native code takes them. */
export function asDoubles(array: Counts | Float32Array): Float64Array {
  return array instanceof Float64Array ? array : new Float64Array(array);
}

/** Ids and rows are 32-bit in native code. */
export const MOST_IDS = 2 ** 32 - 1;

/** Checks access counts by type, length, and that they are whole numbers with an exact sum. O(n). */
export function checkCounts(counts: unknown, ids: number, where: string): asserts counts is Counts {
  if (!(counts instanceof Uint32Array || counts instanceof Float64Array) || counts.length !== ids) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Uint32Array or Float64Array of length ${ids} (one count per id) for ${where}, received ${describe(counts)}`,
    );
  }
  let total = 0;
  for (let id = 0; id < ids; id++) {
    const count = counts[id]!;
    total += count;
    if (Number.isSafeInteger(count) && count >= 0 && total <= Number.MAX_SAFE_INTEGER) continue;
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected whole numbers from 0 with a sum below 2^53 for ${where}, received ${count} at index ${id}`,
    );
  }
}

/**
 * Checks teacher rows; returns the number of ids. O(ids * dim).
 *
 * @throws CollideError INVALID_ARGUMENT naming the argument, and for values the first bad element
 */
export function checkTeacherRows(teacherRows: unknown, dim: unknown, where: string): number {
  const width = checkInteger(dim, 1, 4096, `dim of ${where}`);
  if (!(teacherRows instanceof Float32Array)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Float32Array for the teacher rows of ${where}, received ${describe(teacherRows)}`,
    );
  }
  const ids = teacherRows.length / width;
  if (ids < 1 || ids > MOST_IDS || !Number.isInteger(ids)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected ids * dim values (1 to 2^32 - 1 ids, dim ${width}) for the teacher rows of ${where}, received ${describe(teacherRows)}`,
    );
  }
  // A loop: findIndex, which calls back for every value, takes ten times as long.
  for (let k = 0; k < teacherRows.length; k++) {
    if (Number.isFinite(teacherRows[k])) continue;
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected finite numbers for the teacher rows of ${where}, received ${teacherRows[k]} for id ${Math.floor(k / width)}, dimension ${k % width}`,
    );
  }
  return ids;
}

/** {@link checkTeacherRows} and {@link checkCounts}; returns the number of ids. */
export function checkTeacher(teacherRows: unknown, dim: unknown, counts: unknown, where: string): number {
  const ids = checkTeacherRows(teacherRows, dim, where);
  checkCounts(counts, ids, `counts of ${where}`);
  return ids;
}
