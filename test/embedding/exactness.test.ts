/**
 * Forward, weights, optimizer state and the gradient of per-sample weights against the float64 reference, over several
 * steps, with at least half of each batch's ids duplicate or colliding. Relative error: see relativeError.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EmbeddingOptimizer, EmbeddingTables } from '../../lib/embedding/index.ts';
import type { HashFunction } from '../../lib/hashing/index.ts';
import {
  ALL_KINDS,
  asOptions,
  type Case,
  embeddingCases,
  generator,
  optimizers,
  optionsOf,
  positive,
  type Random,
  randomBatch,
  randomHash,
  shareColliding,
  uniform,
  withSources,
} from './random_case.ts';
import {
  flat,
  type ReferenceBatch,
  ReferenceEmbedding,
  type ReferenceFeature,
  relativeError,
  tableNames,
} from './reference.ts';

const TOLERANCE = 1e-5;

interface Drawn {
  values: (random: Random, n: number) => Float32Array;
  gradient: (random: Random, n: number) => Float32Array;
  /** Errors relative to the sums of the absolute terms instead of to what the terms come to. */
  relativeToTerms?: boolean;
}
const MIXED: Drawn = { values: uniform, gradient: uniform };
/** Rows that are positive and grow: no sum and no product ever cancels. */
const ONE_SIGN: Drawn = { values: positive, gradient: (random, n) => positive(random, n).map((x) => -x) };

const absolute = (batch: ReferenceBatch): ReferenceBatch =>
  batch.weights === undefined ? batch : { ...batch, weights: batch.weights.map(Math.abs) };

/** Trains both on the same batches and gradients; returns the largest relative error met, by tensor. */
function largestErrors(
  c: { features: ReferenceFeature[]; optimizer: EmbeddingOptimizer; seed: number },
  batches: ReferenceBatch[],
  { values, gradient, relativeToTerms = false }: Drawn = MIXED,
) {
  const random = generator(c.seed + 1);
  using tables = new EmbeddingTables({ features: asOptions(c.features), optimizer: c.optimizer });
  const reference = new ReferenceEmbedding(c.features, c.optimizer);
  // The same run with the sign taken from every term: its tensors are the magnitudes.
  const terms = relativeToTerms ? new ReferenceEmbedding(c.features, c.optimizer) : reference;
  const each = (body: (table: string, feature: string, h: number) => void) => {
    for (const f of c.features) for (const [t, table] of tableNames(f).entries()) body(table, f.name, t);
  };
  each((table, feature, h) => {
    const { rows, width } = reference.tables.get(table)!;
    const drawn = values(random, rows * width);
    tables.setWeights(feature, drawn, h);
    reference.tables.get(table)!.setValues(drawn);
    if (relativeToTerms) terms.tables.get(table)!.setValues(drawn.map(Math.abs));
  });
  const errors = { output: 0, weightGradient: 0, weights: 0, state: 0 };
  const compare = (
    tensor: keyof typeof errors,
    actual: Float32Array,
    expected: Float64Array,
    magnitude: Float64Array = expected,
  ) => {
    errors[tensor] = Math.max(errors[tensor], relativeError(actual, expected, magnitude));
  };
  for (const batch of batches) {
    const out = tables.forward(batch);
    compare('output', out, reference.forward(batch), relativeToTerms ? terms.forward(absolute(batch)) : undefined);
    const g = gradient(random, out.length);
    const weightGradient = new Float32Array(batch.indices.length);
    tables.backward(g, weightGradient);
    const expected = reference.backward(batch, g);
    const negative = g.map((x) => -Math.abs(x));
    const magnitude = relativeToTerms ? terms.backward(absolute(batch), negative) : undefined;
    compare('weightGradient', weightGradient, expected, magnitude);
    each((table, feature, h) => {
      const [exact, scale] = [reference.tables.get(table)!, terms.tables.get(table)!];
      compare('weights', tables.weights(feature, h), flat(exact.values), flat(scale.values));
      compare('state', tables.optimizerState(feature, h), flat(exact.state), flat(scale.state));
    });
  }
  return errors;
}

