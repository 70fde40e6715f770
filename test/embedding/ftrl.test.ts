/** What FTRL-Proximal promises beside its formula, which exactness.test.ts holds to the float64 reference. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EmbeddingOptimizer, EmbeddingTables } from '../../lib/embedding/index.ts';
import { generator, uniform } from './random_case.ts';
import { relativeError } from './reference.ts';

const ROWS = 12;
const WIDTH = 5;

/** Rows after steps with drawn gradients, every row hit in every step; and the tables' state. */
function trained(optimizer: EmbeddingOptimizer, seed: number, steps = 6, scale = 1) {
  using tables = new EmbeddingTables({ features: [{ name: 'f', cardinality: ROWS, dim: WIDTH }], optimizer });
  const random = generator(seed);
  tables.setWeights('f', uniform(random, ROWS * WIDTH));
  const begin = tables.weights('f');
  const batch = {
    indices: Uint32Array.from({ length: ROWS }, (_, i) => i),
    offsets: Uint32Array.from({ length: ROWS + 1 }, (_, i) => i),
  };
  for (let step = 0; step < steps; step++) {
    tables.forward(batch);
    tables.backward(uniform(random, ROWS * WIDTH, scale));
  }
  return { begin, rows: tables.weights('f'), state: tables.optimizerState('f') };
}

describe('FTRL', () => {
  it('is Adagrad with epsilon beta without l1 and l2', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(0.02, 0.3), fc.constantFrom(1e-8, 0.5, 1), (seed, learningRate, beta) => {
        const ftrl = trained({ kind: 'ftrl', learningRate, beta }, seed);
        const adagrad = trained({ kind: 'adagrad', learningRate, epsilon: beta }, seed);
        expect(relativeError(ftrl.rows, Float64Array.from(adagrad.rows))).toBeLessThan(1e-5);
      }),
      { numRuns: 10 },
    );
  });

  it('keeps every value until its first gradient, and at a learning rate of 0', () => {
    for (const optimizer of [{ kind: 'ftrl' }, { kind: 'ftrl', beta: 0, l1: 1, l2: 1 }] as const) {
      const { begin, rows, state } = trained(optimizer, 3, 4, 0);
      expect(rows).toEqual(begin);
      expect(state.every((value) => value === 0)).toBe(true);
    }
    const still = trained({ kind: 'ftrl', learningRate: 0, l1: 1, l2: 1 }, 3);
    expect(relativeError(still.rows, Float64Array.from(still.begin))).toBeLessThan(1e-6);
  });

  it('l1 makes values exactly 0, more of them the larger it is; l2 makes rows shorter', () => {
    const zeros = [0, 0.1, 0.5, 10].map((l1) => {
      const { rows } = trained({ kind: 'ftrl', learningRate: 0.3, beta: 0.1, l1 }, 5);
      return rows.filter((value) => value === 0).length;
    });
    expect(zeros).toEqual(zeros.toSorted((a, b) => a - b));
    expect(zeros[0]).toBe(0);
    expect(zeros[1]).toBeLessThan(zeros[2]!);
    expect(zeros[3]).toBe(ROWS * WIDTH);
    const lengths = [0, 0.5, 5].map((l2) => {
      const { rows } = trained({ kind: 'ftrl', learningRate: 0.3, l2 }, 5);
      return rows.reduce((sum, value) => sum + value ** 2, 0);
    });
    expect(lengths[1]).toBeLessThan(lengths[0]!);
    expect(lengths[2]).toBeLessThan(lengths[1]!);
  });

  it('has 8 bytes of state for every value, and refuses what it has not', () => {
    const make = (options: object) =>
      new EmbeddingTables({
        features: [{ name: 'f', cardinality: ROWS, dim: WIDTH }],
        optimizer: { kind: 'ftrl', ...options } as EmbeddingOptimizer,
      });
    using tables = make({ clipRowNorm: 1 });
    expect(tables.memory().optimizer).toBe(8 * ROWS * WIDTH);
    expect(Object.keys(tables.checkpoint())).toContain('ftrl/f');
    const refused = (options: object, code: string, message: RegExp) =>
      expect(() => make(options)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
    refused({ l1: -1 }, 'INVALID_ARGUMENT', /l1, received -1/);
    refused({ l2: Number.NaN }, 'INVALID_ARGUMENT', /l2, received NaN/);
    refused({ beta: '1' }, 'INVALID_ARGUMENT', /beta, received "1" of type string/);
    refused({ weightDecay: 0.1 }, 'UNKNOWN_OPTION', /"weightDecay" for optimizer "ftrl".*l1, l2/);
    refused({ epsilon: 0.1 }, 'UNKNOWN_OPTION', /"epsilon" for optimizer "ftrl"/);
  });
});
