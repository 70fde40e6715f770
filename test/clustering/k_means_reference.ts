/**
 * Weighted k-means from the definition: all distances, every empty cluster by a fresh look at all clusters. Sums run in
 * the order that the native code promises, so results agree to the bit.
 */
export interface KMeansReference {
  assignment: number[];
  centroids: number[][];
  distortion: number;
  iterations: number;
  moved: number;
}

/** In pieces of 256, one after the other. */
function sumOf(members: readonly number[], of: (id: number) => number): number {
  let sum = 0;
  for (let begin = 0; begin < members.length; begin += 256) {
    sum += members.slice(begin, begin + 256).reduce((piece, id) => piece + of(id), 0);
  }
  return sum;
}

export function kMeansReference(
  points: readonly (readonly number[])[],
  weights: readonly number[],
  start: readonly number[],
  rows: number,
  iterations: number,
): KMeansReference {
  const axes = points[0]!.map((_, d) => d);
  const ids = [...points.keys()].sort((a, b) => start[a]! - start[b]! || a - b);
  const membersOf = (labels: readonly number[], k: number) => ids.filter((id) => labels[id] === k);
  const meanOf = (members: number[]) => {
    const total = sumOf(members, (id) => weights[id]!);
    return axes.map((d) => sumOf(members, (id) => weights[id]! * points[id]![d]!) / total);
  };
  const square = (id: number, mean: number[]) => axes.reduce((sum, d) => sum + (points[id]![d]! - mean[d]!) ** 2, 0);
  const errorOf = (members: number[]) => {
    const mean = meanOf(members);
    return sumOf(members, (id) => weights[id]! * square(id, mean));
  };
  const halve = (members: number[]) => {
    const mean = meanOf(members);
    const variances = axes.map((d) =>
      members.reduce((sum, id) => sum + weights[id]! * (points[id]![d]! - mean[d]!) * (points[id]![d]! - mean[d]!), 0),
    );
    const axis = variances.indexOf(Math.max(...variances));
    const sorted = [...members].sort((a, b) => points[a]![axis]! - points[b]![axis]!);
    const half = members.reduce((sum, id) => sum + weights[id]!, 0) / 2;
    let cut = 0;
    for (let sum = 0; cut < sorted.length - 1 && sum < half; cut++) sum += weights[sorted[cut]!]!;
    return sorted.slice(cut);
  };

  const clusters = Array.from({ length: rows }, (_, k) => k);
  let labels = [...start];
  let done = 0;
  let moved = 0;
  while (done < iterations) {
    const means = clusters.map((k) => meanOf(membersOf(labels, k)));
    const next = points.map((_, id) => {
      const squares = means.map((mean) => square(id, mean));
      return squares.indexOf(Math.min(...squares));
    });
    for (const empty of clusters) {
      if (next.includes(empty)) continue;
      const [widest] = clusters
        .map((k) => ({ k, members: membersOf(next, k) }))
        .filter(({ members }) => members.length > 1)
        .map(({ k, members }) => ({ k, members, error: errorOf(members) }))
        .sort((a, b) => b.error - a.error || b.members.length - a.members.length || a.k - b.k);
      for (const id of halve(widest!.members)) next[id] = empty;
    }
    moved = next.filter((label, id) => label !== labels[id]).length;
    labels = next;
    done++;
    if (moved === 0) break;
  }
  const centroids = clusters.map((k) => meanOf(membersOf(labels, k)));
  const distortion = clusters.reduce((sum, k) => sum + errorOf(membersOf(labels, k)), 0);
  return { assignment: labels, centroids, distortion, iterations: done, moved };
}
