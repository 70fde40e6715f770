/** Rows for every table of a teacher out of one budget of bytes, beside the usual rule: one share, small tables whole. */

import {
  type BudgetShare,
  type BudgetTable,
  distortionCurve,
  shareBudget,
  type UniformShare,
  uniformShare,
} from '../../clustering/budget.ts';
import type { Device } from '../../device.ts';
import { CollideError, checkInteger, checkOptions, describe, suggestion } from '../../errors.ts';
import { optionNames } from '../../option_names.ts';
import { checkTeacher, type Teacher } from '../../pipeline/teacher.ts';
import { DEFAULT_MIN_ROWS } from '../table_rows.ts';

const OPTIONS = optionNames<BudgetOptions>({
  bytes: true,
  dim: true,
  sensitivity: true,
  minRows: true,
  signal: true,
  threads: true,
  device: true,
});

/** Options of {@link planBudget}. */
export interface BudgetOptions {
  /** Of all tables together, their mappings included. */
  bytes: number;
  /** Width of the student's rows, float32. */
  dim: number;
  /**
   * How much a unit of teacher error hurts, by feature: the mean squared gradient of the feature's pooled output, or the
   * loss of quality when it alone is hashed. Default: as `trainTeacher` measured it for all features; 1 where the teacher
   * was made elsewhere.
   */
  sensitivity?: Readonly<Record<string, number>>;
  /** Of the uniform share that the plan is compared with: features with fewer ids stay whole. Default 500. */
  minRows?: number;
  /** Stops the work; the promise rejects with ABORTED. */
  signal?: AbortSignal;
  /** Of the kd-trees; the plan is the same for any number. Default: all. */
  threads?: number;
  /** Of the kd-trees; the plan is the same on each. Default 'cpu'. */
  device?: Device;
}

/** A plan and what it was chosen from. */
export interface BudgetPlan {
  tables: BudgetShare[];
  /** Rows by feature, as `learnHashing` takes them. */
  rows: Record<string, number>;
  /** At most the budget. */
  bytes: number;
  /** Sum of sensitivity times teacher error. */
  error: number;
  /** What the same bytes give with one share for all tables; undefined where even a row each is too much. */
  uniform: UniformShare | undefined;
}

/**
 * Chooses rows for every feature of a teacher so that the collisions' error is least for a number of bytes: tables whose
 * vectors are alike, or seldom read, or whose errors hardly change the teacher's loss, get fewer. An estimate from the
 * teacher alone; the student's quality is the judge, and one share for all large tables stays the default of `learnHashing`.
 *
 * @throws CollideError INVALID_ARGUMENT (a budget below the least that is possible, an unknown feature), UNKNOWN_OPTION,
 * ABORTED, CUDA_UNAVAILABLE
 * @example
 * ```ts
 * const { rows, tables } = await planBudget(teacher, { bytes: 10e6, dim: 16 });
 * const hashing = await learnHashing(teacher, { size: 1, rows, method: 'kd-tree' });
 * ```
 */
export async function planBudget(teacher: Teacher, options: BudgetOptions): Promise<BudgetPlan> {
  checkTeacher(teacher, 'planBudget');
  checkOptions(options, OPTIONS, 'planBudget');
  const { bytes, dim, sensitivity = {}, signal, threads, device } = options;
  const minRows = checkInteger(options.minRows ?? DEFAULT_MIN_ROWS, 0, 2 ** 32, 'minRows of planBudget');
  checkFeatures(sensitivity, teacher, 'sensitivity of planBudget');
  // Some measured and some not could not be compared.
  const known = teacher.features.every((feature) => feature.sensitivity !== undefined);
  const measured: BudgetTable[] = [];
  for (const { name, cardinality, rows, counts, sensitivity: own } of teacher.features) {
    const curve = await distortionCurve(rows, teacher.dim, counts, { signal, threads, device });
    measured.push({ name, ids: cardinality, curve, sensitivity: sensitivity[name] ?? (known ? own! : 1) });
  }
  const tables = shareBudget(measured, { bytes, dim });
  return {
    tables,
    rows: Object.fromEntries(tables.map(({ name, rows }) => [name, rows])),
    bytes: tables.reduce((sum, table) => sum + table.bytes, 0),
    error: tables.reduce((sum, table) => sum + table.error, 0),
    uniform: uniformShare(measured, { bytes, dim, minRows }),
  };
}

/** @throws CollideError INVALID_ARGUMENT for what is no object by feature name, or a name that no feature has */
export function checkFeatures(byFeature: unknown, { features }: Teacher, where: string): void {
  if (typeof byFeature !== 'object' || byFeature === null || Array.isArray(byFeature)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected an object by feature name for ${where}, received ${describe(byFeature)}`,
    );
  }
  const known = features.map(({ name }) => name);
  const unknown = Object.keys(byFeature).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected features of the teacher for ${where}, received "${unknown}".${suggestion(unknown, known)}`,
  );
}
