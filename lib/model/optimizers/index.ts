/** The optimizers of the dense net: one file a kind, and one line here. */
import { checkObject, checkOptions } from '../../errors.ts';
import type { NativeDenseOptimizer } from '../../native.ts';
import { Registry } from '../../registry.ts';
import { adagrad } from './adagrad.ts';
import { lamb } from './lamb.ts';
import type { DenseOptimizerKind } from './optimizer.ts';
import { sgd } from './sgd.ts';

const SHIPPED = [lamb, adagrad, sgd] as const;

/**
 * All optimizers of the dense net by name. `denseOptimizers.add(kind)` adds a program's own, see
 * {@link DenseOptimizerKind}; where its options are to pass the type check, {@link OwnDenseOptimizers} names their type.
 */
export const denseOptimizers: Registry<DenseOptimizerKind> = new Registry<DenseOptimizerKind>(
  'dense optimizer',
  SHIPPED,
);

/**
 * Types of the options of a program's own optimizers, by name.
 *
 * @example
 * ```ts
 * declare module 'learn-to-collide' {
 *   interface OwnDenseOptimizers {
 *     steady: { kind: 'steady'; learningRate?: number };
 *   }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: a program adds to it
export interface OwnDenseOptimizers {}

type OptionsOf<Kind> = Kind extends DenseOptimizerKind<infer Options> ? Options : never;

/** An optimizer of the dense net, by its kind and the options that this kind has. */
export type DenseOptimizer = OptionsOf<(typeof SHIPPED)[number]> | OwnDenseOptimizers[keyof OwnDenseOptimizers];

/**
 * The native optimizer behind an optimizer, with all its numbers: options are checked, those left out get their defaults.
 *
 * @throws CollideError INVALID_ARGUMENT, also for an unknown kind; UNKNOWN_OPTION for an option that the kind does not have
 * @example
 * ```ts
 * nativeDenseOptimizer({ kind: 'sgd' }); // { kind: 'sgd', learningRate: 0.1, options: {} }
 * ```
 */
export function nativeDenseOptimizer(options: DenseOptimizer): NativeDenseOptimizer {
  checkObject(options, 'optimizer');
  const kind = denseOptimizers.get(options.kind, 'optimizer.kind');
  checkOptions(options, kind.options, `optimizer "${kind.name}"`);
  return kind.nativeForm(options);
}
