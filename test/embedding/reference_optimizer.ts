/** One optimizer step of one row by its definition, in float64. The settings are float32, as the engine's are. */
import type { EmbeddingOptimizer } from '../../lib/embedding/index.ts';

export interface ReferenceOptimizer {
  kind: EmbeddingOptimizer['kind'];
  learningRate: number;
  epsilon: number;
  beta1: number;
  beta2: number;
  weightDecay: number;
  clipRowNorm: number;
  /** ftrl */
  beta: number;
  l1: number;
  l2: number;
}

/** The options with the engine's defaults; no clipping is clipping at infinity. */
export function completed(optimizer: EmbeddingOptimizer): ReferenceOptimizer {
  const adam = optimizer.kind.endsWith('adam');
  const defaults = { learningRate: adam ? 0.001 : 0.02, epsilon: 1e-8, beta1: 0.9, beta2: 0.999 };
  const ftrl = { beta: 1e-8, l1: 0, l2: 0 };
  const all = { ...defaults, ...ftrl, weightDecay: 0, clipRowNorm: Number.POSITIVE_INFINITY, ...optimizer };
  const rounded = Object.entries(all).map(([key, x]) => [key, typeof x === 'number' ? Math.fround(x) : x]);
  return Object.fromEntries(rounded);
}

const STATE: Record<string, (width: number) => number> = {
  sgd: () => 0,
  adagrad: (width) => width,
  'rowwise-adagrad': () => 1,
  adam: (width) => 2 * width,
  'rowwise-adam': (width) => width + 1,
  ftrl: (width) => 2 * width,
};

/** Values of state per row. */
export function stateWidth(kind: ReferenceOptimizer['kind'], width: number): number {
  return STATE[kind]!(width);
}

/** Changes `row` [width] and `state` in place; `t` counts steps from 1. */
export function stepRow(
  { kind, learningRate, epsilon, beta1, beta2, weightDecay, clipRowNorm, beta, l1, l2 }: ReferenceOptimizer,
  row: Float64Array,
  state: Float64Array,
  gradient: Float64Array,
  t: number,
): void {
  const width = row.length;
  const norm = Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0));
  const g = gradient.map((x) => (norm > clipRowNorm ? (x * clipRowNorm) / norm : x));
  const meanSquare = g.reduce((sum, x) => sum + x * x, 0) / width;
  const direction = new Float64Array(width);
  if (kind === 'sgd') direction.set(g);
  if (kind === 'rowwise-adagrad') {
    state[0]! += meanSquare;
    for (let j = 0; j < width; j++) direction[j] = g[j]! / (Math.sqrt(state[0]!) + epsilon);
  }
  if (kind === 'adagrad') {
    for (let j = 0; j < width; j++) {
      state[j]! += g[j]! * g[j]!;
      direction[j] = g[j]! / (Math.sqrt(state[j]!) + epsilon);
    }
  }
  if (kind === 'adam' || kind === 'rowwise-adam') {
    const v = (j: number) => (kind === 'adam' ? width + j : width);
    if (kind === 'rowwise-adam') state[width] = beta2 * state[width]! + (1 - beta2) * meanSquare;
    for (let j = 0; j < width; j++) {
      state[j] = beta1 * state[j]! + (1 - beta1) * g[j]!;
      if (kind === 'adam') state[v(j)] = beta2 * state[v(j)]! + (1 - beta2) * g[j]! * g[j]!;
      const m = state[j]! / (1 - beta1 ** t);
      direction[j] = m / (Math.sqrt(state[v(j)]! / (1 - beta2 ** t)) + epsilon);
    }
  }
  if (kind === 'ftrl') {
    // Algorithm 1 of the paper, whose z is the state's / learningRate. The proximal term of step 0 holds the first value.
    for (let j = 0; j < width; j++) {
      const n = state[width + j]!;
      if (g[j] === 0 && n === 0) continue;
      let z = n === 0 ? (-beta / learningRate) * row[j]! : state[j]! / learningRate;
      const sigma = (Math.sqrt(n + g[j]! ** 2) - Math.sqrt(n)) / learningRate;
      z += g[j]! - sigma * row[j]!;
      state[j] = z * learningRate;
      state[width + j] = n + g[j]! ** 2;
      const strength = (beta + Math.sqrt(state[width + j]!)) / learningRate + l2;
      row[j] = Math.abs(z) <= l1 ? 0 : -(z - Math.sign(z) * l1) / strength;
    }
    return;
  }
  for (let j = 0; j < width; j++) row[j]! -= learningRate * (direction[j]! + weightDecay * row[j]!);
}
