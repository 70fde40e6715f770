/**
 * One-dimensional views of teacher rows, for the learners that cluster a single value: an axis of the teacher as it is,
 * or a count-weighted principal component. "Learning to Collide" clusters in 1-D spaces, one per internal table.
 *
 * Principal components are the public face of native/cpu/clustering/principal.h: native jobs, with the same bits for any number of
 * threads. Rows [ids * dim] float32 and counts are copied at the call; results are float64.
 */
import { checkInteger, checkOptions } from '../errors.ts';
import { checkJobOptions, type JobOptions, runSilentJob } from '../job.ts';
import { type NativePrincipal, native } from '../native.ts';
import { optionNames } from '../option_names.ts';
import { asDoubles, type Counts, checkTeacherRows, checkTeacherShape } from './types.ts';

/** Principal components of teacher rows, most variance first. */
export interface PrincipalComponents {
  /** [dim] count-weighted mean row. */
  mean: Float64Array;
  /** Unit vectors [dim]; each one's largest entry is positive. */
  components: Float64Array[];
  /** Count-weighted variance along each component. */
  variances: Float64Array;
}

/** How a view of teacher rows is computed. */
export type ViewOptions = Omit<JobOptions, 'onProgress'>;

/** Options of {@link principalComponents}. */
export interface PrincipalOptions extends ViewOptions {
  /** How many components are wanted, the leading ones. Default: all, `dim`. */
  count?: number;
}

/** The option names of {@link ViewOptions}. */
export const VIEW_OPTIONS = optionNames<ViewOptions>({ signal: true, threads: true });

const PRINCIPAL_OPTIONS = optionNames<PrincipalOptions>({ count: true, signal: true, threads: true });

/**
 * One dimension of the teacher, [ids].
 *
 * @throws CollideError INVALID_ARGUMENT for rows, a dim or an axis that do not fit each other, or values not finite
 * @example
 * ```ts
 * axisProjection(Float32Array.of(1, 2, 3, 4), 2, 1); // Float64Array [2, 4]
 * ```
 */
export function axisProjection(teacherRows: Float32Array, dim: number, axis: number): Float64Array {
  const ids = checkTeacherRows(teacherRows, dim, 'axisProjection');
  checkInteger(axis, 0, dim - 1, 'axis of axisProjection');
  const values = new Float64Array(ids);
  for (let id = 0; id < ids; id++) values[id] = teacherRows[id * dim + axis]!;
  return values;
}

/**
 * Count-weighted principal components: ids weigh as often as the teacher saw them, because rows seldom updated are
 * near their random start. All counts 0: every id weighs the same.
 *
 * Up to 64 dimensions, and where more than an eighth of all components are wanted, all are computed, exact to about 1e-15 of
 * the largest variance: O(ids * dim^2 + dim^3). Of wider rows the leading ones are found one after another, each to within
 * 1e-9 of the largest variance, less than what float32 rounding does to the rows. Components of equal variance are any
 * directions that span the same space.
 *
 * @throws CollideError INVALID_ARGUMENT for values not finite, bad counts, or lengths that do not fit, UNKNOWN_OPTION,
 * ABORTED, OUT_OF_MEMORY; always by rejecting the promise
 * @example
 * ```ts
 * const { components } = await principalComponents(Float32Array.of(0, 0, 1, 1, 2, 2), 2, Uint32Array.of(1, 1, 1));
 * components[0]; // [0.707, 0.707]
 * ```
 */
export async function principalComponents(
  teacherRows: Float32Array,
  dim: number,
  counts: Counts,
  options: PrincipalOptions = {},
): Promise<PrincipalComponents> {
  const where = 'principalComponents';
  checkTeacherShape(teacherRows, dim, counts, where);
  checkOptions(options, PRINCIPAL_OPTIONS, where);
  const count = checkInteger(options.count ?? dim, 1, dim, `count of ${where}`);
  const { mean, axes, variances } = await principal(teacherRows, dim, counts, count, 'axes', options, where);
  return { mean, components: Array.from(variances, (_, k) => axes.slice(k * dim, (k + 1) * dim)), variances };
}

/**
 * The teacher rows' coordinate along a principal component, centred on the weighted mean, [ids].
 *
 * @param component - 0 (the default) for most variance
 * @throws CollideError as {@link principalComponents}
 * @example
 * ```ts
 * await principalProjection(Float32Array.of(0, 0, 1, 1, 2, 2), 2, Uint32Array.of(1, 1, 1)); // [-1.414, 0, 1.414]
 * ```
 */
export async function principalProjection(
  teacherRows: Float32Array,
  dim: number,
  counts: Counts,
  component = 0,
  options: ViewOptions = {},
): Promise<Float64Array> {
  const where = 'principalProjection';
  checkTeacherShape(teacherRows, dim, counts, where);
  checkInteger(component, 0, dim - 1, `component of ${where}`);
  checkOptions(options, VIEW_OPTIONS, where);
  return (await principal(teacherRows, dim, counts, component + 1, 'projection', options, where)).projection;
}

/**
 * The teacher rows in the axes of their principal components, most variance first, float32 [ids * dim].
 *
 * @throws CollideError as {@link principalComponents}
 * @example
 * ```ts
 * await principalRotation(Float32Array.of(0, 0, 1, 1, 2, 2), 2, Uint32Array.of(1, 1, 1)); // [-1.414, 0, 0, 0, 1.414, 0]
 * ```
 */
export async function principalRotation(
  teacherRows: Float32Array,
  dim: number,
  counts: Counts,
  options: ViewOptions = {},
): Promise<Float32Array> {
  const where = 'principalRotation';
  checkTeacherShape(teacherRows, dim, counts, where);
  checkOptions(options, VIEW_OPTIONS, where);
  return (await principal(teacherRows, dim, counts, dim, 'rotation', options, where)).rotation;
}

async function principal(
  teacherRows: Float32Array,
  dim: number,
  counts: Counts,
  components: number,
  output: 'axes' | 'projection' | 'rotation',
  options: ViewOptions,
  where: string,
): Promise<NativePrincipal> {
  const settings = { dim, components, output, threads: checkJobOptions(options, where) };
  return runSilentJob(() => native().principal(teacherRows, asDoubles(counts), settings), options.signal);
}
