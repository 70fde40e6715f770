/** Random batches for the tests of the dense net. */
import type { Shape } from './reference.ts';

/** A small seeded generator (mulberry32), so that the tests do not depend on the code they test. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface Case {
  dense: Float32Array;
  embeddings: Float32Array;
  labels: Float32Array;
  gradient: Float32Array;
}

/** Dense inputs and embeddings uniform in [-1, 1), labels 1 with probability 0.3. */
export function randomBatch(shape: Shape, batch: number, seed: number): Case {
  const random = generator(seed);
  const width = shape.vectors * shape.dim;
  return {
    dense: Float32Array.from({ length: batch * shape.dense }, () => 2 * random() - 1),
    embeddings: Float32Array.from({ length: batch * width }, () => 2 * random() - 1),
    labels: Float32Array.from({ length: batch }, () => (random() < 0.3 ? 1 : 0)),
    gradient: new Float32Array(batch * width),
  };
}

export const SHAPES: Shape[] = [
  { dense: 2, vectors: 8, dim: 16, bottom: [64, 16], top: [64, 1] },
  { dense: 0, vectors: 3, dim: 2, bottom: [], top: [64, 1] },
  { dense: 0, vectors: 1, dim: 1, bottom: [], top: [1] },
  { dense: 1, vectors: 1, dim: 17, bottom: [17], top: [5, 3, 1] },
  { dense: 13, vectors: 5, dim: 3, bottom: [30, 7, 3], top: [1] },
  { dense: 3, vectors: 26, dim: 4, bottom: [9, 4], top: [33, 16, 1] },
  { dense: 0, vectors: 2, dim: 64, bottom: [], top: [100, 1] },
  { dense: 0, vectors: 1, dim: 3, bottom: [], top: [130, 70, 1] }, // weights that exceed the L1 cache
];
