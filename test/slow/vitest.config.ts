import { defineConfig } from 'vitest/config';

/** `npm run test:slow`: tests that take minutes (processes killed many times over, whole trainings). CI runs them. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/slow/**/*.test.ts'],
    globalSetup: ['test/fresh_addon.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    pool: 'forks',
  },
});
