// Learners on data with planted clusters (lib/data/synthetic.ts): do ids of a cluster meet, what error do they make, and
// what does it do for the student? Writes bench/results/quality/SET.json; what is there is not run again. Learning rate
// and epochs are chosen on the validation split with the first seed.
// usage: node bench/quality/planted.mjs [--set planted|planted_drift] [--seeds 5] [--minutes 7]
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { idWeights, optimalBins, principalProjection } from '../../dist/clustering/index.js';
import { syntheticDataset } from '../../dist/data/index.js';
import { rowsOfAll } from '../../dist/hashing/index.js';
import { baselineHashing } from '../../dist/methods/baseline.js';
import { learnHashing } from '../../dist/methods/learning/learn_hashing.js';
import { targetRows } from '../../dist/methods/table_rows.js';
import { Hashing } from '../../dist/pipeline/hashing.js';
import { trainStudent } from '../../dist/pipeline/student.js';
import { trainTeacher } from '../../dist/pipeline/teacher.js';
import { curvatures, wardBins } from './ward.mjs';

const { values } = parseArgs({
  options: {
    set: { type: 'string', default: 'planted' },
    seeds: { type: 'string', default: '5' },
    minutes: { type: 'string', default: '7' },
  },
});
const SHARED = { rows: 200_000, cardinalities: [12_000, 6_000, 20], clusters: 30, onceShare: 0.3 };
const SETS = {
  planted: { ...SHARED, zipf: 1 },
  planted_drift: { ...SHARED, zipf: 1.2, newIdsPerDay: 0.03, drift: 0.15 },
};
const path = `bench/results/quality/${values.set}.json`;
mkdirSync('bench/results/quality', { recursive: true });
const results = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : [];

const SIZES = [0.02, 0.05, 0.1, 0.2, 0.5];
const MIN_ROWS = 1000;
const LEARNING_RATES = [0.02, 0.05, 0.1, 0.2, 0.4];
/** Name -> ({ learned, baseline, binned }) => Hashing; `binned` gets (values, weights, rows) => assignment, and weights. */
const METHODS = {
  modulo: ({ baseline }) => baseline({ method: 'modulo' }),
  mixed: ({ baseline }) => baseline({ method: 'mixed' }),
  frequent: ({ baseline }) => baseline({ method: 'frequent' }),
  'equal-mass': ({ learned }) => learned({ method: 'equal-mass' }),
  'equal-mass, Hilbert curve': ({ learned }) => learned({ method: 'equal-mass', projection: 'hilbert' }),
  agglomerative: ({ learned }) => learned({ method: 'agglomerative' }),
  exact: ({ learned }) => learned({ method: 'exact' }),
  'kd-tree': ({ learned }) => learned({ method: 'kd-tree' }),
  'k-means': ({ learned }) => learned({ method: 'k-means' }),
  lsh: ({ learned }) => learned({ method: 'lsh' }),
  'agglomerative, hot 50 %': ({ learned }) => learned({ method: 'agglomerative', hotShare: 0.5 }),
  'Ward, by count': ({ binned }) => binned(wardBins, 'count'),
  'Ward, by curvature': ({ binned }) => binned(wardBins, 'curvature'),
  'exact, by curvature': ({ binned }) => binned(exactBins, 'curvature'),
};

async function exactBins(keys, weights, rows) {
  return (await optimalBins(keys, weights, { rows })).assignment;
}

/** Adjusted Rand index of two assignments of the ids that the teacher saw 20 times or more (Hubert and Arabie 1985). */
function randIndex(a, b, counts) {
  const pairs = (n) => (n * (n - 1)) / 2;
  const tally = (keys) => {
    const table = new Map();
    for (const key of keys) table.set(key, (table.get(key) ?? 0) + 1);
    return [...table.values()].reduce((sum, n) => sum + pairs(n), 0);
  };
  const seen = [...counts.keys()].filter((id) => counts[id] >= 20);
  const both = tally(seen.map((id) => `${a[id]} ${b[id]}`));
  const [first, second] = [tally(seen.map((id) => a[id])), tally(seen.map((id) => b[id]))];
  const expected = (first * second) / pairs(seen.length);
  return (both - expected) / ((first + second) / 2 - expected);
}

/** Count-weighted squared error of the teacher's first principal component when a row's ids share its mean. */
function distortion(rows, keys, counts) {
  const mass = new Map();
  rows.forEach((row, id) => {
    const [w, wx] = mass.get(row) ?? [0, 0];
    mass.set(row, [w + counts[id], wx + counts[id] * keys[id]]);
  });
  return rows.reduce((sum, row, id) => {
    const [w, wx] = mass.get(row);
    return w === 0 ? sum : sum + counts[id] * (keys[id] - wx / w) ** 2;
  }, 0);
}

