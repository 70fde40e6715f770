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
      expect(warnings[0]!.message).toMatch(
        /^bottom\.0\.weight of a .* no gradient for 500 steps.*dense columns are constant/,
      );
    } finally {
      process.off('warning', listen);
    }
  });

  it('is named beside the others of a dead layer', async () => {
    warnings.length = 0;
    process.on('warning', listen);
    try {
      using net = new DenseNet({ dense: 1, vectors: 1, dim: 2, bottom: [4, 3, 2] });
      const parameters = net.parameters();
      const { start, length } = net.tensors().find(({ name }) => name === 'bottom.2.bias')!;
      net.setParameters(parameters.fill(-50, start, start + length));
      const gradient = new Float32Array(4);
      for (let s = 0; s < 600; s++) {
        net.step(Float32Array.of(1, -1), Float32Array.of(1, 2, s % 3, 1), Float32Array.of(s % 2, 1), gradient);
      }
      await new Promise(setImmediate);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]!.message).toMatch(
        /bottom\.0\.bias, bottom\.1\.weight, bottom\.1\.bias, bottom\.2\.weight, bottom\.2\.bias, top\.0\.weight of/,
      );
    } finally {
      process.off('warning', listen);
    }
  });
});
