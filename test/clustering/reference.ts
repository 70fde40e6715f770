/**
 * Slow references written from the definitions, with arrays and sorts and nothing shared with lib/clustering:
 * the agglomerative rounds of "Learning to Collide", equal-mass bins, the balanced kd-tree.
 */
export type By = 'frequency' | 'distance' | 'size';

export interface ReferenceOptions {
  rows: number;
  mergesPerRound: number;
  maxClusterSize: number;
  filters: { by: By; keep: number }[];
  mergedValue: 'mean' | 'count-weighted';
}

interface Cluster {
  ids: number[];
  value: number;
  count: number;
}

interface Pair {
  left: number;
  frequency: number;
  distance: number;
  size: number;
}

function smallest(pairs: Pair[], by: By, m: number): Pair[] {
  return [...pairs].sort((a, b) => a[by] - b[by] || a.left - b.left).slice(0, m);
}

function mergeAll(chain: Cluster[], mergedValue: ReferenceOptions['mergedValue']): Cluster {
  const count = chain.reduce((sum, c) => sum + c.count, 0);
  const mean =
    mergedValue === 'count-weighted' && count > 0
      ? chain.reduce((sum, c) => sum + c.count * c.value, 0) / count
      : chain.reduce((sum, c) => sum + c.value, 0) / chain.length;
  const value = Math.min(Math.max(mean, chain[0]!.value), chain.at(-1)!.value);
  return { ids: chain.flatMap((c) => c.ids), value, count };
}

export function agglomerateReference(values: readonly number[], counts: readonly number[], options: ReferenceOptions) {
  let clusters: Cluster[] = values
    .map((value, id) => ({ ids: [id], value, count: counts[id]! }))
    .sort((a, b) => a.value - b.value || a.ids[0]! - b.ids[0]!);
  let rounds = 0;
  let fallbackRounds = 0;
  let splitRounds = 0;

  while (clusters.length > options.rows) {
    const merges = Math.min(options.mergesPerRound, clusters.length - options.rows);
    const norm = Math.sqrt(Number(clusters.reduce((sum, c) => sum + BigInt(c.count) * BigInt(c.count), 0n)));
    let pairs = clusters.slice(1).map((right, left): Pair => {
      const leftCluster = clusters[left]!;
      const a = norm === 0 ? 0 : leftCluster.count / norm;
      const b = norm === 0 ? 0 : right.count / norm;
      return {
        left,
        frequency: a + b + a * b,
        distance: right.value - leftCluster.value,
        size: leftCluster.ids.length + right.ids.length,
      };
    });

    let fallback = false;
    let ranking: By = 'size';
    for (const { by, keep } of options.filters) {
      const m = Math.max(1, Math.floor(keep * merges));
      if (by === 'size') {
        const fitting = pairs.filter((pair) => pair.size <= options.maxClusterSize);
        fallback = fitting.length === 0;
        pairs = fallback ? smallest(pairs, 'size', m) : fitting;
      } else {
        pairs = smallest(pairs, by, m);
        ranking = by;
      }
    }
    pairs = smallest(pairs, ranking, merges);

    const chosen = new Set(pairs.map((pair) => pair.left));
    const limited = !fallback && options.filters.some(({ by }) => by === 'size');
    const merged: Cluster[] = [];
    let split = false;
    for (let first = 0; first < clusters.length; ) {
      let last = first;
      while (chosen.has(last)) last++;
      const chain = clusters.slice(first, last + 1);
      first = last + 1;
      const size = chain.reduce((sum, c) => sum + c.ids.length, 0);
      if (chain.length === 1) {
        merged.push(chain[0]!);
      } else if (limited && size > options.maxClusterSize) {
        split = true;
        for (let i = 0; i < chain.length; i += 2) {
          const pair = chain.slice(i, i + 2);
          merged.push(pair.length === 1 ? pair[0]! : mergeAll(pair, options.mergedValue));
        }
      } else {
        merged.push(mergeAll(chain, options.mergedValue));
      }
    }
    clusters = merged;
    rounds++;
    if (fallback) fallbackRounds++;
    if (split) splitRounds++;
  }

  const assignment = new Uint32Array(values.length);
  clusters.forEach((cluster, label) => {
    for (const id of cluster.ids) assignment[id] = label;
  });
  return {
    rows: clusters.length,
    assignment,
    values: Float64Array.from(clusters, (c) => c.value),
    sizes: Uint32Array.from(clusters, (c) => c.ids.length),
    counts: Float64Array.from(clusters, (c) => c.count),
    rounds,
    fallbackRounds,
    splitRounds,
  };
}