function expectExact(errors: Record<string, number>) {
  for (const [tensor, error] of Object.entries(errors))
    expect(error, `relative error of ${tensor}`).toBeLessThan(TOLERANCE);
}

const feature = (hashes: HashFunction[], rest: Partial<ReferenceFeature> = {}): ReferenceFeature => ({
  name: 'f',
  cardinality: 40,
  dim: 12,
  pooling: 'sum',
  sequenceLength: 1,
  combine: 'sum',
  hashes,
  ...rest,
});

describe('against the float64 reference', () => {
  const property = (cases: fc.Arbitrary<Case>, drawn: Drawn, oneSign: boolean) => {
    let most = 0;
    fc.assert(
      fc.property(cases, (c) => {
        const random = generator(c.seed);
        const batches = [0, 1, 2].map(() => randomBatch(c.features, { ...c, oneSign }, random));
        const errors = largestErrors(c, batches, drawn);
        most = Math.max(most, ...Object.values(errors));
        expectExact(errors);
      }),
      { numRuns: 80 },
    );
    expect(most).toBeGreaterThan(0); // the comparison compared something
  };

  // Adagrad's and Adam's first step is the rate times g / (|g| + epsilon): where a gradient of mixed signs cancels to
  // 1e-8, the last bit of a float32 product decides it, and no tolerance would hold. So their random cases have terms of
  // one sign, whose sums and products are well-conditioned; the fixed cases below mix signs.
  it('random layouts, every optimizer, terms of one sign', () => property(embeddingCases(), ONE_SIGN, true));

  it('random layouts with narrow rows and projections, every optimizer, terms of one sign', () =>
    property(withSources(embeddingCases()), ONE_SIGN, true));

  // Without clipping: it divides by the norm of a gradient, which may have cancelled too.
  it('random layouts, SGD, mixed signs: relative to the terms', () => {
    const sgd = optimizers('sgd').map(({ clipRowNorm: _, ...optimizer }) => optimizer as EmbeddingOptimizer);
    property(embeddingCases(['float32'], sgd), { ...MIXED, relativeToTerms: true }, false);
    property(withSources(embeddingCases(['float32'], sgd)), { ...MIXED, relativeToTerms: true }, false);
  });

  for (const kind of ALL_KINDS) {
    for (const pooling of ['sum', 'mean', 'none'] as const) {
      it(`${kind}, ${pooling}: weighted, H = 2, mixed signs, most ids duplicate or colliding`, () => {
        const random = generator(11);
        const hashes = [randomHash('table', 200, 30, random), randomHash('mixed', 200, 25, random)];
        const shape = { cardinality: 200, pooling, sequenceLength: pooling === 'none' ? 4 : 1 };
        const features = (['sum', 'concat', 'multiply'] as const).map((combine) =>
          feature(hashes, { ...shape, name: combine, combine }),
        );
        const size = { size: 150, longest: 8, weighted: true };
        const batches = [0, 1, 2, 3, 4].map(() => randomBatch(features, size, random));
        for (const batch of batches) expect(shareColliding(features, batch)).toBeGreaterThan(0.5);
        for (const extra of [{}, { weightDecay: 0.05, clipRowNorm: 2, l1: 0.05, l2: 0.1, beta: 0.5 }]) {
          const optimizer = optionsOf(kind, { learningRate: 0.3, ...extra });
          expectExact(largestErrors({ features, optimizer, seed: 3 }, batches));
        }
      });
    }
  }

  const OPTIMIZER = { kind: 'rowwise-adagrad', learningRate: 0.1 } as const;
  const runs = (lengths: number[], id: (i: number) => number): ReferenceBatch => {
    const offsets = [0];
    for (const length of lengths) offsets.push(offsets.at(-1)! + length);
    return { indices: Array.from({ length: offsets.at(-1)! }, (_, i) => id(i)), offsets };
  };

  for (const width of [1, 16, 70]) {
    it(`20,000 bags of one and the same id, width ${width}`, () => {
      const features = [feature([{ kind: 'modulo', rows: 3 }], { dim: width })];
      const batch = runs(new Array(20_000).fill(1), () => 7);
      expectExact(largestErrors({ features, optimizer: OPTIMIZER, seed: 1 }, [batch]));
      // Equal gradients are the worst case of a float32 sum: every addition rounds the same way.
      const equal = (_: Random, n: number) => new Float32Array(n).fill(0.1);
      expectExact(largestErrors({ features, optimizer: OPTIMIZER, seed: 1 }, [batch], { ...MIXED, gradient: equal }));
    });

    it(`one bag of 20,000 times the same id beside short ones, width ${width}`, () => {
      const features = [feature([{ kind: 'modulo', rows: 3 }, { kind: 'identity' }], { dim: width })];
      for (const pooling of ['sum', 'mean'] as const) {
        const batch = runs([3, 20_000, 0, 1025, 1, 1024], () => 7);
        const shaped = features.map((f) => ({ ...f, pooling }));
        expectExact(largestErrors({ features: shaped, optimizer: OPTIMIZER, seed: 2 }, [batch]));
      }
    });
  }

  it('bags longer than the translation window of 1,024 ids, with weights and empty bags between', () => {
    const random = generator(4);
    for (const combine of ['sum', 'concat'] as const) {
      const features = [feature([randomHash('hot', 40, 10, random), { kind: 'modulo', rows: 5 }], { combine })];
      const batch = runs([0, 1500, 0, 0, 1023, 1, 2049, 5, 0], (i) => (i * i) % 40);
      const weighted = { ...batch, weights: uniform(random, batch.indices.length) };
      expectExact(largestErrors({ features, optimizer: OPTIMIZER, seed: 5 }, [batch, weighted]));
    }
  });

  it('one-row tables and cardinality 1', () => {
    const features = [
      feature([{ kind: 'modulo', rows: 1 }], { name: 'one row' }),
      feature([{ kind: 'identity' }], { name: 'one id', cardinality: 1 }),
      feature([{ kind: 'table', rows: 1, entries: new Uint8Array(40) }], { name: 'table' }),
    ];
    const batch = runs([5, 0, 2, 1, 3, 0, 0, 4, 4], () => 0);
    expectExact(largestErrors({ features, optimizer: OPTIMIZER, seed: 6 }, [batch, batch, batch]));
  });

  it('a fused sum of two tables equals the sum of two features with one table each', () => {
    const random = generator(8);
    const hashes: HashFunction[] = [
      { kind: 'modulo', rows: 7 },
      { kind: 'mixed', rows: 9, seed: 3 },
    ];
    using fused = new EmbeddingTables({ features: [{ name: 'f', cardinality: 40, dim: 20, hashes }] });
    using apart = new EmbeddingTables({
      features: hashes.map((hash, h) => ({ name: `f${h}`, cardinality: 40, dim: 20, hashes: [hash] })),
    });
    hashes.forEach((_, h) => {
      apart.setWeights(`f${h}`, fused.weights('f', h));
    });
    const { indices, offsets } = randomBatch([feature(hashes)], { size: 64, longest: 9, weighted: false }, random);
    const twice = [...offsets, ...offsets.slice(1).map((offset) => offset + indices.length)];
    const both = apart.forward({ indices: [...indices, ...indices], offsets: twice });
    const sum = Float64Array.from({ length: 64 * 20 }, (_, i) => {
      const at = Math.floor(i / 20) * 40 + (i % 20);
      return both[at]! + both[at + 20]!;
    });
    expect(relativeError(fused.forward({ indices, offsets }), sum)).toBeLessThan(1e-6);
  });
});
