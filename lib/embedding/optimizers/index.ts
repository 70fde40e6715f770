/** The optimizers of embedding tables: one file a kind, and one line here. */
import { checkObject, checkOptions } from '../../errors.ts';
import type { NativeEmbeddingOptimizer } from '../../native.ts';
import { Registry } from '../../registry.ts';
import { adagrad } from './adagrad.ts';
import { adam } from './adam.ts';
import { ftrl } from './ftrl.ts';
import type { EmbeddingOptimizerKind } from './optimizer.ts';
import { rowwiseAdagrad } from './rowwise_adagrad.ts';
import { rowwiseAdam } from './rowwise_adam.ts';
import { sgd } from './sgd.ts';

const SHIPPED = [rowwiseAdagrad, adagrad, sgd, adam, rowwiseAdam, ftrl] as const;

/**
 * All optimizers of embedding tables by name. `embeddingOptimizers.add(kind)` adds a program's own, see
 * {@link EmbeddingOptimizerKind}; where its options are to pass the type check, {@link OwnEmbeddingOptimizers} names their
 * type.
 */
export const embeddingOptimizers: Registry<EmbeddingOptimizerKind> = new Registry<EmbeddingOptimizerKind>(
  'embedding optimizer',
  SHIPPED,
);

/**
 * Types of the options of a program's own optimizers, by name.
 *
 * @example
 * ```ts
 * declare module 'learn-to-collide' {
 *   interface OwnEmbeddingOptimizers {
 *     careful: { kind: 'careful'; learningRate?: number };
 *   }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: a program adds to it
export interface OwnEmbeddingOptimizers {}

type OptionsOf<Kind> = Kind extends EmbeddingOptimizerKind<infer Options> ? Options : never;

/**
 * An optimizer of embedding tables, by its kind and the options that this kind has.
 *
 * Exact: one step per row and batch, from the sum g of all gradients of the row ("Learning to Collide", section 5). Rows
 * that a batch does not look up are not touched: neither decayed nor moved by old momentum.
 */
export type EmbeddingOptimizer =
  | OptionsOf<(typeof SHIPPED)[number]>
  | OwnEmbeddingOptimizers[keyof OwnEmbeddingOptimizers];

/**
 * The native optimizer behind an optimizer, with all its numbers: options are checked, those left out get their defaults.
 *
 * @throws CollideError INVALID_ARGUMENT, also for an unknown kind; UNKNOWN_OPTION for an option that the kind does not have
 * @example
 * ```ts
 * nativeEmbeddingOptimizer({ kind: 'sgd' }); // { kind: 'sgd', learningRate: 0.02, maxRowNorm: 0, options: { weightDecay: 0 } }
 * ```
 */
export function nativeEmbeddingOptimizer(options: EmbeddingOptimizer): NativeEmbeddingOptimizer {
  checkObject(options, 'optimizer');
  const kind = embeddingOptimizers.get(options.kind, 'optimizer kind');
  checkOptions(options, kind.options, `optimizer "${kind.name}"`);
  return kind.nativeForm(options);
}
