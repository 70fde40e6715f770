import { describe, expect, it } from 'vitest';
import { DenseNet } from '../../lib/model/index.ts';

describe('a tensor without a gradient', () => {
  const warnings: (Error & { code?: string })[] = [];
  const listen = (warning: Error) => warnings.push(warning);

  it('is named in one warning after 500 steps, with the likely cause', async () => {
    process.on('warning', listen);
    try {
      const run = (steps: number, dense: number) => {
        using net = new DenseNet({ dense: 1, vectors: 1, dim: 4, bottom: [32, 4] });
        const gradient = new Float32Array(16);
        for (let s = 0; s < steps; s++) {
          const embeddings = Float32Array.from({ length: 16 }, (_, i) => Math.sin(i + s));
          net.step(Float32Array.of(dense, 0, -dense, dense), embeddings, Float32Array.of(1, 0, 0, 1), gradient);
        }
      };
      run(1200, 0.5); // all is well
      run(499, 0);
      await new Promise(setImmediate);
      expect(warnings).toEqual([]);
      run(1200, 0);
      run(1200, 0);
      await new Promise(setImmediate);
      expect(warnings.map(({ name, code }) => [name, code])).toEqual([['CollideWarning', 'COLLIDE_IDLE_TENSOR']]);
      expect(warnings[0]!.message).toMatch(/^bottom\.0\.weight .* no gradient for 500 steps.*dense columns may be 0/);
    } finally {
      process.off('warning', listen);
    }
  });
});
