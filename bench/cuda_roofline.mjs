// usage: npm run bench:cuda -- [--only PATTERN] [--out FOLDER]
// Counts what the CUDA kernels ask of memory, on the test device (docs/design/cuda-test-device.md; needs npm run build:cuda-test), beside
// the least that any implementation needs: prints a Markdown table and, unless only some cases are wanted, writes it to
// bench/results/cuda_roofline.md, with an estimate of times from the counts. No GPU: the same on every machine. Exits with 1
// when a target is missed. A case is a process of its own, because the device reports when one ends.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cases } from './cuda_cases.mjs';

const SECTOR = 32;
const MOST_PER_REQUEST = 1.05; // sectors of row loads against the ideal

// For the estimate: bytes a second by the data sheets, and which fractions of them kernels reach (docs/results/speed.md).
const BANDWIDTH = { 'A100 80 GB SXM': 2.04e12, 'H100 SXM': 3.35e12 };
const FRACTIONS = [0.88, 0.6];
const ESTIMATED_BAGS = 26 * 2048;

const self = fileURLToPath(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    out: { type: 'string', default: join(root, 'bench/results') },
    run: { type: 'string' }, // of a child: "run" or "without"
    case: { type: 'string' }, // of a child: its number
  },
});
if (values.run !== undefined) {
  await cases[Number(values.case)][values.run]();
  process.exit(0);
}

const scratch = mkdtempSync(join(tmpdir(), 'cuda-roofline-'));

/** The kernels that a case's work launched, as the test device reports them. */
function report(number, work) {
  const file = join(scratch, 'report.json');
  const env = {
    ...process.env,
    LD_LIBRARY_PATH: join(root, 'build-cuda-test/build/Release'),
    LEARN_TO_COLLIDE_PREBUILD: join(root, 'build-cuda-test'),
    TEST_DEVICE_REPORT: file,
  };
  const child = spawnSync(process.execPath, [self, '--run', work, '--case', String(number)], { encoding: 'utf8', env });
  if (child.status !== 0) throw new Error(`${cases[number].operation} ended by ${child.status}: ${child.stderr}`);
  const { findings, kernels } = JSON.parse(readFileSync(file, 'utf8'));
  if (findings.length > 0) throw new Error(`the test device found ${JSON.stringify(findings)}`);
  for (const access of kernels.flatMap(({ accesses }) => accesses)) {
    access.instruction = access.instruction.replace(/^@!?%p\d+ /, ''); // its guard
  }
  return kernels;
}

const sum = (list, of) => list.reduce((total, item) => total + of(item), 0);

/** What a block writes leaves it every time; what it reads again comes from its first-level cache. */
const bytesMoved = (kernels) =>
  SECTOR *
  sum(kernels, ({ accesses }) =>
    sum(accesses, (a) => (/^(st|atom|red)\./.test(a.instruction) ? a.sectors : a.blockSectors)),
  );

/** Sectors asked for, those that are new to their block, and the row loads' sectors against the least possible. */
function totals(kernels, /** @type {import('./cuda_cases.mjs').Case} */ { kernels: wanted, rowLoads }) {
  const counted = kernels.filter(({ kernel }) => wanted.test(kernel));
  const rows = counted.flatMap(({ accesses }) => accesses).filter((a) => rowLoads?.test(a.instruction));
  return {
    instructions: sum(counted, (k) => k.instructions),
    asked: sum(counted, (k) => k.sectors) * SECTOR,
    moved: bytesMoved(counted),
    sorted: bytesMoved(counted.filter(({ kernel }) => kernel.includes('RadixSort'))),
    launches: sum(counted, (k) => k.launches),
    rowSectors: sum(rows, (a) => a.sectors),
    rowBytes: sum(rows, (a) => a.bytes),
  };
}

function count(number) {
  const all = totals(report(number, 'run'), cases[number]);
  if (cases[number].without === undefined) return all;
  const before = totals(report(number, 'without'), cases[number]);
  return Object.fromEntries(Object.keys(all).map((key) => [key, all[key] - before[key]]));
}

