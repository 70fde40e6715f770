/** Input that must be refused: a CollideError with the right code and a message that says what came and where. */
import { describe, expect, it } from 'vitest';
import { EmbeddingTables, type EmbeddingTablesOptions, type FeatureOptions } from '../../lib/embedding/index.ts';
import type { CollideError } from '../../lib/errors.ts';

function refusal(body: () => unknown): CollideError {
  try {
    body();
  } catch (error) {
    expect(error).toMatchObject({ name: 'CollideError' });
    return error as CollideError;
  }
  throw new Error('nothing was thrown');
}

const loose = (value: unknown) => value as never;
const make = (feature: Record<string, unknown>, options: Record<string, unknown> = {}) =>
  new EmbeddingTables({ features: [loose({ name: 'f', cardinality: 10, dim: 4, ...feature })], ...options });

describe('options', () => {
  const cases: [string, () => unknown, string, RegExp][] = [
    ['cardinality 0', () => make({ cardinality: 0 }), 'INVALID_ARGUMENT', /cardinality of feature "f", received 0/],
    ['cardinality -1', () => make({ cardinality: -1 }), 'INVALID_ARGUMENT', /received -1/],
    ['cardinality 2^32', () => make({ cardinality: 2 ** 32 }), 'INVALID_ARGUMENT', /4294967295.*4294967296/],
    ['cardinality 1.5', () => make({ cardinality: 1.5 }), 'INVALID_ARGUMENT', /whole number.*received 1.5/],
    ['cardinality NaN', () => make({ cardinality: Number.NaN }), 'INVALID_ARGUMENT', /received NaN/],
    ['cardinality "10"', () => make({ cardinality: '10' }), 'INVALID_ARGUMENT', /received "10" of type string/],
    ['dim 0', () => make({ dim: 0 }), 'INVALID_ARGUMENT', /dim of feature "f", received 0/],
    ['dim 65537', () => make({ dim: 65537 }), 'INVALID_ARGUMENT', /1 to 65536/],
    ['a misspelt feature option', () => make({ poling: 'sum' }), 'UNKNOWN_OPTION', /"poling".*"pooling"/],
    ['a misspelt option', () => make({}, { optimiser: {} }), 'UNKNOWN_OPTION', /"optimiser".*"optimizer"/],
    ['a misspelt pooling', () => make({ pooling: 'men' }), 'INVALID_ARGUMENT', /"mean"/],
    ['a misspelt combiner', () => make({ combine: 'concatt' }), 'INVALID_ARGUMENT', /Did you mean "concat"/],
    ['another misspelt combiner', () => make({ combine: 'multipl' }), 'INVALID_ARGUMENT', /Did you mean "multiply"/],
    ['a misspelt optimizer', () => make({}, { optimizer: { kind: 'adagrd' } }), 'INVALID_ARGUMENT', /"adagrad"/],
    ['a misspelt badIndex', () => make({}, { badIndex: 'clam' }), 'INVALID_ARGUMENT', /"clamp"/],
    ['no features', () => new EmbeddingTables({ features: [] }), 'INVALID_ARGUMENT', /at least one feature/],
    ['no options', () => new EmbeddingTables(loose(undefined)), 'INVALID_ARGUMENT', /received undefined/],
    ['no name', () => make({ name: '' }), 'INVALID_ARGUMENT', /name for features\[0\]/],
    ['no hashes', () => make({ hashes: [] }), 'INVALID_ARGUMENT', /at least one hash function/],
    ['an unknown hash', () => make({ hashes: [{ kind: 'modula', rows: 3 }] }), 'INVALID_ARGUMENT', /"modulo"/],
    [
      'rows 0',
      () => make({ hashes: [{ kind: 'modulo', rows: 0 }] }),
      'INVALID_ARGUMENT',
      /rows of hashes\[0\] of feature "f"/,
    ],
    [
      'concat that does not divide',
      () => make({ dim: 5, combine: 'concat', hashes: [{ kind: 'identity' }, { kind: 'identity' }] }),
      'INVALID_ARGUMENT',
      /dim divisible by 2.*received 5/,
    ],
    [
      'a table entry above its rows',
      () => make({ hashes: [{ kind: 'table', rows: 3, entries: Uint8Array.of(0, 1, 2, 3, 0, 0, 0, 0, 0, 0) }] }),
      'INVALID_ARGUMENT',
      /row below 3, received 3 for id 3/,
    ],
    [
      'a table of another length',
      () => make({ hashes: [{ kind: 'table', rows: 3, entries: new Uint8Array(9) }] }),
      'INVALID_ARGUMENT',
      /length 10.*received Uint8Array of length 9/,
    ],
    ['pooling none without a length', () => make({ pooling: 'none' }), 'INVALID_ARGUMENT', /sequenceLength/],
    ['a length without pooling none', () => make({ sequenceLength: 3 }), 'INVALID_ARGUMENT', /sequenceLength/],
    [
      'a negative rate',
      () => make({}, { optimizer: { kind: 'sgd', learningRate: -1 } }),
      'INVALID_ARGUMENT',
      /learningRate/,
    ],
    ['a NaN rate', () => make({}, { optimizer: { kind: 'sgd', learningRate: Number.NaN } }), 'INVALID_ARGUMENT', /NaN/],
    ['beta1 1', () => make({}, { optimizer: { kind: 'adam', beta1: 1 } }), 'INVALID_ARGUMENT', /beta1, received 1/],
    ['beta2 -1', () => make({}, { optimizer: { kind: 'adam', beta2: -1 } }), 'INVALID_ARGUMENT', /beta2, received -1/],
    [
      'a misspelt optimizer option',
      () => make({}, { optimizer: { kind: 'adam', beta: 0.9 } }),
      'UNKNOWN_OPTION',
      /"beta" for optimizer.*Did you mean "beta1"/,
    ],
    [
      'an option of another optimizer',
      () => make({}, { optimizer: { kind: 'adagrad', beta1: 0.9 } }),
      'UNKNOWN_OPTION',
      /"beta1" for optimizer "adagrad".*epsilon/,
    ],
    [
      'a negative decay',
      () => make({}, { optimizer: { kind: 'sgd', weightDecay: -1 } }),
      'INVALID_ARGUMENT',
      /weightDecay, received -1/,
    ],
    [
      'clipping at 0',
      () => make({}, { optimizer: { kind: 'sgd', clipRowNorm: 0 } }),
      'INVALID_ARGUMENT',
      /clipRowNorm, received 0/,
    ],
    [
      'a misspelt clipping',
      () => make({}, { optimizer: { kind: 'sgd', clipNorm: 1 } }),
      'UNKNOWN_OPTION',
      /Did you mean "clipRowNorm"/,
    ],
    ['a misspelt precision', () => make({ precision: 'floa16' }), 'INVALID_ARGUMENT', /Did you mean "float16"/],
    ['a misspelt precision option', () => make({ precison: 'int8' }), 'UNKNOWN_OPTION', /Did you mean "precision"/],
    ['a misspelt tables option', () => make({ table: ['t'] }), 'UNKNOWN_OPTION', /Did you mean "tables"/],
    ['tables as text', () => make({ tables: 't' }), 'INVALID_ARGUMENT', /tables of feature "f".*1 names.*"t" of type/],
    ['too many tables', () => make({ tables: ['t', 'u'] }), 'INVALID_ARGUMENT', /1 names.*\["t" of type string, "u"/],
    ['a table without a name', () => make({ tables: [''] }), 'INVALID_ARGUMENT', /tables of feature "f"/],
    ['a numbered table', () => make({ tables: [3] }), 'INVALID_ARGUMENT', /received \[3 of type number\]/],
    ['a misspelt policy', () => make({}, { badIndex: 'warning' }), 'INVALID_ARGUMENT', /"warn"/],
    [
      'countAccesses as text',
      () => make({}, { countAccesses: 'no' }),
      'INVALID_ARGUMENT',
      /countAccesses, received "no"/,
    ],
    [
      'a misspelt countAccesses',
      () => make({}, { countAcesses: false }),
      'UNKNOWN_OPTION',
      /Did you mean "countAccesses"/,
    ],
    [
      'rows too wide for CUDA',
      () => make({ dim: 8193 }, { device: 'cuda' }),
      'NOT_SUPPORTED',
      /feature "f" has rows of more than 8192 columns/,
    ],
    [
      'another precision on CUDA',
      () => make({ precision: 'float16' }, { device: 'cuda' }),
      'NOT_SUPPORTED',
      /feature "f" has precision "float16"/,
    ],
    ['epsilon 0', () => make({}, { optimizer: { kind: 'adagrad', epsilon: 0 } }), 'INVALID_ARGUMENT', /epsilon/],
    ['seed -1', () => make({}, { seed: -1 }), 'INVALID_ARGUMENT', /seed, received -1/],
    ['seed 2^64', () => make({}, { seed: 2n ** 64n }), 'INVALID_ARGUMENT', /seed/],
    ['seed 1.5', () => make({}, { seed: 1.5 }), 'INVALID_ARGUMENT', /received 1.5/],
    ['threads -1', () => make({}, { threads: -1 }), 'INVALID_ARGUMENT', /threads/],
    ['a NaN scale', () => make({ init: { kind: 'uniform', scale: Number.NaN } }), 'INVALID_ARGUMENT', /scale/],
  ];
  for (const [what, body, code, message] of cases) {
    it(what, () => {
      const error = refusal(body);
      expect(error.message).toMatch(message);
      expect(error.code).toBe(code);
    });
  }

  it('two features of one name', () => {
    const f: FeatureOptions = { name: 'f', cardinality: 3, dim: 1 };
    expect(refusal(() => new EmbeddingTables({ features: [f, f] })).message).toMatch(/"f" twice/);
  });

  it('tables larger than memory: OUT_OF_MEMORY names the bytes and the table', () => {
    // 2^48 x 4 bytes cannot be mapped; 2^30 x 1024 x 4 bytes could be, and would end the process when touched.
    for (const [cardinality, dim] of [
      [2 ** 32 - 1, 65536],
      [2 ** 30, 1024],
    ] as const) {
      const error = refusal(() => make({ cardinality, dim }));
      expect(error.code).toBe('OUT_OF_MEMORY');
      expect(error.message).toContain(`${cardinality * dim * 4} bytes`);
      expect(error.message).toContain(`table "f" of ${cardinality} rows`);
    }
  });

  it('tables that fit one by one but not together', () => {
    const hashes = [{ kind: 'modulo' as const, rows: 2 ** 20 }];
    const features = Array.from({ length: 200 }, (_, i) => ({
      ...{ name: `f${i}`, cardinality: 3, dim: 4096, hashes },
      init: { kind: 'uniform' as const, scale: 0 }, // nothing is touched
    }));
    const options: EmbeddingTablesOptions = { features, optimizer: { kind: 'sgd' } };
    expect(refusal(() => new EmbeddingTables(options))).toMatchObject({ code: 'OUT_OF_MEMORY' });
  });
});

describe('a batch', () => {
  const tables = new EmbeddingTables({
    features: [
      { name: 'user', cardinality: 10, dim: 4 },
      { name: 'seq', cardinality: 6, dim: 2, pooling: 'none', sequenceLength: 2 },
    ],
  });
  const indices = Uint32Array.of(1, 2, 3);
  const offsets = Uint32Array.of(0, 1, 3);
  const batch = (change: Record<string, unknown>) => () => tables.forward(loose({ indices, offsets, ...change }));

  const cases: [string, () => unknown, string, RegExp][] = [
    [
      'a negative id',
      batch({ indices: Int32Array.of(1, 2, -3) }),
      'INVALID_INDEX',
      /0 to 5 for feature "seq", received -3/,
    ],
    ['a negative number', batch({ indices: [-1, 2, 3] }), 'INVALID_INDEX', /feature "user", received -1 in bag 0/],
    ['a fraction', batch({ indices: [1, 2.5, 3] }), 'INVALID_INDEX', /indices\[1\], received 2.5/],
    ['NaN', batch({ indices: [Number.NaN, 2, 3] }), 'INVALID_INDEX', /indices\[0\], received NaN/],
    ['Infinity', batch({ indices: [1, 2, Number.POSITIVE_INFINITY] }), 'INVALID_INDEX', /received Infinity/],
    ['nothing', batch({ indices: [1, undefined, 3] }), 'INVALID_INDEX', /indices\[1\], received undefined/],
    ['text', batch({ indices: [1, '2', 3] }), 'INVALID_INDEX', /received "2" of type string/],
    ['2^32 as a number', batch({ indices: [2 ** 32, 2, 3] }), 'INVALID_INDEX', /received 4294967296/],
    [
      '2^32 + 1 as a bigint',
      batch({ indices: BigInt64Array.of(2n ** 32n + 1n, 2n, 3n) }),
      'INVALID_INDEX',
      /4294967297/,
    ],
    ['the cardinality', batch({ indices: [10, 2, 3] }), 'INVALID_INDEX', /0 to 9 for feature "user", received 10/],
    ['floats', batch({ indices: Float32Array.of(1, 2, 3) }), 'INVALID_ARGUMENT', /received Float32Array of length 3/],
    ['doubles', batch({ indices: Float64Array.of(1, 2, 3) }), 'INVALID_ARGUMENT', /Float64Array/],
    ['bytes', batch({ indices: Uint8Array.of(1, 2, 3) }), 'INVALID_ARGUMENT', /Uint8Array/],
    ['unsigned 64-bit ids', batch({ indices: BigUint64Array.of(1n, 2n, 3n) }), 'INVALID_ARGUMENT', /BigUint64Array/],
    ['no indices', batch({ indices: undefined }), 'INVALID_ARGUMENT', /indices, received undefined/],
    [
      'offsets that decrease',
      batch({ offsets: [0, 3, 1] }),
      'INVALID_OFFSETS',
      /received 3 then 1 for bag 0 of feature "seq"/,
    ],
    [
      'offsets that overrun',
      batch({ offsets: [0, 4, 4] }),
      'INVALID_OFFSETS',
      /up to 3.*received 4 for bag 0 of feature "user"/,
    ],
    ['offsets that start late', batch({ offsets: [1, 1, 3] }), 'INVALID_OFFSETS', /start at 0, received 1/],
    ['offsets that stop early', batch({ offsets: [0, 1, 2] }), 'INVALID_OFFSETS', /last offset to be 3.*received 2/],
    ['offsets of odd length', batch({ offsets: [0, 1, 2, 3] }), 'INVALID_OFFSETS', /2 features, received 4/],
    ['empty offsets', batch({ offsets: [] }), 'INVALID_OFFSETS', /received 0/],
    ['fractional offsets', batch({ offsets: [0, 1.5, 3] }), 'INVALID_OFFSETS', /offsets\[1\], received 1.5/],
    [
      'negative offsets',
      batch({ offsets: Int32Array.of(0, -1, 3) }),
      'INVALID_OFFSETS',
      /received 0 then -1 for bag 0 of feature "user"/,
    ],
    [
      'offsets past 2^32',
      batch({ offsets: BigInt64Array.of(0n, 2n ** 32n + 1n, 3n) }),
      'INVALID_OFFSETS',
      /up to 3.*received 4294967297 for bag 0 of feature "user"/,
    ],
    ['negative 64-bit offsets', batch({ offsets: BigInt64Array.of(0n, 1n, -3n) }), 'INVALID_OFFSETS', /1 then -3/],
    [
      'offsets of floats',
      batch({ offsets: Float64Array.of(0, 1, 3) }),
      'INVALID_ARGUMENT',
      /offsets, received Float64Array/,
    ],
    [
      'a sequence too long',
      batch({ offsets: [0, 0, 3] }),
      'INVALID_OFFSETS',
      /at most 2 ids.*received 3 for bag 0 of feature "seq"/,
    ],
    [
      'too few weights',
      batch({ weights: new Float32Array(2) }),
      'INVALID_ARGUMENT',
      /one weight per index \(3\), received 2/,
    ],
    [
      'double weights',
      batch({ weights: new Float64Array(3) }),
      'INVALID_ARGUMENT',
      /weights, received Float64Array of length 3/,
    ],
    ['misspelt batchSizes', batch({ batchSize: [1, 1] }), 'UNKNOWN_OPTION', /Did you mean "batchSizes"/],
    ['a misspelt key', batch({ weigths: new Float32Array(3) }), 'UNKNOWN_OPTION', /Did you mean "weights"/],
    ['no batch', () => tables.forward(loose(undefined)), 'INVALID_ARGUMENT', /received undefined/],
    [
      'an out too small',
      () => tables.forward({ indices, offsets }, new Float32Array(7)),
      'INVALID_ARGUMENT',
      /8 floats.*received 7/,
    ],
    [
      'an out of doubles',
      () => tables.forward({ indices, offsets }, loose(new Float64Array(8))),
      'INVALID_ARGUMENT',
      /out, received Float64Array/,
    ],
  ];
  for (const [what, body, code, message] of cases) {
    it(what, () => {
      const error = refusal(body);
      expect(error.message).toMatch(message);
      expect(error.code).toBe(code);
    });
  }

  it('an output that JavaScript cannot allocate', () => {
    using wide = new EmbeddingTables({ features: [{ name: 'f', cardinality: 1, dim: 65536 }] });
    const error = refusal(() => wide.lookup({ indices: [], offsets: new Uint32Array(2 ** 20) }));
    expect(error).toMatchObject({ code: 'OUT_OF_MEMORY', message: expect.stringContaining('274877644800 bytes') });
  });

  it('a gradient of another type or length', () => {
    tables.forward({ indices, offsets });
    for (const gradient of [new Float64Array(8), [1, 2], undefined, new Float32Array(9)]) {
      expect(refusal(() => tables.backward(loose(gradient))).code).toBe('INVALID_ARGUMENT');
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e30, -1.5e12])(
    'a gradient of %d, by its position; nothing changes, and the forward is still there',
    (value) => {
      for (const kind of ['rowwise-adagrad', 'adagrad', 'sgd', 'adam', 'rowwise-adam'] as const) {
        using trained = new EmbeddingTables({
          features: [{ name: 'f', cardinality: 3000, dim: 16 }],
          optimizer: { kind },
        });
        const ids = Uint32Array.from({ length: 4000 }, (_, i) => (i * 7) % 3000);
        const bags = Uint32Array.from({ length: 4001 }, (_, i) => i);
        trained.forward({ indices: ids, offsets: bags });
        const good = new Float32Array(4000 * 16).fill(0.5);
        const contents = () =>
          Buffer.concat([trained.weights('f'), trained.optimizerState('f')].map(({ buffer }) => Buffer.from(buffer)));
        const before = contents();
        for (const position of [0, 7, 32_770, 63_999]) {
          const error = refusal(() => trained.backward(good.with(position, value)));
          expect(error.code).toBe('INVALID_ARGUMENT');
          expect(error.message).toContain(`for gradient[${position}], received`);
        }
        expect(contents().equals(before)).toBe(true);
        expect(trained.steps).toBe(0);
        trained.backward(good);
        expect(trained.steps).toBe(1);
      }
    },
  );

  it('with clipRowNorm, a gradient beyond 1e30', () => {
    using trained = new EmbeddingTables({
      features: [{ name: 'f', cardinality: 1, dim: 4 }],
      optimizer: { kind: 'rowwise-adagrad', clipRowNorm: 1 },
    });
    const batch = { indices: Uint32Array.of(0), offsets: Uint32Array.of(0, 1) };
    trained.forward(batch);
    expect(refusal(() => trained.backward(new Float32Array(4).fill(2e30))).message).toContain('1e+30 for gradient[0]');
    trained.backward(new Float32Array(4).fill(1e30));
    expect(trained.optimizerState('f')[0]).toBeCloseTo(0.25, 6);
  });

  it('the largest gradient leaves rows that go on learning', () => {
    using trained = new EmbeddingTables({ features: [{ name: 'f', cardinality: 1, dim: 4 }] });
    trained.setWeights('f', new Float32Array(4));
    const step = (value: number) => {
      trained.forward({ indices: Uint32Array.of(0), offsets: Uint32Array.of(0, 1) });
      trained.backward(new Float32Array(4).fill(value));
      return trained.weights('f')[0]!;
    };
    const first = step(1e12);
    expect(first).toBeCloseTo(-0.02, 6);
    expect(step(-1e12)).toBeGreaterThan(first);
    expect(trained.optimizerState('f')[0]! / 2e24).toBeCloseTo(1, 5);
  });

  it('a weight gradient of another type or length', () => {
    tables.forward({ indices, offsets });
    for (const [weightGradient, message] of [
      [new Float64Array(3), /the weight gradient, received Float64Array/],
      [[1, 2, 3], /received an array/],
      [new Float32Array(2), /3 floats, one per index.*received 2/],
    ] as const) {
      const error = refusal(() => tables.backward(new Float32Array(8), loose(weightGradient)));
      expect(error.message).toMatch(message);
      expect(error.code).toBe('INVALID_ARGUMENT');
    }
    tables.backward(new Float32Array(8), new Float32Array(3)); // and the forward is still there
  });

  it('steps that are no count', () => {
    for (const steps of [-1, 0.5, Number.NaN, 2 ** 53]) {
      const error = refusal(() => {
        tables.steps = steps;
      });
      expect(error.message).toMatch(/steps, received/);
    }
  });

  it('transferred (detached) buffers', () => {
    const detached = <T extends ArrayBufferView>(array: T): T => {
      structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
      return array;
    };
    const copies = () => ({ indices: indices.slice(), offsets: offsets.slice(), weights: new Float32Array(3) });
    for (const key of ['indices', 'offsets', 'weights'] as const) {
      const given = copies();
      detached(given[key]);
      expect(refusal(() => tables.forward(given)).code).toMatch(/^INVALID_(OFFSETS|ARGUMENT)$/);
    }
    expect(refusal(() => tables.forward(copies(), detached(new Float32Array(8)))).code).toBe('INVALID_ARGUMENT');
    tables.forward(copies());
    expect(refusal(() => tables.backward(detached(new Float32Array(8)))).code).toBe('INVALID_ARGUMENT');
    tables.backward(new Float32Array(8)); // and the tables still work
  });
});

describe('names and tables', () => {
  const tables = make({ name: 'movie', hashes: [{ kind: 'modulo', rows: 3 }] });
  it('an unknown feature names the nearest', () => {
    expect(refusal(() => tables.weights('move')).message).toMatch(/Did you mean "movie"/);
    expect(refusal(() => tables.counts('user')).code).toBe('INVALID_ARGUMENT');
  });
  it('a table that the feature has not', () => {
    for (const table of [1, -1, 0.5])
      expect(refusal(() => tables.weights('movie', table)).code).toBe('INVALID_ARGUMENT');
  });
  it('weights and state of another length or type', () => {
    expect(refusal(() => tables.setWeights('movie', new Float32Array(11))).message).toMatch(/12 values.*received 11/);
    expect(refusal(() => tables.setWeights('movie', loose(new Float64Array(12)))).code).toBe('INVALID_ARGUMENT');
    expect(refusal(() => tables.setOptimizerState('movie', new Float32Array(12))).message).toMatch(/3 values/);
  });
});
