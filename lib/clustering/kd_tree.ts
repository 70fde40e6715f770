/**
 * The balanced kd-tree hash: teacher rows of any width are halved along their widest axis until one row is left for each
 * part. It uses all teacher dimensions together, where the 1-D methods see one at a time.
 *
 * O(dim * n log(rows)): each axis is sorted once, splits partition the sorted lists and keep their order. 1e6 ids of
 * width 2 take about a second. Deterministic.
 */
import { checkInteger } from '../errors.ts';
import { mixedOrder, orderByKeys } from './order.ts';
import { axisProjection } from './principal.ts';
import { checkTeacher, type Learner } from './types.ts';

/** Keeps ids that were never seen from weighing nothing. */
const LEAST_COUNT = 0.3;

/** A part of the ids, lists[axis][start .. end), that shares rows firstRow .. firstRow + rows - 1. */
interface Part {
  start: number;
  end: number;
  firstRow: number;
  rows: number;
}

/**
 * Rows by a balanced kd-tree. A part with tau rows is split along the axis of most weighted variance (the first of
 * equals) where the running mass first reaches floor(tau / 2) / tau of its total; the lower side gets floor(tau / 2)
 * rows, the other the rest. Mass of an id is sqrt(count + 0.3), equal values go by mix64(id).
 *
 * Each side keeps at least as many ids as rows, so with n >= rows every row is used; with fewer ids each owns a row.
 *
 * @param teacherRows - float32 [ids * dim], finite
 * @param counts - accesses, [ids]
 * @param rows - rows to share, at least 1
 * @returns row of each id, 0 .. min(rows, ids) - 1
 * @throws CollideError INVALID_ARGUMENT for bad rows or counts
 * @example
 * ```ts
 * learnKdTree(Float32Array.of(0, 0, 0, 1, 9, 0, 9, 1), 2, Uint32Array.of(1, 1, 1, 1), 2); // Uint32Array [0, 0, 1, 1]
 * ```
 */
export const learnKdTree: Learner<never> = (teacherRows, dim, counts, rows) => {
  const n = checkTeacher(teacherRows, dim, counts, 'learnKdTree');
  checkInteger(rows, 1, Number.MAX_SAFE_INTEGER, 'rows of learnKdTree');
  const mass = Float64Array.from(counts, (count) => Math.sqrt(count + LEAST_COUNT));
  const ties = mixedOrder(n);
  const lists = Array.from({ length: dim }, (_, axis) => orderByKeys(axisProjection(teacherRows, dim, axis), ties));
  const scratch = new Uint32Array(n);
  const lower = new Uint8Array(n); // 1 while the id is on the lower side of the split at hand
  const assignment = new Uint32Array(n);

  const parts: Part[] = [{ start: 0, end: n, firstRow: 0, rows: Math.min(rows, n) }];
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const { start, end, firstRow, rows: tau } = part;
    if (tau === 1) {
      for (let k = start; k < end; k++) assignment[lists[0]![k]!] = firstRow;
      continue;
    }
    const { axis, total } = widestAxis(teacherRows, dim, mass, lists[0]!.subarray(start, end));
    const half = Math.floor(tau / 2);
    const list = lists[axis]!;
    let cut = start;
    for (let sum = 0; cut < end && sum < (half / tau) * total; cut++) sum += mass[list[cut]!]!;
    cut = Math.max(start + half, Math.min(cut, end - (tau - half)));
    for (let k = start; k < end; k++) lower[list[k]!] = k < cut ? 1 : 0;
    for (let other = 0; other < dim; other++) {
      if (other !== axis) partition(lists[other]!.subarray(start, end), lower, scratch);
    }
    parts.push({ start: cut, end, firstRow: firstRow + half, rows: tau - half });
    parts.push({ start, end: cut, firstRow, rows: half });
  }
  return assignment;
};

/** The axis of most mass-weighted variance among `ids`, and their total mass. Sums run in the order of `ids`. */
function widestAxis(
  teacherRows: Float32Array,
  dim: number,
  mass: Float64Array,
  ids: Uint32Array,
): { axis: number; total: number } {
  let total = 0;
  for (let k = 0; k < ids.length; k++) total += mass[ids[k]!]!;
  let axis = 0;
  let most = -1;
  for (let d = 0; d < dim; d++) {
    let sum = 0;
    for (let k = 0; k < ids.length; k++) sum += mass[ids[k]!]! * teacherRows[ids[k]! * dim + d]!;
    const mean = sum / total;
    let variance = 0;
    for (let k = 0; k < ids.length; k++) {
      const deviation = teacherRows[ids[k]! * dim + d]! - mean;
      variance += mass[ids[k]!]! * deviation * deviation;
    }
    if (variance > most) {
      most = variance;
      axis = d;
    }
  }
  return { axis, total };
}

/** Moves the ids with `lower` set to the front; both groups keep their order. */
function partition(ids: Uint32Array, lower: Uint8Array, scratch: Uint32Array): void {
  let kept = 0;
  let moved = 0;
  for (let k = 0; k < ids.length; k++) {
    const id = ids[k]!;
    if (lower[id] === 1) ids[kept++] = id;
    else scratch[moved++] = id;
  }
  ids.set(scratch.subarray(0, moved), kept);
}
