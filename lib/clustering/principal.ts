/**
 * One-dimensional views of teacher rows, for the learners that cluster a single value: an axis of the teacher as it is,
 * or a count-weighted principal component. "Learning to Collide" clusters in 1-D spaces, one per internal table.
 *
 * Rows are [ids * dim] float32, results float64. O(ids * dim^2) plus O(dim^3) rotations. Deterministic.
 */
import { checkInteger } from '../errors.ts';
import { asDoubles, type Counts, checkTeacher, checkTeacherRows } from './types.ts';

/** Principal components of teacher rows, most variance first. */
export interface PrincipalComponents {
  /** [dim] count-weighted mean row. */
  mean: Float64Array;
  /** Unit vectors [dim]; each one's largest entry is positive. */
  components: Float64Array[];
  /** Count-weighted variance along each component. */
  variances: Float64Array;
}

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
 * @throws CollideError INVALID_ARGUMENT for values not finite, bad counts, or lengths that do not fit
 * @example
 * ```ts
 * const { components } = principalComponents(Float32Array.of(0, 0, 1, 1, 2, 2), 2, Uint32Array.of(1, 1, 1));
 * components[0]; // [0.707, 0.707]
 * ```
 */
export function principalComponents(teacherRows: Float32Array, dim: number, counts: Counts): PrincipalComponents {
  const ids = checkTeacher(teacherRows, dim, counts, 'principalComponents');
  const weights = counts.some((count) => count > 0) ? asDoubles(counts) : new Float64Array(ids).fill(1);
  let total = 0;
  const mean = new Float64Array(dim);
  for (let id = 0; id < ids; id++) {
    const weight = weights[id]!;
    total += weight;
    for (let d = 0; d < dim; d++) mean[d]! += weight * teacherRows[id * dim + d]!;
  }
  for (let d = 0; d < dim; d++) mean[d]! /= total;

  const covariance = new Float64Array(dim * dim);
  for (let id = 0; id < ids; id++) {
    const weight = weights[id]!;
    if (weight === 0) continue;
    for (let a = 0; a < dim; a++) {
      const scaled = weight * (teacherRows[id * dim + a]! - mean[a]!);
      for (let b = 0; b <= a; b++) covariance[a * dim + b]! += scaled * (teacherRows[id * dim + b]! - mean[b]!);
    }
  }
  for (let a = 0; a < dim; a++) {
    for (let b = 0; b <= a; b++) {
      covariance[a * dim + b]! /= total;
      covariance[b * dim + a] = covariance[a * dim + b]!;
    }
  }
  const { values, vectors } = symmetricEigen(covariance, dim);
  const order = Array.from(values.keys()).sort((a, b) => values[b]! - values[a]! || a - b);
  return {
    mean,
    components: order.map((k) => orient(vectors[k]!)),
    variances: Float64Array.from(order, (k) => Math.max(0, values[k]!)),
  };
}

/**
 * The teacher rows' coordinate along a principal component, centred on the weighted mean, [ids].
 *
 * @param component - 0 (the default) for most variance
 * @throws CollideError as {@link principalComponents}
 * @example
 * ```ts
 * principalProjection(Float32Array.of(0, 0, 1, 1, 2, 2), 2, Uint32Array.of(1, 1, 1)); // [-1.414, 0, 1.414]
 * ```
 */
export function principalProjection(
  teacherRows: Float32Array,
  dim: number,
  counts: Counts,
  component = 0,
): Float64Array {
  const { mean, components } = principalComponents(teacherRows, dim, counts);
  checkInteger(component, 0, dim - 1, 'component of principalProjection');
  const direction = components[component]!;
  const values = new Float64Array(teacherRows.length / dim);
  for (let id = 0; id < values.length; id++) {
    let sum = 0;
    for (let d = 0; d < dim; d++) sum += (teacherRows[id * dim + d]! - mean[d]!) * direction[d]!;
    values[id] = sum;
  }
  return values;
}

/**
 * The teacher rows in the axes of their principal components, most variance first, float32 [ids * dim].
 *
 * @throws CollideError as {@link principalComponents}
 * @example
 * ```ts
 * principalRotation(Float32Array.of(0, 0, 1, 1, 2, 2), 2, Uint32Array.of(1, 1, 1)); // [-1.414, 0, 0, 0, 1.414, 0]
 * ```
 */
export function principalRotation(teacherRows: Float32Array, dim: number, counts: Counts): Float32Array {
  const { mean, components } = principalComponents(teacherRows, dim, counts);
  const rotated = new Float32Array(teacherRows.length);
  for (let row = 0; row < rotated.length; row += dim) {
    for (let k = 0; k < dim; k++) {
      const direction = components[k]!;
      let sum = 0;
      for (let d = 0; d < dim; d++) sum += (teacherRows[row + d]! - mean[d]!) * direction[d]!;
      rotated[row + k] = sum;
    }
  }
  return rotated;
}

/** A component and its negative are the same axis: take the one whose largest entry (the first such) is positive. */
function orient(vector: Float64Array): Float64Array {
  let largest = 0;
  for (let d = 1; d < vector.length; d++) if (Math.abs(vector[d]!) > Math.abs(vector[largest]!)) largest = d;
  return vector[largest]! < 0 ? vector.map((x) => -x) : vector;
}

/** Eigenvalues and unit eigenvectors of a symmetric matrix by cyclic Jacobi rotations (Golub and Van Loan, 8.5). */
function symmetricEigen(symmetric: Float64Array, n: number): { values: Float64Array; vectors: Float64Array[] } {
  const a = symmetric.slice();
  // vectors[k] is the k-th eigenvector: the transposed product of the rotations.
  const vectors = Array.from({ length: n }, (_, k) => Float64Array.from({ length: n }, (_, d) => (d === k ? 1 : 0)));
  const scale = a.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = 0; q < p; q++) off = Math.max(off, Math.abs(a[p * n + q]!));
    if (off <= scale * 1e-17) break;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (a[p * n + q] === 0) continue;
        const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * a[p * n + q]!);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        for (let k = 0; k < n; k++) {
          const x = a[k * n + p]!;
          const y = a[k * n + q]!;
          a[k * n + p] = c * x - s * y;
          a[k * n + q] = s * x + c * y;
        }
        for (let k = 0; k < n; k++) {
          const x = a[p * n + k]!;
          const y = a[q * n + k]!;
          a[p * n + k] = c * x - s * y;
          a[q * n + k] = s * x + c * y;
          const u = vectors[p]![k]!;
          const v = vectors[q]![k]!;
          vectors[p]![k] = c * u - s * v;
          vectors[q]![k] = s * u + c * v;
        }
        a[p * n + q] = 0;
        a[q * n + p] = 0;
      }
    }
  }
  return { values: Float64Array.from({ length: n }, (_, k) => a[k * n + k]!), vectors };
}
