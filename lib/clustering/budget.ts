/**
 * One budget of bytes for many tables: rows go where they lower the error of collisions most. Each table has a curve,
 * teacher error over rows, measured with balanced kd-trees; on the lower hulls of the curves the steepest steps are taken
 * until the bytes are spent, which is optimal for convex curves.
 *
 * A kd-tree per height and table: about 10 for a million ids. Deterministic.
 */
import type { Device } from '../device.ts';
import { CollideError, checkInteger, checkList, checkNumber, checkObject, checkOptions, checkText } from '../errors.ts';
import { bytesPerEntry } from '../hashing/pack.ts';
import type { JobOptions } from '../job.ts';
import { inTurns } from '../turns.ts';
import { learnKdTree } from './learners/kd_tree.ts';
import { type Counts, checkTeacherInTurns, checkTeacherShape, MOST_IDS } from './types.ts';

/** Measured heights are powers of it. */
const GRID = 4;
/** Heights between two measured ones that a budget may choose by whole steps. */
const BETWEEN = 8;

/** Teacher error of a table for several heights. */
export interface DistortionCurve {
  /** Powers of four up to the ids, and the ids themselves; ascending. */
  rows: number[];
  /** Count-weighted squared distances of the teacher's rows to their cluster's mean, summed; 0 for the last. */
  errors: number[];
}

/** A table that takes part. */
export interface BudgetTable {
  name: string;
  ids: number;
  curve: DistortionCurve;
  /** How much a unit of its teacher error hurts; 1 for all weighs tables by their accesses alone. */
  sensitivity: number;
}

/** What a table got. */
export interface BudgetShare {
  name: string;
  ids: number;
  /** As many as ids: it stays whole, and needs no mapping. */
  rows: number;
  /** Of the rows and the mapping. */
  bytes: number;
  mappingBytes: number;
  sensitivity: number;
  /** Sensitivity times teacher error at these rows, between measured heights by interpolation. */
  error: number;
  /** By how much the next byte would lower it; 0 for a whole table. */
  errorPerByte: number;
}

/**
 * The curve of one table: the error of the balanced kd-tree for every height.
 *
 * @param teacherRows - not to be changed until the promise settles, like the counts
 * @param options.device - of the kd-trees; the curve has the same bits on each. Default 'cpu'
 * @throws CollideError INVALID_ARGUMENT, ABORTED; CUDA_UNAVAILABLE; always by rejecting the promise
 */
export async function distortionCurve(
  teacherRows: Float32Array,
  dim: number,
  counts: Counts,
  options: Omit<JobOptions, 'onProgress'> & { device?: Device } = {},
): Promise<DistortionCurve> {
  const ids = checkTeacherShape(teacherRows, dim, counts, 'distortionCurve');
  await checkTeacherInTurns(teacherRows, dim, counts, 'distortionCurve', options.signal);
  const curve: DistortionCurve = { rows: [], errors: [] };
  for (let rows = 1; rows < ids; rows *= GRID) {
    curve.rows.push(rows);
    const assignment = await learnKdTree(teacherRows, dim, counts, rows, options);
    curve.errors.push(await errorOf(teacherRows, dim, counts, assignment, rows, options.signal));
  }
  curve.rows.push(ids);
  curve.errors.push(0);
  return curve;
}

/** Count-weighted squared distances of the ids to the mean of their row, summed. */
async function errorOf(
  teacherRows: Float32Array,
  dim: number,
  counts: Counts,
  assignment: Uint32Array,
  rows: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const means = new Float64Array(rows * dim);
  const weights = new Float64Array(rows);
  const slice = Math.ceil(16_384 / dim);
  const addUp = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) {
      const row = assignment[id]!;
      weights[row]! += counts[id]!;
      for (let d = 0; d < dim; d++) means[row * dim + d]! += counts[id]! * teacherRows[id * dim + d]!;
    }
  };
  await inTurns(counts.length, addUp, signal, slice);
  let error = 0;
  const compare = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) {
      if (counts[id] === 0) continue;
      const row = assignment[id]!;
      for (let d = 0; d < dim; d++) {
        error += counts[id]! * (teacherRows[id * dim + d]! - means[row * dim + d]! / weights[row]!) ** 2;
      }
    }
  };
  await inTurns(counts.length, compare, signal, slice);
  return error;
}

