/** Principal components by the textbook: the whole covariance, and cyclic Jacobi rotations (Golub and Van Loan, 8.5). */

/**
 * Weighted mean and covariance of rows [ids][dim], and the products [ids][ids] of rows in place of dimensions, which have the
 * same eigenvalues above 0. Counts all 0: every id weighs 1.
 */
export function covarianceReference(
  rows: number[][],
  counts: number[],
): { mean: number[]; matrix: number[][]; inner: number[][] } {
  const weights = counts.some((count) => count > 0) ? counts : counts.map(() => 1);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = rows[0]!.map((_, d) => rows.reduce((sum, row, id) => sum + (weights[id]! / total) * row[d]!, 0));
  const centred = rows.map((row) => row.map((x, d) => x - mean[d]!));
  const matrix = mean.map((_, a) =>
    mean.map((_, b) => centred.reduce((sum, row, id) => sum + (weights[id]! / total) * row[a]! * row[b]!, 0)),
  );
  const scaled = centred.map((row, id) => row.map((x) => x * Math.sqrt(weights[id]! / total)));
  const inner = scaled.map((a) => scaled.map((b) => a.reduce((sum, x, d) => sum + x * b[d]!, 0)));
  return { mean, matrix, inner };
}

/** Eigenvalues, largest first, with their unit vectors. */
export function jacobi(symmetric: number[][]): { value: number; vector: number[] }[] {
  const n = symmetric.length;
  const a = symmetric.map((row) => [...row]);
  const vectors = a.map((_, k) => a.map((_, d) => (d === k ? 1 : 0)));
  const scale = Math.max(...a.map((row) => Math.max(...row.map(Math.abs))));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = 0; q < p; q++) off = Math.max(off, Math.abs(a[p]![q]!));
    if (off <= scale * 1e-17) break;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (a[p]![q] === 0) continue;
        const theta = (a[q]![q]! - a[p]![p]!) / (2 * a[p]![q]!);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        for (const row of a) [row[p], row[q]] = [c * row[p]! - s * row[q]!, s * row[p]! + c * row[q]!];
        for (const of of [a, vectors]) {
          const [x, y] = [of[p]!, of[q]!];
          of[p] = x.map((u, k) => c * u - s * y[k]!);
          of[q] = x.map((u, k) => s * u + c * y[k]!);
        }
      }
    }
  }
  return vectors.map((vector, k) => ({ value: a[k]![k]!, vector })).sort((left, right) => right.value - left.value);
}
