// How long work goes on after an abort, and how long it holds the event loop: every learner and the steps around it at a
// million ids of width 2 in 100,000 rows, each aborted at a tenth, three tenths, ... of the time that it takes when it is
// left alone. Prints the longest of five waits and the longest gap between two turns of the event loop, in milliseconds.
import {
  equalMassBins,
  hilbertKeys,
  idWeights,
  kMeans,
  learnKdTree,
  learnLsh,
  optimalBins,
  principalProjection,
} from '../dist/clustering/index.js';
import { agglomerate, baselineHashing, learnHashing, syntheticDataset, Teacher } from '../dist/index.js';

const [IDS, ROWS] = [Number(process.argv[2] ?? 1_000_000), Number(process.argv[3] ?? 100_000)];

let state = 12345;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};
const vectors = Float32Array.from({ length: 2 * IDS }, () => random() + random() + random() - 1.5);
const values = Float64Array.from({ length: IDS }, (_, id) => vectors[2 * id]);
const counts = Uint32Array.from({ length: IDS }, () => 1 + Math.min(1e6, Math.floor(1 / (random() + 1e-9))));
const weights = idWeights(counts);
const features = ['a', 'b'].map((name) => ({ name, cardinality: IDS, rows: vectors, counts }));
const teacher = new Teacher(2, features);
const wide = Float32Array.from({ length: 5000 * 512 }, () => random() - 0.5);
const ones = new Uint32Array(5000).fill(1);
const { data } = syntheticDataset({ rows: 200_000, cardinalities: [100_000] });
const recent = [data.split('student')];

/** @type {Record<string, (signal?: AbortSignal) => Promise<unknown>>} */
const work = {
  agglomerative: (signal) => agglomerate(values, counts, { rows: ROWS, signal }),
  'agglomerative, strict': (signal) =>
    agglomerate(values, counts, { rows: ROWS, maxClusterSize: (4 * IDS) / ROWS, strictSize: true, signal }),
  'equal-mass': (signal) => equalMassBins(values, counts, ROWS, { signal }),
  exact: (signal) => optimalBins(values, weights, { rows: ROWS, signal }),
  'kd-tree': (signal) => learnKdTree(vectors, 2, counts, ROWS, { signal }),
  'k-means': (signal) => kMeans(vectors, 2, counts, { rows: ROWS, iterations: 3, signal }),
  lsh: (signal) => learnLsh(vectors, 2, { rows: ROWS, signal }),
  'hilbert keys': (signal) => hilbertKeys(vectors, 2, { signal }),
  'first component of 5,000 x 512': (signal) => principalProjection(wide, 512, ones, 0, { signal }),
  'learnHashing, two such tables': (signal) =>
    learnHashing(teacher, { size: ROWS / IDS, minRows: 0, hotShare: 0.5, signal }),
  'baselineHashing, frequent': (signal) =>
    baselineHashing(data.features, { method: 'frequent', size: 0.1, recent, signal }),
};

/** Milliseconds of `run`, and of the longest gap of the event loop meanwhile. */
async function watched(run) {
  let last = performance.now();
  let gap = 0;
  const look = () => {
    const now = performance.now();
    gap = Math.max(gap, now - last);
    last = now;
  };
  const timer = setInterval(look, 2);
  const start = performance.now();
  await run();
  const took = performance.now() - start;
  look();
  clearInterval(timer);
  return { took, gap };
}

console.log('| step | alone, ms | longest gap | longest wait after an abort |');
console.log('|---|---|---|---|');
for (const [name, run] of Object.entries(work)) {
  await run(); // warm
  const { took, gap } = await watched(run);
  let wait = 0;
  for (const share of [0.1, 0.3, 0.5, 0.7, 0.9]) {
    const controller = new AbortController();
    let aborted = Number.NaN;
    setTimeout(() => {
      aborted = performance.now();
      controller.abort();
    }, share * took);
    await run(controller.signal).catch((error) => {
      if (error.code !== 'ABORTED') throw error;
    });
    if (!Number.isNaN(aborted)) wait = Math.max(wait, performance.now() - aborted);
  }
  console.log(`| ${name} | ${[took, gap, wait].map((ms) => ms.toFixed(0)).join(' | ')} |`);
}
