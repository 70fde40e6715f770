// Builds the C++ tests of test/native with AddressSanitizer and UndefinedBehaviorSanitizer (build-asan) and with
// ThreadSanitizer (build-tsan), runs them, and prints `N passed, N failed` in total. Needs cmake and g++:
// without them it fails.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildTarget, configure, needTools, SANITIZED_BUILDS } from './sanitized-build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const environment = {
  ...process.env,
  ASAN_OPTIONS: 'detect_leaks=1:strict_string_checks=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
  TSAN_OPTIONS: 'halt_on_error=1',
};

needTools('cmake', 'g++');

let passed = 0;
let failed = 0;
const programs = readdirSync(`${root}test/native`, { encoding: 'utf8', recursive: true })
  .filter((file) => file.endsWith('_test.cc'))
  .map((file) => basename(file, '.cc'))
  .sort();

/** Runs a program, and counts and prints what it says. */
async function run(program, { folder, sanitize }) {
  const started = performance.now();
  const child = spawn(`${root}${folder}/test/native/${program}`, { env: environment });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const [status, signal] = await once(child, 'close');
  const counted = output.match(/(\d+) passed, (\d+) failed\s*$/);
  const failures = Number(counted?.[2] ?? 0);
  const ok = status === 0 && counted !== null && failures === 0;
  passed += Number(counted?.[1] ?? 0);
  // A program that a sanitizer or a signal ended is a failure by itself.
  failed += ok ? 0 : Math.max(1, failures);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${program} (${sanitize}): ${counted?.[0].trim() ?? `ended by ${signal ?? status}`}, ${seconds} s`);
  if (!ok) console.log(output);
}

for (const build of SANITIZED_BUILDS) {
  console.log(`== ${build.sanitize}: building ${build.folder}`);
  if (!configure(build) || !buildTarget(build, 'all')) {
    failed++;
    continue;
  }
  // Most use one thread, so two at a time.
  const left = [...programs];
  const next = async () => {
    while (left.length > 0) await run(left.shift(), build);
  };
  await Promise.all([next(), next()]);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
