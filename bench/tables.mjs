// usage: node bench/tables.mjs [TABLES] [IDS]   (100 tables of 1,000,000 ids; bench/clustering.mjs --tables runs it)
// One call of learnMappings for many tables, agglomerative, a tenth as many rows, clusters at most four times the average,
// beside one std::sort of each table's values (typed arrays sort with it), half of the sorts before and half after. Prints
// one line of JSON; progress goes to stderr. Vectors of width 2 are shrunk to their random start by c / (c + 8), counts
// follow a power law.
import { buildInfo, learnMappings } from '../dist/index.js';

const [tables, ids] = [process.argv[2] ?? 100, process.argv[3] ?? 1_000_000].map(Number);
if (![tables, ids].every((n) => Number.isInteger(n) && n > 1)) {
  console.error('usage: node bench/tables.mjs [TABLES] [IDS]');
  process.exit(2);
}
const rows = Math.ceil(ids / 10);

function teacher(seed) {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const vectors = new Float32Array(2 * ids);
  const counts = new Uint32Array(ids);
  for (let id = 0; id < ids; id++) {
    counts[id] = Math.min(1e6, 1 / (random() + 1e-9));
    const share = counts[id] / (counts[id] + 8);
    for (let d = 0; d < 2; d++) vectors[2 * id + d] = (random() + random() - 1) * share + 0.05 * (random() - 0.5);
  }
  return { rows: vectors, dim: 2, counts };
}

function sortSeconds(tasks) {
  let sum = 0;
  for (const { teacher } of tasks) {
    const values = Float64Array.from({ length: ids }, (_, id) => teacher.rows[2 * id]);
    const began = performance.now();
    values.sort();
    sum += performance.now() - began;
  }
  return sum / 1000;
}

const tasks = Array.from({ length: tables }, (_, t) => ({ teacher: teacher(t + 1), options: { rows } }));
const half = tables >> 1;
let sort = sortSeconds(tasks.slice(0, half));
globalThis.gc?.();
const before = process.memoryUsage().rss;
const cpu = process.cpuUsage();
const began = performance.now();
let reports = 0;
const mappings = await learnMappings(tasks, {
  onProgress: ({ table, share }) => {
    reports++;
    process.stderr.write(`\r${(100 * share).toFixed(1)} %, table ${table}   `);
  },
});
const wall = (performance.now() - began) / 1000;
const used = process.cpuUsage(cpu);
const peak = process.resourceUsage().maxRSS * 1024;
process.stderr.write('\n');
sort += sortSeconds(tasks.slice(half));
for (const [t, { statistics }] of mappings.entries()) {
  const [{ rows: made, emptyRows }] = statistics.tables;
  if (made !== rows || emptyRows > 0) throw new Error(`table ${t} has ${made} rows, ${emptyRows} of them empty`);
}
const results = mappings.reduce(
  (sum, { hashes }) => sum + (hashes[0].kind === 'table' ? hashes[0].entries.byteLength : 0),
  0,
);
const summary = {
  tables,
  ids,
  threads: buildInfo().threads,
  sort,
  wall,
  cpu: (used.user + used.system) / 1e6,
  reports,
};
console.log(JSON.stringify({ ...summary, before, peak, results }));
