/** What an optimizer of embedding tables is, and the options that several of them have, checked. */
import { checkNumber } from '../../errors.ts';
import type { NativeEmbeddingOptimizer } from '../../native.ts';

/**
 * A kind of optimizer of embedding tables. The step itself is native, one header a kind in
 * native/core/embedding/optimizers; an optimizer that a program adds is one of those under a name, with options and
 * defaults of its own.
 */
export interface EmbeddingOptimizerKind<Options extends { kind: string } = { kind: string }> {
  /** What `kind` of an optimizer's options says. */
  readonly name: string;
  /** Names of the options, `kind` among them. */
  readonly options: readonly string[];
  /**
   * The native optimizer and all its numbers: options are checked, those left out get their defaults. Names have been
   * checked before.
   *
   * @throws CollideError INVALID_ARGUMENT naming the option
   */
  nativeForm(options: Options): NativeEmbeddingOptimizer;
}

/** What all optimizers of embedding tables have. */
export interface CommonOptions {
  /** 0 to 1e6. `setLearningRate` of the tables changes it: a schedule is a call per batch. */
  learningRate?: number;
  /** A row's summed gradient that is longer (L2) is shortened to this before the step. Default: no clipping. */
  clipRowNorm?: number;
}

/** Options of optimizers that decay weights. */
export interface DecayOptions {
  /** Decoupled: a step also takes learningRate * weightDecay * row from a row. Default 0. */
  weightDecay?: number;
}

/** Options of optimizers that divide by a root. */
export interface EpsilonOptions {
  /** Added to the square root that divides. At least 1e-20; default 1e-8. */
  epsilon?: number;
}

export interface AdamOptions extends CommonOptions, DecayOptions, EpsilonOptions {
  /** Decay of m, from 0 and below 1. Default 0.9. */
  beta1?: number;
  /** Decay of v, from 0 and below 1. Default 0.999. */
  beta2?: number;
}

/** The largest float32 below 1. */
const MOST_BETA = 1 - 2 ** -24;

/** What native code takes beside an optimizer's own options. */
export function commonNumbers(
  { learningRate, clipRowNorm }: CommonOptions,
  defaultRate: number,
): { learningRate: number; maxRowNorm: number } {
  return {
    learningRate: checkNumber(learningRate ?? defaultRate, 0, 1e6, 'learningRate'),
    maxRowNorm: clipRowNorm === undefined ? 0 : checkNumber(clipRowNorm, 1e-20, 1e20, 'clipRowNorm'),
  };
}

export function decayNumber({ weightDecay }: DecayOptions): { weightDecay: number } {
  return { weightDecay: checkNumber(weightDecay ?? 0, 0, 1e6, 'weightDecay') };
}

export function epsilonNumber({ epsilon }: EpsilonOptions): { epsilon: number } {
  // Not 0: the first step of a row whose gradient's square underflows would divide by it.
  return { epsilon: checkNumber(epsilon ?? 1e-8, 1e-20, 1e6, 'epsilon') };
}

export function adamNumbers(options: AdamOptions): Record<'epsilon' | 'beta1' | 'beta2' | 'weightDecay', number> {
  return {
    ...epsilonNumber(options),
    beta1: checkNumber(options.beta1 ?? 0.9, 0, MOST_BETA, 'beta1'),
    beta2: checkNumber(options.beta2 ?? 0.999, 0, MOST_BETA, 'beta2'),
    ...decayNumber(options),
  };
}
