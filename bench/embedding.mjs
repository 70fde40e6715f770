// usage: npm run bench:embedding -- [--list] [--only PATTERN] [--alone] [--quick]
//                                   [--rounds N] [--seconds S] [--threads N] [--program FILE] [--out FOLDER]
// The embedding engine beside this machine's limits, PyTorch, TensorFlow.js and plain JavaScript. Writes embedding.json
// (all times) and embedding.md to bench/results. --only measures the workloads whose name matches a regular expression
// anew and keeps the others' times of the last run; --alone leaves the peers out; --quick runs tiny workloads and fails
// when a ratio is no number.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, freemem, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildProgram } from './harness/build.mjs';
import { measure } from './harness/measure.mjs';
import { allRatios, markdown } from './harness/report.mjs';
import { quickWorkloads, tableBytes, workloads } from './harness/workloads.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    alone: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    threads: { type: 'string', default: '2' },
    program: { type: 'string' },
    out: { type: 'string' },
  },
});
const options = {
  rounds: Number(values.rounds ?? (values.quick ? 2 : 9)),
  seconds: Number(values.seconds ?? (values.quick ? 0.001 : 0.1)),
  threads: Number(values.threads),
};
if (!(Number.isInteger(options.rounds) && options.rounds > 0 && options.seconds > 0 && options.threads > 0)) {
  console.error('Expected --rounds and --threads from 1 and --seconds above 0');
  process.exit(2);
}
const chosen = (values.quick ? quickWorkloads() : workloads()).filter(({ name }) => new RegExp(values.only).test(name));
if (values.list || chosen.length === 0) {
  console.log(
    workloads()
      .map(({ name }) => name)
      .join('\n'),
  );
  process.exit(values.list ? 0 : 2);
}

function hugePages() {
  const file = '/sys/kernel/mm/transparent_hugepage/enabled';
  return (existsSync(file) && readFileSync(file, 'utf8').match(/\[(\w+)\]/)?.[1]) || 'unknown';
}

const out = values.out ?? (values.quick ? join(tmpdir(), 'collide-bench-quick') : `${root}bench/results`);
mkdirSync(out, { recursive: true });
const json = join(out, 'embedding.json');
const kept = values.only !== '' && existsSync(json) ? (JSON.parse(readFileSync(json, 'utf8')).workloads ?? []) : [];
const measured = new Map(kept.map((one) => [one.name, one]));
const order = (values.quick ? quickWorkloads() : workloads()).map(({ name }) => name);

/** Writes what has been measured so far: a long run that is stopped keeps it. */
function save() {
  const all = order.flatMap((name) => measured.get(name) ?? []);
  const machine = {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    hugePages: hugePages(),
    node: process.version,
    compiler: all[0].notes.engine.compiler,
    vectors: all[0].notes.engine.vectors,
    pytorch: all.find(({ notes }) => notes.pytorch)?.notes.pytorch.version,
  };
  const results = { machine, options, workloads: all };
  writeFileSync(json, `${JSON.stringify(results)}\n`);
  writeFileSync(join(out, 'embedding.md'), markdown(results));
  return results;
}

const binary = values.program ?? buildProgram('embedding_bench');
let results;
for (const one of chosen) {
  const workload = values.alone ? { ...one, peers: [] } : one;
  const bytes = tableBytes(workload.settings);
  if (bytes > 0.8 * freemem()) {
    console.error(`${workload.name}: left out, its tables need ${(bytes / 2 ** 30).toFixed(1)} GiB`);
    continue;
  }
  const load = loadavg()[0];
  const begin = performance.now();
  measured.set(workload.name, { ...workload, load, ...(await measure(binary, workload, options)) });
  console.error(`${workload.name}: ${((performance.now() - begin) / 1e3).toFixed(0)} s`);
  results = save();
}
if (results === undefined) process.exit(1);
console.log(markdown(results));
const broken = allRatios(results).filter((ratio) => !(ratio > 0 && Number.isFinite(ratio)));
if (broken.length > 0) {
  console.error(`${broken.length} ratios are no positive numbers`);
  process.exit(1);
}