/** Bytes of a table of float32 rows: the rows, and the mapping (whole bytes per id) unless it is whole. */
function bytesOf(ids: number, rows: number, dim: number): { bytes: number; mappingBytes: number } {
  const mappingBytes = rows < ids ? ids * bytesPerEntry(rows) : 0;
  return { bytes: rows * dim * 4 + mappingBytes, mappingBytes };
}

/** Error at any height: linear in the logarithm of the rows between measured ones. */
function errorAt({ curve: { rows, errors }, sensitivity }: BudgetTable, at: number): number {
  const k = rows.findIndex((height) => height >= at);
  if (rows[k] === at) return sensitivity * errors[k]!;
  const share = Math.log(at / rows[k - 1]!) / Math.log(rows[k]! / rows[k - 1]!);
  return sensitivity * (errors[k - 1]! + share * (errors[k]! - errors[k - 1]!));
}

interface Corner {
  rows: number;
  bytes: number;
  error: number;
}

/** The measured heights and some between. */
function heightsOf({ rows }: DistortionCurve): number[] {
  const heights = new Set(rows);
  for (const [k, low] of rows.slice(0, -1).entries()) {
    for (let step = 1; step < BETWEEN; step++) heights.add(Math.round(low * (rows[k + 1]! / low) ** (step / BETWEEN)));
  }
  return [...heights];
}

/** The lower hull of (bytes, error), from one row on: errors fall, ever less per byte. */
function hullOf(table: BudgetTable, dim: number): Corner[] {
  const hull: Corner[] = [];
  const slope = (a: Corner, b: Corner) => (b.error - a.error) / (b.bytes - a.bytes);
  const corners = heightsOf(table.curve)
    .map((rows) => ({ rows, bytes: bytesOf(table.ids, rows, dim).bytes, error: errorAt(table, rows) }))
    .sort((a, b) => a.bytes - b.bytes || a.error - b.error);
  for (const corner of corners) {
    if (hull.length > 0 && corner.error >= hull.at(-1)!.error) continue;
    while (hull.length > 1 && slope(hull.at(-2)!, hull.at(-1)!) >= slope(hull.at(-1)!, corner)) hull.pop();
    hull.push(corner);
  }
  return hull;
}

/**
 * Shares `bytes` (rows of width `dim` as float32, and mappings) out among tables so that the sum of sensitivity times
 * teacher error is least. What is left after the last whole step lengthens the table that was next.
 *
 * @throws CollideError INVALID_ARGUMENT for tables that cannot fit even at their smallest: the message says what they need
 * @example
 * ```ts
 * const curve = await distortionCurve(teacherRows, 2, counts);
 * const [movie] = shareBudget([{ name: 'movie', ids: counts.length, curve, sensitivity: 1 }], { bytes: 1e6, dim: 16 });
 * movie.rows;
 * ```
 */
