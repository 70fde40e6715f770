// Interleaved rounds over the cases of several processes: every round runs every case once, in rotated order, so that
// a machine that slows down or is shared harms all alike. Cases are compared by the ratio within a round.

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/**
 * cases: [{ key, child, name }]. A sample runs as many batches as take about `seconds`, at most all `batches`; one run
 * of each before the rounds warms up and finds how many that is. Returns Map key -> [{ wall, cpu }] by round, per batch.
 */
export async function interleave(cases, { rounds, seconds, batches }) {
  const times = new Map(cases.map(({ key }) => [key, []]));
  const counts = new Map();
  for (const { key, child, name } of cases) {
    const { wall } = await child.run(name, 0, 1);
    counts.set(key, Math.max(1, Math.min(batches, Math.round(seconds / wall))));
  }
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < cases.length; i++) {
      const { key, child, name } = cases[(i + round) % cases.length];
      const count = counts.get(key);
      times.get(key).push(await child.run(name, (round * count) % batches, count));
    }
  }
  return times;
}

/**
 * Of the paired ratios a / b, by clock: { wall: { median, least, most }, cpu: ... }. Above 1: a takes longer. a and b are
 * keys of times, { key: [{ wall, cpu }] by round }, or lists of keys whose times add up.
 */
export function ratio(times, a, b) {
  const sum = (keys, round, clock) => [keys].flat().reduce((total, key) => total + times[key][round][clock], 0);
  const of = (clock) => {
    const ratios = times[[a].flat()[0]].map((_, round) => sum(a, round, clock) / sum(b, round, clock));
    return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
  };
  return { wall: of('wall'), cpu: of('cpu') };
}

/** Median seconds per batch. */
export const seconds = (times, key, clock = 'wall') => median(times[key].map((time) => time[clock]));
