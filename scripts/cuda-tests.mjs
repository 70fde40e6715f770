// The CUDA tests on the test device (docs/design/cuda-test-device.md): its own programs, then the vitest suites that use `device: 'cuda'`,
// with the addon of build-cuda-test. Needs `npm run build:cuda-test` and dist/. Prints `N passed, N failed` last.
// usage: node scripts/cuda-tests.mjs [arguments of vitest run, instead of the suites below]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Suites written for a device, and those of the embedding engine, the learners and the dense net with all that the kernels
// can do on it; of the latter not what trains for hundreds of steps or with several numbers of threads.
const SUITES = [
  [
    '--testTimeout=120000',
    ...[
      ...['lookup', 'train', 'device', 'memory', 'dense_net', 'device_steps', 'recommender'],
      ...['agglomerate', 'equal_mass', 'kd_tree', 'k_means', 'out_of_memory'],
      ...['fallback', 'other_device', 'parts'],
    ].map((name) => `test/cuda/${name}.test.ts`),
  ],
  ['--config', 'test/cuda/vitest.config.ts', 'test/embedding', 'test/clustering'],
  [
    ...['--config', 'test/cuda/vitest.config.ts', '-t', '^(?!determinism|training learns)'],
    ...['test/model/dense_net.test.ts', 'test/model/errors.test.ts', 'test/model/training.test.ts'],
  ],
];

const root = fileURLToPath(new URL('..', import.meta.url));
const build = join(root, 'build-cuda-test/build');
const scratch = mkdtempSync(join(tmpdir(), 'cuda-tests-'));
const env = {
  ...process.env,
  LD_LIBRARY_PATH: join(build, 'Release'),
  LEARN_TO_COLLIDE_PREBUILD: join(root, 'build-cuda-test'),
};

let passed = 0;
let failed = 0;
for (const source of readdirSync(join(root, 'test/cuda/programs')).filter((file) => file.endsWith('.cu'))) {
  const name = source.slice(0, -'.cu'.length);
  const started = performance.now();
  const run = spawnSync(join(build, 'test/cuda/programs', name), { encoding: 'utf8', env });
  const counted = run.stdout?.match(/(\d+) passed, (\d+) failed\s*$/);
  const failures = Number(counted?.[2] ?? 0);
  const ok = run.status === 0 && counted !== null && failures === 0;
  passed += Number(counted?.[1] ?? 0);
  failed += ok ? 0 : Math.max(1, failures);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${name}: ${counted?.[0].trim() ?? `ended by ${run.signal ?? run.status}`}, ${seconds} s`);
  if (!ok) console.log(`${run.stdout ?? ''}${run.stderr ?? ''}${run.error ?? ''}`);
}

const report = join(scratch, 'vitest.json');
for (const suite of process.argv.length > 2 ? [process.argv.slice(2)] : SUITES) {
  const options = [...suite, '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`];
  const vitest = spawnSync('npx', ['vitest', 'run', ...options], { cwd: root, env, stdio: 'inherit' });
  const results = JSON.parse(readFileSync(report, 'utf8'));
  passed += results.numPassedTests;
  failed += vitest.status === 0 ? 0 : Math.max(1, results.numFailedTests);
}
rmSync(scratch, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
