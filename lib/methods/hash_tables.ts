/** Hash functions table by table, for methods that look at one table at a time. */
import { checkFeatureInfos } from '../data/check_features.ts';
import { checkCallbacks, checkFunction, checkObject, throwIfAborted } from '../errors.ts';
import type { FeatureHashing } from '../hashing/feature_hashing.ts';
import { Hashing } from '../pipeline/hashing.ts';
import type { BuildTask } from './method.ts';
import { targetRows } from './table_rows.ts';

/** A table that gets fewer rows than it has ids. */
export interface CompressedTable {
  name: string;
  cardinality: number;
  /** Number of its feature in the splits. */
  feature: number;
  /** At most so many rows, of all its internal tables together. */
  rows: number;
}

/** What a feature uses: hash functions, each with a table of its own, and how their rows become one; or a row source. */
export type TableHashing = Pick<FeatureHashing, 'hashes'> & Partial<Pick<FeatureHashing, 'combine' | 'source'>>;

/**
 * A hashing whose compressed tables are what `hash` says; the others stay whole.
 *
 * @throws CollideError INVALID_ARGUMENT, ABORTED; whatever `hash` throws
 * @example
 * ```ts
 * methods.add({
 *   name: 'last-digits',
 *   needs: 'nothing',
 *   build: (task) => hashTables(task, ({ rows }) => ({ hashes: [{ kind: 'modulo', rows }] })),
 * });
 * ```
 */
export async function hashTables(
  task: BuildTask,
  hash: (table: CompressedTable) => TableHashing | Promise<TableHashing>,
): Promise<Hashing> {
  checkObject(task, 'the task of hashTables');
  checkFunction(hash, 'hash of hashTables');
  const { method, features, vocabulary, size, minRows, seed, signal } = task;
  checkFeatureInfos(features, 'hashTables');
  checkCallbacks(signal, undefined);
  const list: FeatureHashing[] = [];
  for (const [feature, { name, cardinality }] of features.entries()) {
    throwIfAborted(signal);
    const rows = targetRows(cardinality, task);
    const own: TableHashing =
      rows >= cardinality ? { hashes: [{ kind: 'identity' }] } : await hash({ name, cardinality, feature, rows });
    checkObject(own, `what hash of hashTables gives for "${name}"`);
    const { hashes, combine = 'sum', source } = own;
    list.push({ name, cardinality, hashes, combine, ...(source === undefined ? {} : { source }) });
  }
  return new Hashing(list, { method, size, minRows, seed }, undefined, { vocabulary });
}
