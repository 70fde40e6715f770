import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('./', import.meta.url));

/** `npm test`. The minutes-long tests in test/slow are run by `npm run test:slow`, and by CI. */
export default defineConfig({
  // The package's doors, as its users name them, are the sources.
  resolve: {
    alias: [
      { find: /^learn-to-collide$/, replacement: `${root}lib/index.ts` },
      { find: /^learn-to-collide\/(\w+)$/, replacement: `${root}lib/$1/index.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/slow/**'],
    globalSetup: ['test/fresh_addon.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
});
