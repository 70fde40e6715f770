import { defineConfig } from 'vitest/config';

/** Tests of threads, and the thousand random cases of each learner: test/cuda has fewer of them, against the CPU's bits. */
const LONG = [
  'work that is large enough for several threads',
  'the same bits for any number of threads',
  'agrees on 1,000 seeded cases',
  'equals the slow reference bit for bit',
  'agrees with the slow recursion',
  'is the published formula wherever',
  'uses every row, in the order of the keys',
  'gives exactly the target rows',
  'a permutation of the ids only',
];

/** Suites of test/clustering, test/embedding and test/model with `device: 'cuda'`; scripts/cuda-tests.mjs runs them on the test device. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/{clustering,embedding,model}/**/*.test.ts'],
    // Ids by the ten thousand, for threads that a device does not have: minutes on the test device. test/cuda/train.test.ts
    // has batches as long, once each.
    exclude: [
      'test/embedding/{large,long_runs,learns,reference}.test.ts',
      'test/clustering/{agglomerative_job,learners_job,learn_mappings}.test.ts', // jobs long enough to be stopped
      'test/clustering/{hilbert,lsh,optimal_bins}.test.ts', // no kernels
    ],
    testNamePattern: new RegExp(`^(?!.*(${LONG.join('|')}))`),
    setupFiles: ['test/cuda/always_cuda.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
});
