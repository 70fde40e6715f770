/** The hashing trick: row id % rows. It is as good as the order of the ids. */
import { hashTables } from './hash_tables.ts';
import type { CompressionMethod } from './method.ts';

export const modulo: CompressionMethod = {
  name: 'modulo',
  needs: 'nothing',
  role: 'baseline',
  build: (task) => hashTables(task, ({ rows }) => ({ hashes: [{ kind: 'modulo', rows }] })),
};
