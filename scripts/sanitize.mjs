// Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer (build-asan-addon; the engine in it is build-asan's) and runs the vitest areas that
// call it under node with the sanitizer's runtime preloaded. The first finding ends the run with its stack.
// usage: node scripts/sanitize.mjs [vitest filter ...]  default: embedding, clustering, model, addon
// Threads are checked elsewhere: ThreadSanitizer does not work under node, scripts/native-tests.mjs runs it on C++.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildTarget, configure, needTools, SANITIZED_BUILDS } from './sanitized-build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'build-asan-addon');
const areas = ['embedding', 'clustering', 'model', 'addon'].map((area) => `test/${area}`);
const require = createRequire(import.meta.url);
const bin = (name, command) => {
  const manifest = require.resolve(`${name}/package.json`);
  return join(dirname(manifest), require(manifest).bin[command]);
};

needTools('cmake', 'gcc', 'g++');
const runtime = execFileSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
if (!existsSync(runtime)) {
  console.error('FAILED: nothing was tested. gcc has no libasan.so here (Debian: apt install libasan8)');
  process.exit(1);
}

function run(program, args, environment = {}) {
  const env = { ...process.env, ...environment };
  const { status, signal } = spawnSync(process.execPath, [program, ...args], { cwd: root, stdio: 'inherit', env });
  if (status !== 0) {
    console.error(`${program} ended with ${signal ?? status}`);
    process.exit(1);
  }
}

run(join(root, 'scripts/ensure-built.mjs'), []); // the workers of test/addon import dist/
const [engine] = SANITIZED_BUILDS;
if (!configure(engine) || !buildTarget(engine, 'collide_engine')) process.exit(1);
const options = { COLLIDE_SANITIZE: engine.sanitize, COLLIDE_CUDA: 'OFF', COLLIDE_OBJECTS_OF: engine.folder };
const flags = Object.entries(options).map(([name, value]) => `--CD${name}=${value}`);
run(bin('cmake-js', 'cmake-js'), ['build', '-O', join(folder, 'build'), ...flags, '-p', '2']);

const filters = process.argv.slice(2);
run(bin('vitest', 'vitest'), ['run', '--testTimeout=300000', ...(filters.length > 0 ? filters : areas)], {
  LEARN_TO_COLLIDE_PREBUILD: folder,
  LD_PRELOAD: runtime,
  // node itself leaks at exit by design. A small quarantine: the tests of memory growth count resident memory.
  ASAN_OPTIONS: 'detect_leaks=0:quarantine_size_mb=4:allocator_may_return_null=1',
  UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
});
