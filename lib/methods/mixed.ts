/** The hashing trick with a mixing hash: rows at random, whatever the order of the ids. */
import { hashTables } from './hash_tables.ts';
import type { CompressionMethod } from './method.ts';

export const mixed: CompressionMethod = {
  name: 'mixed',
  needs: 'nothing',
  role: 'baseline',
  build: (task) => hashTables(task, ({ rows }) => ({ hashes: [{ kind: 'mixed', rows, seed: task.seed }] })),
};
