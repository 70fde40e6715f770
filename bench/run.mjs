// usage: npm run bench -- [suite ...] [--rounds N] [--seconds S]
// Runs the suites (the dense net's, more learners, rows in parts; embeddings and clustering have their own, bench/embedding.mjs and
// bench/clustering.mjs) and writes bench/results/SUITE.json and SUITE.md. --rounds (default 7): interleaved
// rounds; --seconds (default 0.2): time per case and round.
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { buildInfo, probeCuda } from '../dist/index.js';
import * as denseNet from './dense_net.mjs';
import * as learners from './learners.mjs';
import * as parts from './parts.mjs';

const SUITES = { learners, dense_net: denseNet, parts };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '7' }, seconds: { type: 'string', default: '0.2' } },
});
const chosen = positionals.length > 0 ? positionals : Object.keys(SUITES);
for (const name of chosen) {
  if (SUITES[name] === undefined) {
    console.error(`Expected a suite of ${Object.keys(SUITES).join(', ')}, received "${name}"`);
    process.exit(2);
  }
}
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
if (!Number.isInteger(rounds) || rounds < 1 || !(seconds > 0)) {
  console.error(
    `Expected whole --rounds from 1 and --seconds above 0, received ${values.rounds} and ${values.seconds}`,
  );
  process.exit(2);
}

const build = buildInfo();
const machine = {
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  threads: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  compiler: build.compiler,
  cuda: probeCuda().available,
  load: loadavg()[0],
};
const described =
  `${machine.processor}, ${machine.threads} threads, ${machine.memoryGiB} GiB; Node ${machine.node}, ` +
  `compiler ${machine.compiler}; load average ${machine.load.toFixed(1)} before the run; ${rounds} interleaved rounds.`;

const folder = new URL('./results/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const name of chosen) {
  const results = await SUITES[name].run({ rounds, seconds });
  const text = `${SUITES[name].markdown(results)}\nMachine: ${described}\n`;
  writeFileSync(
    new URL(`${name}.json`, folder),
    `${JSON.stringify({ machine, rounds, seconds, ...results }, null, 2)}\n`,
  );
  writeFileSync(new URL(`${name}.md`, folder), text);
  console.log(`\n${text}`);
}
