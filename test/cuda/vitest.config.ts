import { defineConfig } from 'vitest/config';

/** Suites of test/embedding and test/model with `device: 'cuda'`; scripts/cuda-tests.mjs runs them on the test device. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/embedding/**/*.test.ts', 'test/model/**/*.test.ts'],
    setupFiles: ['test/cuda/always_cuda.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
});
