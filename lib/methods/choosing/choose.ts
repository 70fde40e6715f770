/**
 * What `auto` chooses on the validation split: how the tables are laid out, then which of them earn their bytes. Nothing is
 * taken for granted: neither the share of hot rows nor the newest labels (cross_fit.ts), nor that clusters help at all.
 */

import { CollideError, checkFunction, checkList, checkObject, checkText, describe, isDiverged } from '../../errors.ts';

/** How the tables of a method are laid out, where there is a choice. */
export interface Shape {
  /** Share of a table's rows for the hottest ids. */
  hotShare?: number;
  /** Whether the teacher goes on over the student's rows, cross-fitted. */
  crossFit?: boolean;
  /** Pieces of a row, the learned one and hashed ones; see `learnHashing`. */
  parts?: number;
  /** Names of the tables that use the hashing trick. */
  hashed?: readonly string[];
  /** What else a method has to choose, by names of its own. */
  own?: Readonly<Record<string, string | number | boolean>>;
}

/** Every combination, the simplest first. */
export function shapesToTry(options: {
  hotShare: readonly number[];
  crossFit: readonly boolean[];
  parts: readonly number[];
}): Shape[] {
  return options.parts.flatMap((parts) =>
    options.crossFit.flatMap((crossFit) => options.hotShare.map((hotShare) => ({ hotShare, crossFit, parts }))),
  );
}

/** What `learnHashing` takes as `perFeature` so that the tables of a shape that are to be hashed are. */
export function hashedFeatures(shape: Shape): Record<string, { method: 'modulo' }> {
  checkObject(shape, 'the shape of hashedFeatures');
  const hashed = checkList(shape.hashed ?? [], 'hashed of a shape');
  return Object.fromEntries(hashed.map((name) => [name, { method: 'modulo' }]));
}

/** A student that was tried, and the log loss of each validation row. */
export interface Attempt {
  losses: Float64Array;
}

/**
 * The student with the least validation loss over `shapes` (of equals the first), then, given `tables`, the one where those
 * that {@link tablesToHash} names are hashed. What it gives is one of the students that `attempt` made. A shape whose student
 * diverges is left out.
 *
 * @param shapes - at least one
 * @param tables - the compressed tables that may be hashed instead
 * @param attempt - trains a student of a shape; the second argument counts the calls from 0
 * @throws CollideError INVALID_ARGUMENT without a shape; DIVERGED when every shape does; whatever else `attempt` throws
 * @example
 * ```ts
 * const shapes = [{ hotShare: 0 }, { hotShare: 0.5 }];
 * const { student } = await chooseShape(shapes, ['user', 'movie'], async (shape) => {
 *   const perFeature = hashedFeatures(shape);
 *   const hashing = await learnHashing(teacher, { size: 0.1, hotShare: shape.hotShare, perFeature });
 *   const student = await trainStudent(present, { hashing });
 *   return { student, losses: await student.losses(validation) };
 * });
 * ```
 */
export async function chooseShape<T extends Attempt>(
  shapes: readonly Shape[],
  tables: readonly string[],
  attempt: (shape: Shape, tried: number) => Promise<T>,
): Promise<T> {
  checkFunction(attempt, 'attempt of chooseShape');
  for (const shape of checkList(shapes, 'shapes of chooseShape')) checkObject(shape, 'a shape of chooseShape');
  for (const table of checkList(tables, 'tables of chooseShape')) checkText(table, 'a table of chooseShape');
  let best: { shape: Shape; student: T; loss: number } | undefined;
  let tried = 0;
  let divergence: CollideError | undefined;
  /** Null where it diverged. */
  const tryShape = async (shape: Shape): Promise<T | null> => {
    try {
      return await attempt(shape, tried++);
    } catch (error) {
      if (!isDiverged(error)) throw error;
      divergence = error;
      return null;
    }
  };
  for (const shape of shapes) {
    const student = await tryShape(shape);
    if (student === null) continue;
    checkLosses(student?.losses, 'losses of attempt of chooseShape');
    const loss = student.losses.reduce((sum, value) => sum + value, 0);
    if (best === undefined || loss < best.loss) best = { shape, student, loss };
  }
  if (best === undefined) {
    if (divergence !== undefined) throw divergence;
    throw new CollideError('INVALID_ARGUMENT', 'Expected at least one shape for chooseShape, received none');
  }
  const { shape, student } = best;
  const name = (hashed: readonly string[]) => JSON.stringify(hashed);
  const students = new Map<string, T>();
  const hashed = await tablesToHash(tables, async (names) => {
    const other = names.length === 0 ? student : await tryShape({ ...shape, hashed: names });
    if (other === null) return student.losses; // no better: it will not be chosen
    students.set(name(names), other);
    return other.losses;
  });
  return students.get(name(hashed))!;
}