/** Lines of a Markdown table of which the first rows are known, and where further ones go. */
const table = (...heads) => [`| ${heads.join(' | ')} |`, `|${'---|'.repeat(heads.length)}`];
const lines = table(
  'operation',
  'shape',
  'row sectors / ideal',
  'bytes moved / minimum',
  'of it the sort',
  'asked / minimum',
  'minimum',
  'instructions per byte',
  'launches',
);
const estimates = table('operation', 'shape', 'bytes moved', ...Object.keys(BANDWIDTH).map((name) => `${name}, us`));

function estimate(/** @type {import('./cuda_cases.mjs').Case} */ { operation, shape, bags }, moved) {
  const bytes = bags === undefined ? moved : (moved * ESTIMATED_BAGS) / bags;
  const times = Object.values(BANDWIDTH).map((most) =>
    FRACTIONS.map((fraction) => ((bytes / (most * fraction)) * 1e6).toFixed(0)).join(' - '),
  );
  const scaled = bags === undefined ? shape : shape.replace(/batch \d+/, '26 tables, batch 2048');
  estimates.push(`| ${[operation, scaled, `${(bytes / 1e6).toFixed(1)} MB`, ...times].join(' | ')} |`);
}

console.log(lines.join('\n'));
let missed = 0;
for (const [number, one] of cases.entries()) {
  const { operation, shape, rowLoads, minimum, target } = one;
  if (!new RegExp(values.only).test(`${operation}, ${shape}`)) continue;
  const { instructions, asked, moved, sorted, launches, rowSectors, rowBytes } = count(number);
  if (rowLoads !== undefined && rowBytes === 0) throw new Error(`${operation} has no row loads like ${rowLoads}`);
  const perRequest = (rowSectors * SECTOR) / rowBytes;
  const late = [
    rowLoads !== undefined && perRequest > MOST_PER_REQUEST && `row sectors over ${MOST_PER_REQUEST}`,
    target !== undefined && moved / minimum > target && `bytes over ${target}`,
  ].filter(Boolean);
  missed += late.length;
  const cells = [
    operation,
    shape,
    rowLoads === undefined ? '' : perRequest.toFixed(2),
    (moved / minimum).toFixed(2) + (late.length > 0 ? ` **missed: ${late.join(', ')}**` : ''),
    sorted === 0 ? '' : (sorted / minimum).toFixed(2),
    (asked / minimum).toFixed(2),
    `${(minimum / 1024).toFixed(0)} KiB`,
    (instructions / minimum).toFixed(2),
    launches,
  ];
  lines.push(`| ${cells.join(' | ')} |`);
  console.log(lines.at(-1));
  if (!shape.endsWith('batch 128')) estimate(one, moved);
}
rmSync(scratch, { recursive: true });
console.log(`\n${estimates.join('\n')}`);

const text = `# What the CUDA kernels ask of memory

Written by \`npm run bench:cuda\`, counted on the test device ([the test device](../../docs/design/cuda-test-device.md)); no GPU was used.
[speed](../../docs/results/speed.md) says how to read it. Targets: row sectors / ideal at most ${MOST_PER_REQUEST}, bytes
moved / minimum at most 1.15 for forward and 1.5 for backward. Missed: ${missed}.

${lines.join('\n')}

## An estimate, not a measurement

Bytes moved, over ${FRACTIONS.join(' and ')} of the data sheets' bandwidths (${Object.entries(BANDWIDTH)
  .map(([name, most]) => `${name} ${most / 1e12} TB/s`)
  .join(', ')}): why these fractions
and what is left out is in [speed](../../docs/results/speed.md#cuda-on-paper). Embedding cases are scaled by their bags
from 4 tables to 26 tables and batch 2,048, each row as often in the batch as counted. Launches take time of their own.

${estimates.join('\n')}
`;
if (values.only === '') {
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, 'cuda_roofline.md'), text);
}
process.exit(missed === 0 ? 0 : 1);
