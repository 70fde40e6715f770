// Makes the release build of the addon (build-release, machine code for every supported GPU) and looks at what came out,
// without a device. Of every kernel: no spilled registers, no stack; of ours also occupancy, no contracted
// multiply-adds, wide row loads, no float64 where none belongs, and registers and shared memory against
// scripts/cuda-baseline.json. Of the addon: architectures, size, symbols, libraries, and that it answers `doctor`.
// Prints a line per check that fails (--all: every line), then `N passed, N failed`. Needs nvcc, cmake, binutils.
// usage: node scripts/cuda-check.mjs [--all] [--update] [--built]
//   --update: writes the baseline anew, keeping its exceptions; --built: looks at the build of the last call again
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  checkBaseline,
  checkKernel,
  checkSize,
  fatBinaryParts,
  kernelName,
  parsePtx,
  parsePtxas,
  summary,
} from './cuda-gate.mjs';

const PARTS = ['compute_90', 'sm_75', 'sm_80', 'sm_86', 'sm_89', 'sm_90'];
const EXPORTS = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

const root = fileURLToPath(new URL('..', import.meta.url));
const build = join(root, 'build-release/build');
const addon = join(build, 'Release/learn_to_collide.node');
const log = join(build, 'kernels/ptxas.log');
const baselineFile = join(root, 'scripts/cuda-baseline.json');
const nvcc = process.env.CUDACXX ?? 'nvcc';
const lines = (command, ...args) => execFileSync(command, args, { encoding: 'utf8' }).trim().split('\n');

let passed = 0;
let failed = 0;
function check({ ok, what }) {
  if (ok) passed++;
  else failed++;
  if (!ok || process.argv.includes('--all')) console.log(`${ok ? 'ok    ' : 'FAILED'} ${what}`);
}

function buildAddon() {
  // A compiler cache does not keep the PTX that nvcc leaves on the way.
  const env = { ...process.env, CMAKE_CUDA_COMPILER_LAUNCHER: '' };
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'build:release'], {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status === 0) return writeFileSync(log, stdout + stderr);
  console.log(`${stdout}${stderr}FAILED the release build\n0 passed, 1 failed`);
  process.exit(1);
}

/** Percent per kernel, by the toolkit's own arithmetic. */
function occupancies(kernels) {
  const scratch = mkdtempSync(join(tmpdir(), 'cuda-check-'));
  const program = join(scratch, 'occupancy');
  execFileSync(nvcc, ['-std=c++17', '-cudart', 'none', join(root, 'scripts/occupancy.cc'), '-o', program]);
  const asked = kernels.map((k) => `${k.architecture} ${k.registers} ${k.shared} ${k.block}\n`).join('');
  const answers = execFileSync(program, { input: asked, encoding: 'utf8' }).trim().split('\n').map(Number);
  rmSync(scratch, { recursive: true });
  return answers;
}

function allKernels() {
  const found = parsePtxas(readFileSync(log, 'utf8'));
  const plain = execFileSync('c++filt', { input: found.map((k) => k.mangled).join('\n'), encoding: 'utf8' }).split(
    '\n',
  );
  const texts = new Map(); // "mangled architecture" -> { file, block, ptx }
  for (const file of readdirSync(join(build, 'kernels')).filter((name) => name.endsWith('.ptx'))) {
    const [, source, architecture] = /^(.*)\.compute_(\d+)\.ptx$/.exec(file) ?? [];
    for (const [mangled, text] of parsePtx(readFileSync(join(build, 'kernels', file), 'utf8'))) {
      texts.set(`${mangled} ${architecture}`, { file: `${source}.cu`, ...text });
    }
  }
  const kernels = found.map((kernel, k) => {
    const { file, ...text } = texts.get(`${kernel.mangled} ${kernel.architecture}`);
    return { ...kernel, ...text, ...kernelName(file, plain[k]) };
  });
  const percents = occupancies(kernels);
  return kernels.map((kernel, k) => ({ ...kernel, occupancy: percents[k] }));
}

function fatBinary() {
  const scratch = mkdtempSync(join(tmpdir(), 'cuda-check-'));
  const file = join(scratch, 'section');
  execFileSync('objcopy', ['-O', 'binary', '--only-section=.nv_fatbin', addon, file]);
  const section = readFileSync(file);
  rmSync(scratch, { recursive: true });
  return section;
}

function checkAddon() {
  const names = lines('nm', '-D', '--defined-only', addon).map((line) => line.split(' ').at(-1));
  check({ ok: names.sort().join() === EXPORTS.join(), what: `exported symbols: ${names.join(', ')}` });
  const needed = lines('readelf', '-d', addon).filter((line) => line.includes('NEEDED'));
  const cuda = needed.filter((line) => /cuda|nvidia/i.test(line));
  check({
    ok: needed.length > 0 && cuda.length === 0,
    what: `CUDA libraries needed to load: ${cuda.join() || 'none'}`,
  });
  const doctor = spawnSync(process.execPath, ['dist/cli/main.js', 'doctor', '--json'], {
    cwd: root,
    env: { ...process.env, LEARN_TO_COLLIDE_PREBUILD: join(root, 'build-release') },
    encoding: 'utf8',
  });
  const facts = doctor.status === 0 ? JSON.parse(doctor.stdout) : {};
  const answered = facts.addon === 'CPU and CUDA' && typeof facts.cuda?.reason === 'string';
  check({ ok: answered, what: `doctor: ${facts.addon ?? doctor.stderr}, CUDA: ${facts.cuda?.reason}` });
}

if (!process.argv.includes('--built')) buildAddon();
const kernels = allKernels();
const now = summary(kernels);
const section = fatBinary();
const compiler = lines(nvcc, '--version').at(-1);
const before = existsSync(baselineFile) ? JSON.parse(readFileSync(baselineFile, 'utf8')) : { exceptions: {} };
if (process.argv.includes('--update')) {
  const baseline = { compiler, fatBinaryBytes: section.length, exceptions: before.exceptions, kernels: now };
  const text = JSON.stringify(baseline, null, 2).replaceAll(
    /\{\s+("registers".*),\s+(.*),\s+(.*)\s+\}/g,
    '{ $1, $2, $3 }',
  );
  writeFileSync(baselineFile, `${text}\n`);
  console.log(`wrote ${baselineFile}`);
}
const baseline = JSON.parse(readFileSync(baselineFile, 'utf8'));

// An exception names a kernel, or all instances of a template at once.
const template = (name) => name.replace(/<.*$/, '');
const exceptionsOf = ({ name }) => baseline.exceptions[name] ?? baseline.exceptions[template(name)];
for (const kernel of kernels) checkKernel(kernel, exceptionsOf(kernel)).forEach(check);
for (const name of Object.keys(baseline.exceptions)) {
  check({
    ok: Object.keys(now).some((one) => one === name || template(one) === name),
    what: `the exceptions of ${name} belong to a kernel`,
  });
}
if (baseline.compiler === compiler) {
  checkBaseline(now, baseline.kernels).forEach(check);
  checkSize(section.length, baseline.fatBinaryBytes).forEach(check);
} else {
  console.log(`the baseline is of ${baseline.compiler}, this is ${compiler}: not compared`);
}
const parts = fatBinaryParts(section);
check({ ok: parts.join() === PARTS.join(), what: `architectures: ${parts.join(', ')}` });
checkAddon();
console.log(`${kernels.length} compiled kernels, fat binary of ${section.length} bytes, addon for ${parts.join(', ')}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
