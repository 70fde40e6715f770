/** The kinds of hash functions: one file a kind, and one line here. */
import { Registry } from '../../registry.ts';
import type { HashKind } from '../hash_kind.ts';
import { hot } from './hot.ts';
import { identity } from './identity.ts';
import { mixed } from './mixed.ts';
import { mixedRadix } from './mixed_radix.ts';
import { modulo } from './modulo.ts';
import { quotient } from './quotient.ts';
import { table } from './table.ts';

const SHIPPED = [identity, modulo, mixed, quotient, mixedRadix, table, hot] as const;

/**
 * All kinds of hash functions by name. `hashKinds.add(kind)` adds a program's own, see {@link HashKind}; where hash
 * functions of that kind are to pass the type check, {@link OwnHashFunctions} names their type.
 */
export const hashKinds: Registry<HashKind> = new Registry<HashKind>('hash kind', SHIPPED);

/**
 * Types of a program's own hash functions, by the name of their kind.
 *
 * @example
 * ```ts
 * declare module 'learn-to-collide' {
 *   interface OwnHashFunctions {
 *     reversed: { kind: 'reversed'; rows: number };
 *   }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: a program adds to it
export interface OwnHashFunctions {}

type HashOf<Kind> = Kind extends HashKind<infer H> ? H : never;

/**
 * A hash function is plain data: it says which row of an internal table an id uses. A compressed embedding is hash
 * functions x internal tables x a combiner, so a compression method is a choice of these.
 */
export type HashFunction = HashOf<(typeof SHIPPED)[number]> | OwnHashFunctions[keyof OwnHashFunctions];
