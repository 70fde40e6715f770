/** The compression methods, in the order in which results show them. A new one is a file and a line here. */
import { learners } from '../clustering/index.ts';
import { Registry } from '../registry.ts';
import { auto } from './auto.ts';
import { clustered, learned } from './clustered.ts';
import { frequent } from './frequent.ts';
import { full } from './full.ts';
import type { CompressionMethod } from './method.ts';
import { mixed } from './mixed.ts';
import { mixedDimension } from './mixed_dimension.ts';
import { modulo } from './modulo.ts';
import { quotientRemainder } from './quotient_remainder.ts';

const METHODS = [full, modulo, mixed, frequent, clustered('equal-mass'), learned, auto, clustered('kd-tree')];
const clusteredBy = METHODS.map(({ learner }) => learner);

/**
 * What `compare.methods` of a config may name.
 *
 * @example
 * ```ts
 * methods.add({
 *   name: 'two-moduli',
 *   needs: 'nothing',
 *   build: (task) => hashTables(task, ({ rows }) => ({ hashes: [{ kind: 'modulo', rows }] })),
 * });
 * ```
 */
export const methods = new Registry<CompressionMethod>('compression method', [
  ...METHODS,
  // Each of the other learners is a method by its own name.
  ...learners.names.filter((name) => !clusteredBy.includes(name)).map((name) => clustered(name)),
  quotientRemainder,
  mixedDimension,
]);

/** What the report takes a method for; undefined for one of no special role, and for one that this program does not know. */
export function roleOf(method: string): CompressionMethod['role'] {
  return methods.has(method) ? methods.get(method, 'a result').role : undefined;
}