export function shareBudget(tables: readonly BudgetTable[], options: { bytes: number; dim: number }): BudgetShare[] {
  checkTables(tables, 'shareBudget');
  checkOptions(options, ['bytes', 'dim'], 'shareBudget');
  const dim = checkInteger(options.dim, 1, 65_536, 'dim of the budget');
  const bytes = checkNumber(options.bytes, 1, Number.MAX_SAFE_INTEGER, 'bytes of the budget');
  const hulls = tables.map((table) => hullOf(table, dim));
  const at = hulls.map(() => 0);
  let left = bytes - hulls.reduce((sum, hull) => sum + hull[0]!.bytes, 0);
  if (left < 0) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected at least ${bytes - left} bytes for ${tables.length} tables of one row and their mappings, received ${bytes}`,
    );
  }
  const gain = (t: number) => {
    const [from, to] = [hulls[t]![at[t]!]!, hulls[t]![at[t]! + 1]];
    return to === undefined ? 0 : (from.error - to.error) / (to.bytes - from.bytes);
  };
  const rows = hulls.map((hull) => hull[0]!.rows);
  const open = new Set(hulls.keys());
  while (open.size > 0) {
    // The steepest step, of equals the first table's.
    const next = [...open].reduce((best, t) => (gain(t) > gain(best) ? t : best));
    if (gain(next) === 0) break;
    const [from, to] = [hulls[next]![at[next]!]!, hulls[next]![at[next]! + 1]!];
    if (to.bytes - from.bytes <= left) {
      left -= to.bytes - from.bytes;
      at[next]!++;
      rows[next] = to.rows;
      continue;
    }
    // A part of the step. Cheaper steps of other tables may still fit.
    open.delete(next);
    const longer = longest(tables[next]!.ids, from, Math.min(to.rows, tables[next]!.ids - 1), from.bytes + left, dim);
    left -= bytesOf(tables[next]!.ids, longer, dim).bytes - from.bytes;
    rows[next] = longer;
  }
  return tables.map((table, t) => ({
    name: table.name,
    ids: table.ids,
    rows: rows[t]!,
    ...bytesOf(table.ids, rows[t]!, dim),
    sensitivity: table.sensitivity,
    error: errorAt(table, rows[t]!),
    errorPerByte: gain(t),
  }));
}

/** @throws CollideError INVALID_ARGUMENT naming the first table that is none */
function checkTables(tables: readonly BudgetTable[], where: string): void {
  for (const [t, table] of checkList(tables, `the tables of ${where}`).entries()) {
    checkObject(table, `table ${t} of ${where}`);
    const name = `table "${checkText(table.name, `the name of table ${t} of ${where}`)}"`;
    checkInteger(table.ids, 1, MOST_IDS, `ids of ${name}`);
    checkNumber(table.sensitivity, 0, Number.MAX_VALUE, `sensitivity of ${name}`);
    checkObject(table.curve, `curve of ${name}, as distortionCurve gives it,`);
    const { rows, errors } = table.curve;
    if (checkList(rows, `curve.rows of ${name}`).length !== checkList(errors, `curve.errors of ${name}`).length) {
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected as many errors as rows in the curve of ${name}, received ${errors.length} and ${rows.length}`,
      );
    }
    for (const height of rows) checkInteger(height, 1, MOST_IDS, `curve.rows of ${name}`);
    for (const error of errors) checkNumber(error, 0, Number.MAX_VALUE, `curve.errors of ${name}`);
  }
}

/** One share of the ids for all tables: what `learnHashing` does without a plan. */
export interface UniformShare {
  /** Of the ids of every table that is not whole; 1: all are. */
  size: number;
  /** In the order of the tables. */
  rows: number[];
  bytes: number;
  /** Sum of sensitivity times teacher error, measured like that of a plan. */
  error: number;
}

/**
 * The largest share of the ids with which tables of ceil(share * ids) rows fit the bytes; tables of fewer than `minRows`
 * ids stay whole. Undefined where not even one row for each of the others fits.
 */
export function uniformShare(
  tables: readonly BudgetTable[],
  options: { bytes: number; dim: number; minRows: number },
): UniformShare | undefined {
  checkTables(tables, 'uniformShare');
  checkOptions(options, ['bytes', 'dim', 'minRows'], 'uniformShare');
  const dim = checkInteger(options.dim, 1, 65_536, 'dim of the budget');
  const bytes = checkNumber(options.bytes, 1, Number.MAX_SAFE_INTEGER, 'bytes of the budget');
  const minRows = checkInteger(options.minRows, 0, 2 ** 32, 'minRows of uniformShare');
  const at = (size: number): UniformShare => {
    const rows = tables.map(({ ids }) => (ids < minRows ? ids : Math.max(1, Math.ceil(size * ids))));
    return {
      size,
      rows,
      bytes: tables.reduce((sum, { ids }, t) => sum + bytesOf(ids, rows[t]!, dim).bytes, 0),
      error: tables.reduce((sum, table, t) => sum + errorAt(table, rows[t]!), 0),
    };
  };
  const all = at(1);
  if (all.bytes <= bytes) return all;
  let best: UniformShare | undefined;
  for (let low = 0, high = 1, step = 0; step < 50; step++) {
    const tried = at((low + high) / 2);
    if (tried.bytes > bytes) high = tried.size;
    else {
      low = tried.size;
      best = tried;
    }
  }
  return best;
}

/** Most rows, from `from.rows` to `most`, that a table of these bytes can have. */
function longest(ids: number, from: Corner, most: number, bytes: number, dim: number): number {
  let [low, high] = [from.rows, Math.max(from.rows, most)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (bytesOf(ids, middle, dim).bytes <= bytes) low = middle;
    else high = middle - 1;
  }
  return low;
}
