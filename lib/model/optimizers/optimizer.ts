/** What an optimizer of the dense net is, and the options that several of them have, checked. */
import { checkNumber } from '../../errors.ts';
import type { NativeDenseOptimizer } from '../../native.ts';

/**
 * A kind of optimizer of the dense net. The step itself is native, one header a kind in native/core/dense/optimizers; an
 * optimizer that a program adds is one of those under a name, with options and defaults of its own.
 */
export interface DenseOptimizerKind<Options extends { kind: string } = { kind: string }> {
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
  nativeForm(options: Options): NativeDenseOptimizer;
  /** The learning rate of a training of so many steps an epoch, where it depends on them and none is given. */
  rateForSteps?(steps: number): number;
}

/** The largest rate, decay or epsilon. */
export const MOST_RATE = 1e6;

/** @internal */
export function rateNumber({ learningRate }: { learningRate?: number }, missing: number): { learningRate: number } {
  return { learningRate: checkNumber(learningRate ?? missing, 0, MOST_RATE, 'optimizer.learningRate') };
}

/** @internal */
export function epsilonNumber({ epsilon }: { epsilon?: number }, missing: number): { epsilon: number } {
  // A weight whose gradient has always been 0 divides 0 by epsilon: above 0, in float32 too.
  return { epsilon: checkNumber(epsilon ?? missing, 1e-30, MOST_RATE, 'optimizer.epsilon') };
}
