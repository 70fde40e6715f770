import { CollideError, checkNumber } from '../../errors.ts';
import { optionNames } from '../../option_names.ts';
import { type DenseOptimizerKind, epsilonNumber, MOST_RATE, rateNumber } from './optimizer.ts';

/**
 * LAMB (You et al. 2020), the optimizer of "Learning to Collide", section 5: Adam's update r, scaled by one trust ratio
 * |w| / |r| per parameter tensor, 10 at most (1 when either norm is 0). State: mean gradients and mean squared gradients,
 * like the parameters, then the number of steps.
 */
export interface Lamb {
  kind: 'lamb';
  /** 0 to 1e6. Default 0.002; of trainings one that suits the steps of an epoch. */
  learningRate?: number;
  /** At least 1e-30. Default 1e-6. */
  epsilon?: number;
  /** Decay of the mean gradient, from 0 and below 1. Default 0.9. */
  beta1?: number;
  /** Decay of the mean squared gradient, from 0 and below 1. Default 0.999. */
  beta2?: number;
  /** Added to the update as weightDecay * w. Default 0. */
  weightDecay?: number;
}

export const lamb: DenseOptimizerKind<Lamb> = {
  name: 'lamb',
  options: optionNames<Lamb>({
    kind: true,
    learningRate: true,
    epsilon: true,
    beta1: true,
    beta2: true,
    weightDecay: true,
  }),
  nativeForm: (options) => ({
    kind: 'lamb',
    ...rateNumber(options, 0.002),
    options: {
      ...epsilonNumber(options, 1e-6),
      beta1: decay(options.beta1 ?? 0.9, 'beta1'),
      beta2: decay(options.beta2 ?? 0.999, 'beta2'),
      weightDecay: checkNumber(options.weightDecay ?? 0, 0, MOST_RATE, 'optimizer.weightDecay'),
    },
  }),
  rateForSteps: lambRate,
};

/**
 * LAMB moves each tensor by its rate times the tensor's norm a step. The paper's 0.002 is for some thousands of steps; with
 * fewer the layers would hardly leave their random start, with more they would wander. So: 0.002 at 4,096 steps an epoch,
 * otherwise as 1 / sqrt(steps), to 0.01 at most.
 */
export function lambRate(steps: number): number {
  return Math.min(0.01, 0.002 * Math.sqrt(4096 / steps));
}

function decay(value: number, name: string): number {
  if (checkNumber(value, 0, 1, `optimizer.${name}`) < 1) return value;
  throw new CollideError('INVALID_ARGUMENT', `Expected a number below 1 for optimizer.${name}, received 1`);
}
