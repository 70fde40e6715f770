// Interleaved rounds of benny: every round runs every case once, in rotated order, so that a machine that speeds up,
// slows down or is shared harms all cases alike. Compare cases by the ratio within a round; report its median.
import benny from 'benny';

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/**
 * groups: [{ prepare?: async () => void, samples?: number, cases: { name: () => void } }]; `prepare` runs before its group
 * in each round; `samples` (default 5) is the least number of samples.
 * Returns Map name -> [seconds per call, by round], each the median of that round's samples.
 */
export async function interleave(title, groups, rounds, secondsPerCase) {
  const seconds = new Map(groups.flatMap(({ cases }) => Object.keys(cases).map((name) => [name, []])));
  for (let round = 0; round < rounds; round++) {
    for (let g = 0; g < groups.length; g++) {
      const { prepare, samples = 5, cases } = groups[(g + round) % groups.length];
      await prepare?.();
      const names = Object.keys(cases);
      const rotated = names.map((_, i) => names[(i + round) % names.length]);
      const options = { minSamples: samples, minTime: secondsPerCase / 10, maxTime: secondsPerCase };
      // benny calls a case once to see what it returns; a body in braces returns nothing, so it is the test itself.
      const entries = rotated.map((name) => benny.add(name, cases[name], options));
      const { results } = await benny.suite(`${title}, round ${round + 1} of ${rounds}`, ...entries);
      for (const { name, details } of results) seconds.get(name).push(details.median);
    }
  }
  return seconds;
}

/** Of the paired ratios a / b: median, smallest, largest. Above 1: a takes longer. */
export function ratio(seconds, a, b) {
  const ratios = seconds.get(a).map((time, round) => time / seconds.get(b)[round]);
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}
