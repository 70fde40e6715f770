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
}

/** The options with the engine's defaults; no clipping is clipping at infinity. */
export function completed(optimizer: EmbeddingOptimizer): ReferenceOptimizer {
  const adam = optimizer.kind.endsWith('adam');
  const defaults = { learningRate: adam ? 0.001 : 0.02, epsilon: 1e-8, beta1: 0.9, beta2: 0.999 };
  const all = { ...defaults, weightDecay: 0, clipRowNorm: Number.POSITIVE_INFINITY, ...optimizer };
  const rounded = Object.entries(all).map(([key, x]) => [key, typeof x === 'number' ? Math.fround(x) : x]);
  return Object.fromEntries(rounded);
}

/** Values of state per row. */
export function stateWidth(kind: ReferenceOptimizer['kind'], width: number): number {
  return { sgd: 0, adagrad: width, 'rowwise-adagrad': 1, adam: 2 * width, 'rowwise-adam': width + 1 }[kind];
}

/** Changes `row` [width] and `state` in place; `t` counts steps from 1. */
export function stepRow(
  { kind, learningRate, epsilon, beta1, beta2, weightDecay, clipRowNorm }: ReferenceOptimizer,
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
  for (let j = 0; j < width; j++) row[j]! -= learningRate * (direction[j]! + weightDecay * row[j]!);
}
