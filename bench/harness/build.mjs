// Builds a measuring program of bench/harness. Where the addon is built (scripts/ensure-built.mjs), the objects measured
// are its own.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** @returns the path of the program */
export function buildProgram(name) {
  const run = (...args) => execFileSync('cmake', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  run('-S', '.', '-B', 'build-bench', '-DCOLLIDE_BENCH=ON', '-DCOLLIDE_CUDA=OFF', '-DCOLLIDE_OBJECTS_OF=build');
  run('--build', 'build-bench', '--target', name, '-j', '2');
  return `${root}build-bench/bench/harness/${name}`;
}
