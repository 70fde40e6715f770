// Learners on data with planted clusters (lib/data/synthetic.ts): do ids of a cluster meet, and what does it do for the
// student? Writes bench/results/quality/planted.json; what is there is not run again.
// usage: node bench/quality/planted.mjs [--seeds 3] [--minutes 7]
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { principalProjection } from '../../dist/clustering/index.js';
import { syntheticDataset } from '../../dist/data/index.js';
import { rowsOfAll } from '../../dist/hashing/index.js';
import { Hashing } from '../../dist/pipeline/hashing.js';
import { baselineHashing, learnHashing } from '../../dist/pipeline/learn_hashing.js';
import { trainStudent } from '../../dist/pipeline/student.js';
import { trainTeacher } from '../../dist/pipeline/teacher.js';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '3' }, minutes: { type: 'string', default: '7' } },
});
const path = 'bench/results/quality/planted.json';
mkdirSync('bench/results/quality', { recursive: true });
const results = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : [];

const SIZES = [0.02, 0.05, 0.1, 0.2, 0.5];
const MIN_ROWS = 1000;
const LEARNERS = {
  'equal-mass': { method: 'equal-mass' },
  agglomerative: { method: 'agglomerative' },
  exact: { method: 'exact' },
  'kd-tree': { method: 'kd-tree' },
  'k-means': { method: 'k-means' },
  lsh: { method: 'lsh' },
  'agglomerative, hot 50 %': { method: 'agglomerative', hotShare: 0.5 },
};

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

const end = Date.now() + Number(values.minutes) * 60_000;
for (let seed = 1; seed <= Number(values.seeds); seed++) {
  const has = (method, size) => results.some((r) => r.method === method && r.size === size && r.seed === seed);
  const { data, clusters } = syntheticDataset({
    rows: 200_000,
    cardinalities: [12_000, 6_000, 20],
    clusters: 100,
    zipf: 1,
    newIdsShare: 0.1,
    seed,
  });
  const [student, validation] = [data.split('student'), data.split('validation')];
  const tuning = { seed, learningRate: [0.05, 0.1, 0.2], epochs: 2, validation };
  const teacher = await trainTeacher(data.split('teacher'), { ...tuning, dim: 2 });
  const [first] = teacher.features;
  const keys = principalProjection(first.rows, 2, first.counts);
  const recent = data
    .split('teacher')
    .idCounts(0)
    .map((count, id) => count + student.idCounts(0)[id]);
  const once = recent.filter((count) => count === 1).length / recent.length;

  const run = async (method, size, hashing) => {
    const trained = await trainStudent(student, { ...tuning, dim: 8, hashing });
    const { auc, logLoss } = await trained.evaluate(data.split('evaluation'));
    trained.close();
    const rows =
      hashing === undefined ? undefined : Array.from(rowsOfAll(hashing.features[0].hashes[0], first.cardinality));
    const agreement = rows && randIndex(rows, clusters[0], first.counts);
    const error = rows && distortion(rows, keys, first.counts);
    results.push({ method, size, seed, once, auc, logLoss, randIndex: agreement, distortion: error });
    writeFileSync(path, `[\n${results.map((r) => JSON.stringify(r)).join(',\n')}\n]\n`);
    if (Date.now() > end) process.exit(3);
  };
  if (!has('full', 1)) await run('full', 1, undefined);
  if (!has('oracle', 1)) {
    const features = teacher.features.map(({ name, cardinality }, f) => {
      const hash = cardinality < MIN_ROWS ? { kind: 'identity' } : { kind: 'table', rows: 101, entries: clusters[f] };
      return { name, cardinality, hashes: [hash], combine: 'sum' };
    });
    await run('oracle', 1, new Hashing(features, { method: 'oracle', size: 1, minRows: MIN_ROWS, seed }));
  }
  for (const size of SIZES) {
    const shared = { size, minRows: MIN_ROWS, seed, recent: [student] };
    if (!has('modulo', size))
      await run('modulo', size, baselineHashing(data.features, { ...shared, method: 'modulo' }));
    for (const [name, options] of Object.entries(LEARNERS)) {
      if (!has(name, size)) await run(name, size, await learnHashing(teacher, { ...shared, ...options }));
    }
  }
}