/** Losses per validation row of a student whose tables in `hashed` use the hashing trick, the others a learned hash. */
export type Judge = (hashed: readonly string[]) => Promise<Float64Array>;

/**
 * Which tables use the hashing trick because the learned hash does not earn its bytes: it has a mapping to be served, the
 * hashing trick has none. Students that differ by nothing that matters differ by chance, hence: a table is hashed where that
 * is clearly better, its mean loss over the same rows lower by more than twice the standard error of the difference. One
 * student for all tables together, then, unless that settles it, one a table; of more than `MOST_GROUPS` tables one a
 * group of neighbours, `MOST_GROUPS` groups in all: each student is a whole training.
 *
 * @param tables - the names of the compressed tables
 * @param judge - asked for every set of tables at most once, first for none
 * @returns the names of the tables to hash
 * @example
 * ```ts
 * await tablesToHash(['user', 'movie'], async (hashed) => (await studentWith(hashed)).losses(validation));
 * ```
 */
export async function tablesToHash(tables: readonly string[], judge: Judge): Promise<string[]> {
  checkFunction(judge, 'judge of tablesToHash');
  for (const table of checkList(tables, 'tables of tablesToHash')) checkText(table, 'a table of tablesToHash');
  let best: readonly string[] = [];
  let losses = checkLosses(await judge(best), 'what judge of tablesToHash gives');
  const take = async (hashed: readonly string[]) => {
    const tried = checkLosses(await judge(hashed), 'what judge of tablesToHash gives', losses.length);
    if (!clearlyLower(tried, losses)) return;
    best = hashed;
    losses = tried;
  };
  if (tables.length > 0) await take(tables);
  if (best.length > 0) return [...best];
  const groups = groupsOf(tables);
  if (groups.length > 1) {
    for (const group of groups) if (best.length + group.length < tables.length) await take([...best, ...group]);
  }
  return [...best];
}

/** Most students that are trained to find single tables. */
export const MOST_GROUPS = 8;

/** Most students that {@link tablesToHash} has trained beside the one without hashed tables. */
export function mostSets(tables: readonly string[]): number {
  return tables.length < 2 ? tables.length : 1 + Math.min(MOST_GROUPS, tables.length);
}

/** The tables one by one, or neighbours together so that there are no more than `MOST_GROUPS` groups. */
function groupsOf(tables: readonly string[]): (readonly string[])[] {
  const groups = Math.min(MOST_GROUPS, tables.length);
  const from = (group: number) => Math.round((group * tables.length) / groups);
  return Array.from({ length: groups }, (_, group) => tables.slice(from(group), from(group + 1)));
}

function checkLosses(losses: unknown, where: string, length?: number): Float64Array {
  if (losses instanceof Float64Array && (length === undefined || losses.length === length)) return losses;
  const rows = length === undefined ? '' : ` of length ${length}`;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a Float64Array${rows} for ${where}, received ${describe(losses)}`,
  );
}

/** Whether paired losses are lower by more than twice the standard error of their mean difference. */
export function clearlyLower(losses: Float64Array, others: Float64Array): boolean {
  const n = losses.length;
  let sum = 0;
  for (let row = 0; row < n; row++) sum += losses[row]! - others[row]!;
  const mean = sum / n;
  let squares = 0;
  for (let row = 0; row < n; row++) squares += (losses[row]! - others[row]! - mean) ** 2;
  return mean < -2 * Math.sqrt(squares / (n * Math.max(1, n - 1)));
}
