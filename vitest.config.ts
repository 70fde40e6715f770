import { defineConfig } from 'vitest/config';

/** `npm test`. The minutes-long tests in test/slow are run by `npm run test:slow`, and by CI. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/slow/**'],
    globalSetup: ['test/fresh_addon.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
});
