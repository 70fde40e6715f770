// Agglomerative clustering, equal-mass bins and kd-tree against one sort of as many float64 values (typed arrays sort with
// std::sort) in the same run. 200,000 and 1,000,000 ids to a tenth as many rows; power-law counts; size limit 4x.
import { agglomerate, equalMassBins, learnKdTree } from '../dist/index.js';
import { median } from './interleave.mjs';

const SIZES = [200_000, 1_000_000];

/** Values with three bumps, and counts that fall with the square root of a random rank. */
function teacher(ids) {
  let state = 12345;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const rows = new Float32Array(2 * ids);
  const counts = new Uint32Array(ids);
  for (let id = 0; id < ids; id++) {
    const center = Math.floor(random() * 3) - 1;
    for (let d = 0; d < 2; d++) rows[2 * id + d] = center + random() + random() - 1;
    counts[id] = Math.floor(1 / (random() + 1e-4));
  }
  return { rows, values: Float64Array.from({ length: ids }, (_, id) => rows[2 * id]), counts };
}

function cases(ids) {
  const { rows, values, counts } = teacher(ids);
  const target = ids / 10;
  const limit = { rows: target, maxClusterSize: 40 };
  return {
    sort: () => Float64Array.from(values).sort(),
    'agglomerative, K = N/100': () => agglomerate(values, counts, { ...limit, mergesPerRound: ids / 100 }),
    'agglomerative, K = N/1000': () => agglomerate(values, counts, { ...limit, mergesPerRound: ids / 1000 }),
    'equal-mass bins': () => equalMassBins(values, counts, target),
    'kd-tree, 2 dimensions': () => learnKdTree(rows, 2, counts, target),
  };
}

export async function run({ rounds }) {
  const results = {};
  for (const ids of SIZES) {
    const work = cases(ids);
    const seconds = Object.fromEntries(Object.keys(work).map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, body] of Object.entries(work)) {
        const start = performance.now();
        await body();
        seconds[name].push((performance.now() - start) / 1000);
      }
    }
    results[ids] = seconds;
  }
  return { results };
}

export function markdown({ results }) {
  const names = Object.keys(results[SIZES[0]]);
  const cell = (ids, name) => {
    const ratios = results[ids][name].map((time, round) => time / results[ids].sort[round]);
    return `**${median(ratios).toFixed(1)}** (${Math.min(...ratios).toFixed(1)} to ${Math.max(...ratios).toFixed(1)})`;
  };
  return [
    '# Clustering',
    '',
    'N ids to N / 10 rows. Wall time as a ratio to one sort of N float64 values, paired within a round: median (least to most).',
    '',
    `| | ${SIZES.map((ids) => `N = ${ids.toLocaleString('en')}`).join(' | ')} |`,
    `|---|${SIZES.map(() => '---').join('|')}|`,
    ...names.slice(1).map((name) => `| ${name} | ${SIZES.map((ids) => cell(ids, name)).join(' | ')} |`),
    `| (the sort, seconds) | ${SIZES.map((ids) => median(results[ids].sort).toFixed(4)).join(' | ')} |`,
    '',
  ].join('\n');
}
