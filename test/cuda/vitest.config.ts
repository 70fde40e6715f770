import { defineConfig } from 'vitest/config';

/** Suites of test/embedding and test/model with `device: 'cuda'`; scripts/cuda-tests.mjs runs them on the test device. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/embedding/**/*.test.ts', 'test/model/**/*.test.ts'],
    // Ids by the ten thousand, for threads that a device does not have: minutes on the test device. test/cuda/train.test.ts
    // has batches as long, once each.
    exclude: ['test/embedding/{large,long_runs,learns,reference}.test.ts'],
    testNamePattern: /^(?!.*work that is large enough for several threads)/,
    setupFiles: ['test/cuda/always_cuda.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
});
