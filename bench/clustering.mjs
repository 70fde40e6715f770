// usage: npm run bench:clustering -- [--large | --tables] [--only PATTERN] [--rounds N] [--threads 1,2] [--program FILE]
// The learners beside one std::sort of as many float64 values in the same process, and scikit-learn when a Python has it.
// Writes clustering.json (all times) and clustering.md to bench/results. --large adds 10 million ids (some ten minutes
// and 3 GiB); --only measures the settings whose name matches a regular expression anew and keeps the others' times;
// --tables measures nothing but bench/tables.mjs anew, which needs `npm run build` before.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildProgram } from './harness/build.mjs';
import { ratio, seconds } from './harness/rounds.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    large: { type: 'boolean', default: false },
    tables: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '1,2' },
    program: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const threadCounts = values.threads.split(',').map(Number);
if (![rounds, ...threadCounts].every((n) => Number.isInteger(n) && n > 0)) {
  console.error(
    `Expected whole numbers from 1 for --rounds and --threads, received ${values.rounds}, ${values.threads}`,
  );
  process.exit(2);
}

const words = (n) => n.toLocaleString('en');
const settings = [100_000, 1_000_000, ...(values.large ? [10_000_000] : [])]
  .flatMap((ids) => [10, 100].flatMap((divisor) => threadCounts.map((threads) => ({ ids, divisor, threads }))))
  .map((setting) => ({
    ...setting,
    name: `${words(setting.ids)} ids to ${words(setting.ids / setting.divisor)} rows, ${setting.threads} threads`,
  }))
  .filter(({ name }) => !values.tables && new RegExp(values.only).test(name));

const program = values.tables ? '' : (values.program ?? buildProgram('clustering_bench'));
const output = (...args) => execFileSync(program, args.map(String), { encoding: 'utf8', maxBuffer: 1 << 24 });

/** { CASE: [{ wall, cpu }] by round }. */
function measure({ ids, divisor, threads }) {
  const times = {};
  for (const line of output(ids, divisor, threads, rounds).trim().split('\n')) {
    const { case: name, round, wall, cpu } = JSON.parse(line);
    times[name] ??= [];
    times[name][round] = { wall, cpu };
  }
  return times;
}

/** The first Python that has scikit-learn, measured with 100,000 ids to a tenth as many rows; undefined without one. */
function measurePeer() {
  const python = ['python3', '/usr/bin/python3'].find((name) => spawnSync(name, ['-c', 'import sklearn']).status === 0);
  if (python === undefined) return undefined;
  const script = `${root}bench/harness/peers/sklearn_clustering.py`;
  return JSON.parse(execFileSync(python, [script, '100000', '10000'], { encoding: 'utf8' }));
}

const folder = new URL('./results/', import.meta.url);
const file = new URL('clustering.json', folder);
const partly = values.only !== '' || values.tables;
const before = partly && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { settings: {} };
const results = { ...before };
for (const { name, ...setting } of settings) {
  const load = loadavg()[0];
  console.log(`${name} (load ${load.toFixed(1)})`);
  results.settings[name] = { ...setting, load, times: measure(setting) };
}
if (values.tables) {
  const script = `${root}bench/tables.mjs`;
  const line = execFileSync(process.execPath, [script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  results.tables = { ...JSON.parse(line), load: loadavg()[0] };
}
if (!partly || results.bytesPerId === undefined) {
  results.bytesPerId = Object.fromEntries(
    Object.keys(Object.values(results.settings)[0].times)
      .filter((name) => name !== 'sort')
      .map((name) => [name, JSON.parse(output('memory', 1_000_000, 10, name)).bytesPerId]),
  );
  results.peer = measurePeer() ?? null;
  results.machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} threads`;
}

function tablesLines({ tables, ids, threads, sort, wall, cpu, before, peak, results, load }) {
  const perId = (bytes) => (bytes / (tables * ids)).toFixed(1);
  return [
    `${tables} tables of ${words(ids)} ids (width 2) to ${words(ids / 10)} rows each in one call of \`learnMappings\`, ${threads} threads, load ${load.toFixed(1)}:`,
    `**${(wall / sort).toFixed(2)}** of the ${tables} sorts' time (CPU ${(cpu / sort).toFixed(2)}; the sorts on one thread, half before and half after: ${sort.toFixed(1)} s).`,
    `Peak memory of the process: ${(peak / 2 ** 30).toFixed(2)} GiB, of which ${(before / 2 ** 30).toFixed(2)} were there before the call (the inputs are ${perId(12 * tables * ids)} bytes per id)`,
    `and ${(results / 2 ** 30).toFixed(2)} are the result; work took ${((peak - before - results) / (threads * ids)).toFixed(0)} bytes per id of the tables at work, ${perId(peak - before - results)} per id of all.`,
    '',
  ];
}

function markdown({ settings, bytesPerId, peer, machine, tables }) {
  const all = Object.values(settings).sort((a, b) => a.ids - b.ids || a.divisor - b.divisor || a.threads - b.threads);
  const names = Object.keys(all[0].times).filter((name) => name !== 'sort');
  const cell = ({ times }, name) => {
    const { median, least, most } = ratio(times, name, 'sort').wall;
    return `**${median.toFixed(2)}** (${least.toFixed(2)} to ${most.toFixed(2)}; ${ratio(times, name, 'sort').cpu.median.toFixed(2)})`;
  };
  const peers = Object.entries(peer?.seconds ?? {}).map(([name, time]) => {
    const sort = settings['100,000 ids to 10,000 rows, 1 threads']?.times;
    return `| ${name} | ${time.toFixed(2)} s | ${sort ? Math.round(time / seconds(sort, 'sort')).toLocaleString('en') : ''} |`;
  });
  return [
    '# Clustering',
    '',
    'Times as a ratio to one `std::sort` of as many float64 values in the same process and round: median wall time (least to',
    `most; median of the CPU time), rounds interleaved. Power-law counts, clusters at most four times the average size.`,
    '',
    `| | ${names.join(' | ')} | rounds | sort, ms | load |`,
    `|---|${names.map(() => '---').join('|')}|---|---|---|`,
    ...all.map((setting) => {
      const name = `${words(setting.ids)} ids to ${words(setting.ids / setting.divisor)} rows, ${setting.threads} threads`;
      const sort = (seconds(setting.times, 'sort') * 1000).toFixed(1);
      return `| ${name} | ${names.map((one) => cell(setting, one)).join(' | ')} | ${setting.times.sort.length} | ${sort} | ${setting.load.toFixed(1)} |`;
    }),
    '',
    `Peak memory above the inputs, 1,000,000 ids to 100,000 rows, one thread, the copies that a job makes of its inputs included: ${Object.entries(
      bytesPerId ?? {},
    )
      .map(([name, bytes]) => `${name} ${bytes.toFixed(0)} bytes per id`)
      .join('; ')}.`,
    '',
    ...(tables === undefined ? [] : tablesLines(tables)),
    ...(peers.length > 0
      ? [
          `scikit-learn ${peer.version}, 100,000 ids to 10,000 rows, one run each in a process of its own:`,
          '',
          '| | time | ratio to std::sort |',
          '|---|---|---|',
          ...peers,
        ]
      : ['scikit-learn was not installed.']),
    '',
    `Machine: ${machine}.`,
    '',
  ].join('\n');
}

mkdirSync(folder, { recursive: true });
writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
const text = markdown(results);
writeFileSync(new URL('clustering.md', folder), text);
console.log(`\n${text}`);
