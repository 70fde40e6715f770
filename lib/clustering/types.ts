import { CollideError, checkInteger, describe } from '../errors.ts';
import { inTurns } from '../turns.ts';

/** Access counts per id: whole numbers, sum below 2^53. */
export type Counts = Uint32Array | Float64Array;

/** Values or counts as native code takes them. */
export function asDoubles(array: Counts | Float32Array): Float64Array {
  return array instanceof Float64Array ? array : new Float64Array(array);
}

/** Ids and rows are 32-bit in native code. */
export const MOST_IDS = 2 ** 32 - 1;

/** Checks access counts by type and length; native code looks at the elements. */
export function checkCountsShape(counts: unknown, ids: number, where: string): asserts counts is Counts {
  if ((counts instanceof Uint32Array || counts instanceof Float64Array) && counts.length === ids) return;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a Uint32Array or Float64Array of length ${ids} (one count per id) for ${where}, received ${describe(counts)}`,
  );
}

/**
 * Checks that access counts are whole numbers with an exact sum, in turns of the event loop. O(n).
 *
 * @throws CollideError INVALID_ARGUMENT naming the first bad element
 */
export async function checkCountsInTurns(counts: Counts, where: string, signal?: AbortSignal): Promise<void> {
  let total = 0;
  const check = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) {
      const count = counts[id]!;
      total += count;
      if (Number.isSafeInteger(count) && count >= 0 && total <= Number.MAX_SAFE_INTEGER) continue;
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected whole numbers from 0 with a sum below 2^53 for ${where}, received ${count} at index ${id}`,
      );
    }
  };
  await inTurns(counts.length, check, signal);
}

/**
 * Checks teacher rows by type and length; returns the number of ids. Native code looks at the elements.
 *
 * @throws CollideError INVALID_ARGUMENT naming the argument
 */
export function checkRowsShape(teacherRows: unknown, dim: unknown, where: string): number {
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
  return ids;
}

/** {@link checkRowsShape} and {@link checkCountsShape}; returns the number of ids. */
export function checkTeacherShape(teacherRows: unknown, dim: unknown, counts: unknown, where: string): number {
  const ids = checkRowsShape(teacherRows, dim, where);
  checkCountsShape(counts, ids, `counts of ${where}`);
  return ids;
}

/** @throws CollideError INVALID_ARGUMENT naming the first of the values [begin, end) that is not finite */
function checkFinite(teacherRows: Float32Array, dim: number, where: string, begin: number, end: number): void {
  // A loop: findIndex, which calls back for every value, takes ten times as long.
  for (let k = begin; k < end; k++) {
    if (Number.isFinite(teacherRows[k])) continue;
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected finite numbers for the teacher rows of ${where}, received ${teacherRows[k]} for id ${Math.floor(k / dim)}, dimension ${k % dim}`,
    );
  }
}

/**
 * Checks teacher rows at once; returns the number of ids. O(ids * dim).
 *
 * @throws CollideError INVALID_ARGUMENT naming the argument, and for values the first bad element
 */
export function checkTeacherRows(teacherRows: unknown, dim: unknown, where: string): number {
  const ids = checkRowsShape(teacherRows, dim, where);
  checkFinite(teacherRows as Float32Array, dim as number, where, 0, ids * (dim as number));
  return ids;
}

/**
 * Checks the elements of a teacher of the right shape, in turns of the event loop. O(ids * dim).
 *
 * @throws CollideError INVALID_ARGUMENT naming the first bad element, ABORTED
 */
export async function checkTeacherInTurns(
  teacherRows: Float32Array,
  dim: number,
  counts: Counts,
  where: string,
  signal?: AbortSignal,
): Promise<void> {
  const check = (begin: number, end: number) => checkFinite(teacherRows, dim, where, begin, end);
  await inTurns(teacherRows.length, check, signal);
  await checkCountsInTurns(counts, `counts of ${where}`, signal);
}
