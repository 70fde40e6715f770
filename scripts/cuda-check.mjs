// Compiles the CUDA sources for every supported architecture and looks at what came out, without a device: no warnings,
// no spilled registers, no stack, fused multiply-adds where they are meant and nowhere else, 128-bit read-only loads in
// the lookup and matrix kernels. Prints a line per kernel and architecture, then `N passed, N failed`. Needs nvcc.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ARCHITECTURES = [75, 80, 86, 89, 90];
// What each kernel must contain in PTX; the others are only held to the rules above.
const WANTED = { lookup: 'ld.global.nc.v4.f32', product: 'ld.global.nc.v4.f32' };
// Kernels that fuse multiply-adds, by name of the intrinsic: they promise no bits of the CPU's.
const FUSED = ['product', 'dots', 'dots_backward'];

const root = fileURLToPath(new URL('..', import.meta.url));
const nvcc = process.env.CUDACXX ?? 'nvcc';
if (spawnSync(nvcc, ['--version']).status !== 0) {
  console.error(`Expected nvcc to check the CUDA sources with, but "${nvcc}" does not run`);
  process.exit(1);
}
const list = spawnSync('node', ['scripts/native-sources.mjs', 'cuda'], { cwd: root, encoding: 'utf8' }).stdout;
const sources = list.split('\n').filter((file) => file.endsWith('.cu'));
const folder = mkdtempSync(join(tmpdir(), 'cuda-check-'));
// As in CMakeLists.txt.
const flags = ['-std=c++20', '-O3', '-fmad=false', '-Inative', '-Xcompiler=-Wall,-Wextra', '--Werror=all-warnings'];

const seen = new Set(); // kernels

let passed = 0;
let failed = 0;
function check(ok, what) {
  if (ok) passed++;
  else failed++;
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${what}`);
}

function compile(...options) {
  return new Promise((resolve) => {
    const child = spawn(nvcc, [...flags, ...options], { cwd: root });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    child.on('close', (status) => resolve({ ok: status === 0, output }));
  });
}

/** The kernel's own name in a mangled one: its last nested name before the parameters. */
function kernelName(mangled) {
  let name = mangled;
  let rest = mangled.replace(/^_ZN/, '');
  for (let part = /^(\d+)/.exec(rest); part !== null; part = /^(\d+)/.exec(rest)) {
    name = rest.slice(part[1].length, part[1].length + Number(part[1]));
    rest = rest.slice(part[1].length + Number(part[1]));
  }
  return name;
}

/** ptxas -v, kernel by kernel: [{ kernel, stack, stores, loads, registers }]. */
function resources(output) {
  const found = [];
  for (const block of output.split(/Compiling entry function '/).slice(1)) {
    const bytes = /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/.exec(block);
    const registers = /Used (\d+) registers/.exec(block);
    const [stack, stores, loads] = bytes ? bytes.slice(1).map(Number) : [NaN, NaN, NaN];
    found.push({ kernel: kernelName(block.split("'")[0]), stack, stores, loads, registers: Number(registers?.[1]) });
  }
  return found;
}

async function checkMachineCode(source, architecture) {
  const cubin = join(folder, `${source.replaceAll('/', '_')}.${architecture}.cubin`);
  const { ok, output } = await compile(`-arch=sm_${architecture}`, '-Xptxas', '-v', '-cubin', source, '-o', cubin);
  check(ok, `${source} compiles for sm_${architecture} without warnings`);
  if (!ok) console.log(output);
  for (const { kernel, stack, stores, loads, registers } of ok ? resources(output) : []) {
    const what = `${kernel}, sm_${architecture}: ${registers} registers, ${stack} bytes of stack, ${stores + loads} spilled`;
    check(stack === 0 && stores === 0 && loads === 0 && registers > 0, what);
  }
}

async function checkPtx(source) {
  const file = join(folder, `${source.replaceAll('/', '_')}.ptx`);
  const { ok, output } = await compile(`-arch=compute_${ARCHITECTURES[0]}`, '-ptx', source, '-o', file);
  check(ok, `${source} compiles to PTX`);
  if (!ok) return console.log(output);
  for (const body of readFileSync(file, 'utf8')
    .split(/^\.visible \.entry |^\.entry /m)
    .slice(1)) {
    const kernel = kernelName(/^\w+/.exec(body)[0]);
    seen.add(kernel);
    const fused = /\bfma\.|\bmad\.(rn|f32|f64)/.test(body);
    if (FUSED.includes(kernel)) check(fused, `${kernel}: fused multiply-adds`);
    else check(!fused, `${kernel}: no contracted multiply-add`);
    if (WANTED[kernel] === undefined) continue;
    const loads = body.split(WANTED[kernel]).length - 1;
    check(loads > 0, `${kernel}: ${loads} ${WANTED[kernel]} in PTX`);
  }
}

// Host code is the same for every architecture.
const hasKernels = (source) => readFileSync(join(root, source), 'utf8').includes('__global__');
const tasks = sources.flatMap((source) => [
  ...(hasKernels(source) ? ARCHITECTURES : []).map((architecture) => () => checkMachineCode(source, architecture)),
  () => checkPtx(source),
]);
const workers = Array.from({ length: Math.min(4, availableParallelism()) }, async () => {
  for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) await task();
});
await Promise.all(workers);
for (const kernel of Object.keys(WANTED)) check(seen.has(kernel), `${kernel} was found`);
rmSync(folder, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
