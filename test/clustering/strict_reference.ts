/** Agglomeration with a strict limit of ids, by trying: every pair, every round, packing all from left to right anew. */
import type { ClusterFilter } from '../../lib/clustering/learners/agglomerative.ts';

interface Cluster {
  value: number;
  count: number;
  ids: number[];
}

/** Rows that clusters need, packed from left to right; walls[k] says whether there is one before cluster k. */
function rowsNeeded(clusters: Cluster[], walls: boolean[], most: number): number {
  const blocks: number[] = [];
  for (const [k, { ids }] of clusters.entries()) {
    if (k > 0 && !walls[k]) blocks[blocks.length - 1]! += ids.length;
    else blocks.push(ids.length);
  }
  if (Math.max(...blocks) > most) return Number.POSITIVE_INFINITY;
  let rows = 0;
  let room = 0;
  for (const size of blocks) {
    if (size > room) {
      rows++;
      room = most;
    }
    room -= size;
  }
  return rows;
}

export function strictReference(
  values: number[],
  counts: number[],
  options: {
    rows: number;
    most: number;
    mergesPerRound: number;
    filters: Required<ClusterFilter>[];
    mergedValue: 'mean' | 'count-weighted';
  },
): number[] {
  const { rows, most, filters } = options;
  let clusters: Cluster[] = [...values.keys()]
    .sort((a, b) => values[a]! - values[b]! || a - b)
    .map((id) => ({ value: values[id]! + 0, count: counts[id]!, ids: [id] }));
  while (clusters.length > rows) {
    const merges = Math.min(options.mergesPerRound, clusters.length - rows);
    const norm = Math.sqrt(clusters.reduce((sum, { count }) => sum + count * count, 0));
    const score = (by: ClusterFilter['by'], wall: number) => {
      const [a, b] = [clusters[wall - 1]!, clusters[wall]!];
      if (by === 'distance') return b.value - a.value;
      if (by === 'size') return a.ids.length + b.ids.length;
      if (norm === 0) return 0;
      const [x, y] = [a.count / norm, b.count / norm];
      return x + y + x * y;
    };
    const ranked = (walls: number[], by: ClusterFilter['by']) =>
      [...walls].sort((a, b) => score(by, a) - score(by, b) || a - b);
    const standing = clusters.map(() => true);
    const mayFall = (wall: number) => {
      const without = standing.with(wall, false);
      return rowsNeeded(clusters, without, most) <= rows;
    };
    let walls = clusters.map((_, k) => k).filter((wall) => wall > 0 && mayFall(wall));
    for (const { by, keep } of filters) {
      if (by !== 'size') walls = ranked(walls, by).slice(0, Math.max(1, Math.floor(keep * merges)));
    }
    const last = filters.filter(({ by }) => by !== 'size').at(-1)?.by ?? 'size';
    for (const wall of ranked(walls, last).slice(0, merges)) if (mayFall(wall)) standing[wall] = false;
    const next: Cluster[][] = [];
    for (const [k, cluster] of clusters.entries()) {
      if (k > 0 && !standing[k]) next.at(-1)!.push(cluster);
      else next.push([cluster]);
    }
    clusters = next.map((chain) => {
      if (chain.length === 1) return chain[0]!;
      const count = chain.reduce((sum, cluster) => sum + cluster.count, 0);
      const weighted = chain.reduce((sum, cluster) => sum + cluster.count * cluster.value, 0);
      const plain = chain.reduce((sum, cluster) => sum + cluster.value, 0);
      const mean = options.mergedValue === 'count-weighted' && count > 0 ? weighted / count : plain / chain.length;
      const value = Math.min(Math.max(mean, chain[0]!.value), chain.at(-1)!.value);
      return { value, count, ids: chain.flatMap(({ ids }) => ids) };
    });
  }
  const labels = values.map(() => 0);
  for (const [label, { ids }] of clusters.entries()) for (const id of ids) labels[id] = label;
  return labels;
}
