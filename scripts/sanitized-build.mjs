// cmake builds of the C++ tests with sanitizers. The addon with sanitizers (scripts/sanitize.mjs) takes the engine's objects
// of the first one, so they are compiled once.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

export const SANITIZED_BUILDS = [
  { folder: 'build-asan', sanitize: 'address,undefined' },
  { folder: 'build-tsan', sanitize: 'thread' },
];

/** Ends the process with 1, saying which of the tools is missing: a step that tested nothing must not pass. */
export function needTools(...tools) {
  const missing = tools.filter((tool) => spawnSync(tool, ['--version']).status !== 0);
  if (missing.length === 0) return;
  console.error(`FAILED: nothing was tested. Not found: ${missing.join(', ')} (Debian: apt install cmake g++)`);
  process.exit(1);
}

/** Whether cmake, which runs quietly, succeeded; of a failure its errors are shown, not the warnings around them. */
function cmake(...options) {
  const { status, stdout, stderr } = spawnSync('cmake', options, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status === 0) return true;
  const lines = `${stdout}${stderr}`.split('\n');
  const errors = lines.filter((line) => /error|undefined reference/i.test(line));
  console.log((errors.length > 0 ? errors : lines).join('\n'));
  return false;
}

export const configure = ({ folder, sanitize }) =>
  cmake('-S', '.', '-B', folder, `-DCOLLIDE_SANITIZE=${sanitize}`, '-DCOLLIDE_TESTS=ON', '-DCOLLIDE_CUDA=OFF');

export const buildTarget = ({ folder }, target) =>
  cmake('--build', folder, '--target', target, '-j', String(availableParallelism()));