/** A hashing with a table of `entries` for every compressed feature. */
async function byHand(features, tableOf, method, size, seed) {
  /** @type {import('../../dist/index.js').FeatureHashing[]} */
  const made = [];
  for (const [f, { name, cardinality }] of features.entries()) {
    const whole = cardinality < MIN_ROWS;
    const hash = whole ? { kind: 'identity' } : { kind: 'table', ...(await tableOf(f, cardinality)) };
    made.push({ name, cardinality, hashes: [hash], combine: 'sum' });
  }
  return new Hashing(made, { method, size, minRows: MIN_ROWS, seed });
}

const end = Date.now() + Number(values.minutes) * 60_000;
for (let seed = 1; seed <= Number(values.seeds); seed++) {
  const find = (method, size, of) => results.find((r) => r.method === method && r.size === size && r.seed === of);
  const wanted = Object.keys(METHODS).flatMap((name) => SIZES.map((size) => [name, size]));
  if (wanted.every(([name, size]) => find(name, size, seed))) continue;
  const { data, clusters } = syntheticDataset({ ...SETS[values.set], seed });
  const [older, student, validation, evaluation] = ['teacher', 'student', 'validation', 'evaluation'].map((split) =>
    data.split(split),
  );
  const tuning = { seed, learningRate: LEARNING_RATES, epochs: 2, validation };
  const teacher = await trainTeacher(older, { ...tuning, dim: 2 });
  const views = await Promise.all(teacher.features.map(({ rows, counts }) => principalProjection(rows, 2, counts)));
  const [first] = teacher.features;
  const counts = older.idCounts(0).map((count, id) => count + student.idCounts(0)[id]);
  const once = counts.filter((count) => count === 1).length / counts.length;
  const newShare = evaluation.unseen(0) / evaluation.rows;

  // The teacher's model again, for its predictions.
  const { learningRate, epochs } = /** @type {import('../../dist/index.js').Fit} */ (teacher.fit);
  const again = await trainStudent(older, { seed, dim: 2, learningRate, epochs });
  const probabilities = await again.predict(older);
  again.close();
  const weightsOf = (f, weight) =>
    weight === 'count' ? idWeights(teacher.features[f].counts) : curvatures(older, f, probabilities);

  const run = async (method, size, hashing) => {
    const { rate, epochs } = find(method, size, 1) ?? {};
    const fixed = { learningRate: rate, epochs, validation: undefined };
    const trained = await trainStudent(student, { ...tuning, ...(rate && fixed), dim: 8, hashing });
    const { auc, logLoss } = await trained.evaluate(evaluation);
    const chosen = { rate: trained.fit.learningRate, epochs: trained.fit.epochs };
    trained.close();
    const rows = hashing && Array.from(rowsOfAll(hashing.features[0].hashes[0], first.cardinality));
    const agreement = rows && randIndex(rows, clusters[0], first.counts);
    const error = rows && distortion(rows, views[0], first.counts);
    const about = { method, size, seed, ...chosen, once, newShare };
    results.push({ ...about, auc, logLoss, randIndex: agreement, distortion: error });
    writeFileSync(path, `[\n${results.map((r) => JSON.stringify(r)).join(',\n')}\n]\n`);
    if (Date.now() > end) process.exit(3);
  };
  if (!find('full', 1, seed)) await run('full', 1, undefined);
  if (!find('oracle', 1, seed)) {
    const rows = SHARED.clusters + 1;
    const table = (f) => ({ rows, entries: clusters[f] });
    await run('oracle', 1, await byHand(teacher.features, table, 'oracle', 1, seed));
  }
  for (const [method, size] of wanted) {
    if (find(method, size, seed)) continue;
    const shared = { size: Number(size), minRows: MIN_ROWS, seed, recent: [student] };
    // Ids that the teacher never saw share the last row, as with unseen 'shared'.
    const binned = (bins, weight) =>
      byHand(
        teacher.features,
        async (f, cardinality) => {
          const rows = targetRows(cardinality, shared);
          const seen = [...teacher.features[f].counts.keys()].filter((id) => teacher.features[f].counts[id] > 0);
          const weights = weightsOf(f, weight);
          const [keys, own] = [views[f], weights].map((of) => Float64Array.from(seen, (id) => of[id]));
          const assignment = await bins(keys, own, rows - 1);
          const entries = new Uint32Array(cardinality).fill(rows - 1);
          for (const [k, id] of seen.entries()) entries[id] = assignment[k];
          return { rows, entries };
        },
        method,
        size,
        seed,
      );
    const hashing = await METHODS[method]({
      binned,
      baseline: (options) => baselineHashing(data.features, { ...shared, ...options }),
      learned: (options) => learnHashing(teacher, { ...shared, ...options }),
    });
    await run(method, size, hashing);
  }
}