/** mix64 written out from SplitMix64, for the order of ties. */
export function mix64Reference(id: number): bigint {
  const mod = 2n ** 64n;
  let z = (BigInt(id) + 0x9e3779b97f4a7c15n) % mod;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) % mod;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) % mod;
  return z ^ (z >> 31n);
}

/** Ids sorted by (key, mix64(id)). */
export function orderReference(keys: readonly number[]): number[] {
  const mixed = keys.map((_, id) => mix64Reference(id));
  return keys.map((_, id) => id).sort((a, b) => keys[a]! - keys[b]! || (mixed[a]! < mixed[b]! ? -1 : 1));
}

/**
 * Masses: sqrt, cbrt or 1 of count + least, rounded to the unit 2^(e - 52) where 2^e is the smallest power of two above
 * sqrt(ids * (accesses + ids * least + 1)). Sums of them are exact.
 */
export function massReference(counts: readonly number[], rule: 'sqrt' | 'cbrt' | 'one', least: number): number[] {
  if (rule === 'one') return counts.map(() => 1);
  const accesses = counts.reduce((sum, count) => sum + count, 0);
  const bound = Math.sqrt(counts.length * (accesses + counts.length * least + 1));
  let e = 0;
  while (2 ** e <= bound) e++;
  const unit = 2 ** (e - 52);
  return counts.map((count) => Math.floor(Math[rule](count + least) / unit + 0.5) * unit);
}

/** bin(i) = floor((M_i - w_i / 2) / total * rows) as it is published: bins may stay empty. */
export function plainEqualMassReference(keys: readonly number[], weights: readonly number[], rows: number): number[] {
  const order = orderReference(keys);
  const total = order.reduce((sum, id) => sum + weights[id]!, 0);
  const bins = keys.map(() => 0);
  let before = 0;
  for (const id of order) {
    before += weights[id]!;
    bins[id] = Math.min(rows - 1, Math.floor(((before - weights[id]! / 2) / total) * rows));
  }
  return bins;
}

/** A sum in eight lanes per 32,768 terms, as the kd-tree's moments are defined: near-ties of axes depend on it. */
function laneSum(terms: readonly number[]): number {
  let sum = 0;
  for (let first = 0; first < terms.length; first += 32_768) {
    const block = terms.slice(first, first + 32_768);
    const whole = block.length - (block.length % 8);
    const lanes = new Array<number>(8).fill(0);
    for (let i = 0; i < whole; i++) lanes[i % 8]! += block[i]!;
    const [a, b, c, d] = [0, 1, 2, 3].map((j) => lanes[j]! + lanes[j + 4]!) as [number, number, number, number];
    sum += block.slice(whole).reduce((total, term) => total + term, a + c + (b + d));
  }
  return sum;
}

/** The recursion of the balanced kd-tree, each part sorted afresh. */
export function kdTreeReference(teacher: number[][], counts: readonly number[], rows: number): number[] {
  const n = teacher.length;
  const dim = teacher[0]!.length;
  const mass = massReference(counts, 'sqrt', 0.3);
  const orders = Array.from({ length: dim }, (_, d) => orderReference(teacher.map((row) => row[d]!)));
  const assignment = new Array<number>(n).fill(-1);

  const split = (ids: Set<number>, firstRow: number, tau: number): void => {
    if (tau === 1) {
      for (const id of ids) assignment[id] = firstRow;
      return;
    }
    const members = orders[0]!.filter((id) => ids.has(id));
    const total = members.reduce((sum, id) => sum + mass[id]!, 0);
    const variances = Array.from({ length: dim }, (_, d) => {
      const mean = laneSum(members.map((id) => mass[id]! * teacher[id]![d]!)) / total;
      return laneSum(members.map((id) => mass[id]! * (teacher[id]![d]! - mean) * (teacher[id]![d]! - mean)));
    });
    const axis = variances.indexOf(Math.max(...variances));
    const sorted = orders[axis]!.filter((id) => ids.has(id));
    const half = Math.floor(tau / 2);
    let sum = 0;
    let cut = 0;
    while (cut < sorted.length && sum < (half / tau) * total) sum += mass[sorted[cut++]!]!;
    cut = Math.min(Math.max(cut, half), sorted.length - (tau - half));
    split(new Set(sorted.slice(0, cut)), firstRow, half);
    split(new Set(sorted.slice(cut)), firstRow + half, tau - half);
  };
  split(new Set(teacher.keys()), 0, Math.min(rows, n));
  return assignment;
}

/** A small seeded generator for tests: uniform in [0, 1). */
export function generator(seed: number): () => number {
  let n = 0;
  return () => Number(mix64Reference(seed * 1_000_003 + n++) >> 11n) / 2 ** 53;
}

/** A quicker one for large inputs whose quality does not matter: a linear congruential generator. */
export function quickGenerator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
