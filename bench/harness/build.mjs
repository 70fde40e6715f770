// Builds a measuring program of bench/harness. The objects measured are the addon's own, which scripts/ensure-built.mjs has
// made or found up to date; with LEARN_TO_COLLIDE_PREBUILD it looked at none, and the program gets its own.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** @returns the path of the program */
export function buildProgram(name) {
  const run = (...args) => execFileSync('cmake', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  const objects = process.env.LEARN_TO_COLLIDE_PREBUILD === undefined ? 'build' : '';
  run('-S', '.', '-B', 'build-bench', '-DCOLLIDE_BENCH=ON', '-DCOLLIDE_CUDA=OFF', `-DCOLLIDE_OBJECTS_OF=${objects}`);
  run('--build', 'build-bench', '--target', name, '-j', '2');
  return `${root}build-bench/bench/harness/${name}`;
}
