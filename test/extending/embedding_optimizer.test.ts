// An optimizer of embedding tables that a program adds: CONTRIBUTING.md shows the same code.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  compare,
  type EmbeddingOptimizer,
  type EmbeddingOptimizerKind,
  EmbeddingTables,
  embeddingOptimizers,
  nativeEmbeddingOptimizer,
  Recommender,
} from '../../lib/index.ts';
import { tinyConfig, tinyData } from '../pipeline/tiny.ts';

// The example begins.
/** Rowwise Adagrad for noisy gradients: a larger epsilon, and long gradients are clipped. */
interface Careful {
  kind: 'careful';
  learningRate?: number;
  /** The longest gradient of a row. Default 1. */
  clipRowNorm?: number;
}

declare module '../../lib/index.ts' {
  interface OwnEmbeddingOptimizers {
    careful: Careful;
  }
}

const careful: EmbeddingOptimizerKind<Careful> = {
  name: 'careful',
  options: ['kind', 'learningRate', 'clipRowNorm'],
  nativeForm: ({ learningRate, clipRowNorm = 1 }) =>
    nativeEmbeddingOptimizer({ kind: 'rowwise-adagrad', learningRate, clipRowNorm, epsilon: 1e-4 }),
};

embeddingOptimizers.add(careful);
// The example ends.

const own: EmbeddingOptimizer = { kind: 'careful', learningRate: 0.5 };
const shipped: EmbeddingOptimizer = { kind: 'rowwise-adagrad', learningRate: 0.5, epsilon: 1e-4, clipRowNorm: 1 };
const features = [{ name: 'movie', cardinality: 6, dim: 3 }];
const batch = { indices: Uint32Array.of(0, 1, 2, 2, 5), offsets: Uint32Array.of(0, 2, 5) };
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'own-optimizer-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function twoSteps(tables: EmbeddingTables): EmbeddingTables {
  for (let step = 0; step < 2; step++) {
    const pooled = tables.forward(batch);
    tables.backward(pooled.map((value, i) => 3 * value - i));
  }
  return tables;
}

it('steps rows as the native optimizer under its options does, and is saved and loaded', async () => {
  using tables = twoSteps(new EmbeddingTables({ features, optimizer: own }));
  using expected = twoSteps(new EmbeddingTables({ features, optimizer: shipped }));
  expect(tables.checkpoint()).toEqual(expected.checkpoint());
  expect(tables.memory().optimizer).toBe(6 * 4);
  const path = join(folder, 'tables.safetensors');
  await tables.save(path);
  using again = new EmbeddingTables({ features, optimizer: own });
  await again.load(path);
  expect(twoSteps(again).checkpoint()).toEqual(twoSteps(tables).checkpoint());
});

it('trains a model: two steps', () => {
  using model = new Recommender({ features, dense: 0, dim: 3, embeddingOptimizer: own });
  const labels = Float32Array.of(1, 0);
  const losses = [0, 1].map(() => model.step({ size: 2, ...batch, dense: new Float32Array(0), labels }));
  expect(losses[1]).toBeLessThan(losses[0]!);
});

it('is checked like the others', () => {
  const make = (optimizer: object) => () =>
    new EmbeddingTables({ features, optimizer: optimizer as EmbeddingOptimizer });
  expect(make({ kind: 'carefull' })).toThrow('Did you mean "careful"?');
  expect(make({ kind: 'careful', epsilon: 1 })).toThrow(
    expect.objectContaining({ code: 'UNKNOWN_OPTION', message: expect.stringContaining('clipRowNorm') }),
  );
  expect(make({ kind: 'careful', clipRowNorm: -1 })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  expect(() => embeddingOptimizers.add(careful)).toThrow('received "careful" again');
});

it('is named by a config, and compared', async () => {
  const compared = async (embeddingOptimizer: Record<string, unknown>) => {
    const config = tinyConfig({ training: { embeddingOptimizer }, compare: { methods: ['modulo'], seeds: 1 } });
    const { results } = await compare(config, tinyData());
    return results.map(({ logLoss, bytes }) => [logLoss, bytes]);
  };
  expect(await compared({ kind: 'careful' })).toEqual(
    await compared({ kind: 'rowwise-adagrad', epsilon: 1e-4, clipRowNorm: 1 }),
  );
  expect(() => tinyConfig({ training: { embeddingOptimizer: { kind: 'careful', epsilon: 1 } } })).toThrow(
    /training.embeddingOptimizer: Unknown option "epsilon" for optimizer "careful"/,
  );
});
