/** The optimizers of embedding tables: their options, checked and completed. What a step computes is said here. */
import { checkNumber, checkOneOf, checkOptions } from '../errors.ts';
import type { NativeEmbeddingConfig } from '../native.ts';

interface Common {
  /** 0 to 1e6. Default 0.02, for the Adam kinds 0.001. `setLearningRate` changes it: a schedule is a call per batch. */
  learningRate?: number;
  /** Decoupled: a step also takes learningRate * weightDecay * row from a row. Default 0. */
  weightDecay?: number;
  /** A row's summed gradient that is longer (L2) is shortened to this before the step. Default: no clipping. */
  clipRowNorm?: number;
}

interface Epsilon extends Common {
  /** Added to the square root that divides. At least 1e-20; default 1e-8. */
  epsilon?: number;
}

/**
 * Exact: one step per row and batch, from the sum g of all its gradients ("Learning to Collide", section 5). Rows that
 * a batch does not look up are not touched: neither decayed nor moved by old momentum.
 *
 * - `sgd`: w -= rate * g.
 * - `adagrad`: s += g^2; w -= rate * g / (sqrt(s) + epsilon). One s per value.
 * - `rowwise-adagrad`: the same with one s per row, the mean of g^2 over the row: 4 bytes a row.
 * - `adam`: m and v per value, their bias corrected by the number of steps so far (`EmbeddingTables.steps`).
 * - `rowwise-adam`: m per value, one v per row, the mean of g^2 over the row.
 */
export type EmbeddingOptimizer =
  | ({ kind: 'sgd' } & Common)
  | ({ kind: 'adagrad' | 'rowwise-adagrad' } & Epsilon)
  | ({
      kind: 'adam' | 'rowwise-adam';
      /** Decay of m, from 0 and below 1. Default 0.9. */
      beta1?: number;
      /** Decay of v, from 0 and below 1. Default 0.999. */
      beta2?: number;
    } & Epsilon);

const COMMON = ['kind', 'learningRate', 'weightDecay', 'clipRowNorm'];
const KEYS: Record<EmbeddingOptimizer['kind'], readonly string[]> = {
  sgd: COMMON,
  adagrad: [...COMMON, 'epsilon'],
  'rowwise-adagrad': [...COMMON, 'epsilon'],
  adam: [...COMMON, 'epsilon', 'beta1', 'beta2'],
  'rowwise-adam': [...COMMON, 'epsilon', 'beta1', 'beta2'],
};

/** The largest float32 below 1. */
const MOST_BETA = 1 - 2 ** -24;

/** @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION */
export function completeOptimizer(options: EmbeddingOptimizer): NativeEmbeddingConfig['optimizer'] {
  checkOptions(options, KEYS.adam, 'optimizer');
  const kinds = Object.keys(KEYS) as EmbeddingOptimizer['kind'][];
  const kind = checkOneOf(options.kind, kinds, 'optimizer kind');
  checkOptions(options, KEYS[kind], `optimizer "${kind}"`);
  const { learningRate, epsilon, beta1, beta2, weightDecay, clipRowNorm } = options as Epsilon & {
    beta1?: number;
    beta2?: number;
  };
  const adam = kind === 'adam' || kind === 'rowwise-adam';
  return {
    kind,
    learningRate: checkNumber(learningRate ?? (adam ? 0.001 : 0.02), 0, 1e6, 'learningRate'),
    // Not 0: the first step of a row whose gradient's square underflows would divide by it.
    epsilon: checkNumber(epsilon ?? 1e-8, 1e-20, 1e6, 'epsilon'),
    beta1: checkNumber(beta1 ?? 0.9, 0, MOST_BETA, 'beta1'),
    beta2: checkNumber(beta2 ?? 0.999, 0, MOST_BETA, 'beta2'),
    weightDecay: checkNumber(weightDecay ?? 0, 0, 1e6, 'weightDecay'),
    maxRowNorm: clipRowNorm === undefined ? 0 : checkNumber(clipRowNorm, 1e-20, 1e20, 'clipRowNorm'),
  };
}
