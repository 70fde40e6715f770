import { describe, expect, it } from 'vitest';
import { generator, randomBatch, SHAPES } from './cases.ts';
import { layoutOf, pass } from './reference.ts';

describe('the reference itself', () => {
  it.each(SHAPES)('has the gradients that central differences give: %j', (shape) => {
    const { dense, embeddings, labels } = randomBatch(shape, 3, 11);
    const random = generator(12);
    const parameters = Float64Array.from({ length: layoutOf(shape).length }, () => random() - 0.5);
    const inputs = Float64Array.from(embeddings);
    const { parameterGradient, embeddingGradient } = pass(shape, parameters, dense, inputs, labels);
    const h = 1e-6;
    for (const [values, gradient] of [
      [parameters, parameterGradient],
      [inputs, embeddingGradient],
    ] as const) {
      for (let probe = 0; probe < 25; probe++) {
        const i = Math.floor(random() * values.length);
        const kept = values[i]!;
        values[i] = kept + h;
        const up = pass(shape, parameters, dense, inputs, labels).loss;
        values[i] = kept - h;
        const down = pass(shape, parameters, dense, inputs, labels).loss;
        values[i] = kept;
        expect((up - down) / (2 * h)).toBeCloseTo(gradient[i]!, 7);
      }
    }
  });
});
