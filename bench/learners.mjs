// k-means, LSH, the exact 1-D optimum and Hilbert keys against one sort of as many float64 values (typed arrays sort with
// std::sort) in the same run. 1,000,000 ids of width 2 to a tenth and a hundredth as many rows; vectors shrunk to their
// random start by c / (c + 8), counts by a power law. k-means starts from a kd-tree made beforehand: up to 15 rounds.
import {
  equalMassBins,
  hilbertKeys,
  idWeights,
  kMeans,
  learnKdTree,
  learnLsh,
  optimalBins,
} from '../dist/clustering/index.js';
import { median } from './interleave.mjs';

const IDS = 1_000_000;
const ROWS = [100_000, 10_000];

function teacher() {
  let state = 12345;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random());
  const rows = new Float32Array(2 * IDS);
  const counts = new Uint32Array(IDS);
  for (let id = 0; id < IDS; id++) {
    counts[id] = Math.min(1e6, 1 / (random() ** (1 / 1.05) + 1e-9));
    const share = counts[id] / (counts[id] + 8);
    for (let d = 0; d < 2; d++) rows[2 * id + d] = normal() * share + 0.05 * normal();
  }
  return { rows, counts, values: Float64Array.from({ length: IDS }, (_, id) => rows[2 * id]) };
}

export async function run({ rounds }) {
  const { rows: vectors, counts, values } = teacher();
  const weights = idWeights(counts);
  const results = {};
  for (const rows of ROWS) {
    const start = await learnKdTree(vectors, 2, counts, rows);
    const work = {
      sort: () => values.slice().sort(),
      'k-means, 1 thread': () => kMeans(vectors, 2, counts, { rows, start, threads: 1 }),
      'k-means, all threads': () => kMeans(vectors, 2, counts, { rows, start }),
      LSH: () => learnLsh(vectors, 2, { rows }),
      'exact, one dimension': () => optimalBins(values, weights, { rows }),
      'equal-mass bins along a Hilbert curve': async () => equalMassBins(await hilbertKeys(vectors, 2), counts, rows),
    };
    /** @type {Record<string, number[]>} */
    const seconds = Object.fromEntries(Object.keys(work).map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, body] of Object.entries(work)) {
        const began = performance.now();
        await body();
        seconds[name].push((performance.now() - began) / 1000);
      }
    }
    results[rows] = seconds;
  }
  return { results };
}

export function markdown({ results }) {
  const names = Object.keys(results[ROWS[0]]).filter((name) => name !== 'sort');
  const cell = (rows, name) => {
    const ratios = results[rows][name].map((time, round) => time / results[rows].sort[round]);
    return `**${median(ratios).toFixed(1)}** (${Math.min(...ratios).toFixed(1)} to ${Math.max(...ratios).toFixed(1)})`;
  };
  return [
    '# Learners of several dimensions, and the exact one',
    '',
    `Times as multiples of one sort of ${IDS.toLocaleString('en')} float64 values in the same round: median (range).`,
    '',
    `| ${IDS.toLocaleString('en')} ids to | ${ROWS.map((rows) => `${rows.toLocaleString('en')} rows`).join(' | ')} |`,
    `|---|${ROWS.map(() => '---|').join('')}`,
    ...names.map((name) => `| ${name} | ${ROWS.map((rows) => cell(rows, name)).join(' | ')} |`),
    '',
  ].join('\n');
}
