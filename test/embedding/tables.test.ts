/** What EmbeddingTables promises beside its arithmetic: counts, lookup, policies for bad ids, refusals, closing, memory. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { EmbeddingTables, type EmbeddingTablesOptions } from '../../lib/embedding/index.ts';
import { mixedRow } from '../../lib/hashing/index.ts';
import { asOptions, bytesPerCount, embeddingCase, generator, idsOf, randomBatch, uniform } from './random_case.ts';

const two = (options: Partial<EmbeddingTablesOptions> = {}) =>
  new EmbeddingTables({
    features: [
      { name: 'user', cardinality: 10, dim: 4 },
      { name: 'movie', cardinality: 6, dim: 2, hashes: [{ kind: 'modulo', rows: 3 }] },
    ],
    ...options,
  });
// user: [1, 1], [9]; movie: [], [5, 2, 5]
const BATCH = { indices: [1, 1, 9, 5, 2, 5], offsets: [0, 2, 3, 3, 6] };

function everything(tables: EmbeddingTables) {
  return tables.features.flatMap(({ name, hashes }) => [
    tables.counts(name),
    ...Array.from({ length: hashes }, (_, h) => [tables.weights(name, h), tables.optimizerState(name, h)]).flat(),
  ]);
}

const code = (body: () => unknown): string => {
  try {
    body();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return 'none';
};

describe('counts', () => {
  it('count every id of every forward, exactly', () => {
    fc.assert(
      fc.property(embeddingCase, (c) => {
        using tables = new EmbeddingTables({ features: asOptions(c.features) });
        const expected = c.features.map(({ cardinality }) => new Uint32Array(cardinality));
        const random = generator(c.seed);
        for (let step = 0; step < 3; step++) {
          const batch = randomBatch(c.features, c, random);
          tables.forward(batch);
          for (const [f, ids] of idsOf(c.features, batch).entries()) for (const id of ids) expected[f]![id]! += 1;
        }
        c.features.forEach(({ name }, f) => {
          expect(tables.counts(name)).toEqual(expected[f]);
        });
      }),
      { numRuns: 30 },
    );
  });

  it('are not made by lookup', () => {
    using tables = two();
    tables.lookup(BATCH);
    expect(tables.counts('user')).toEqual(new Uint32Array(10));
    tables.forward(BATCH);
    expect([...tables.counts('movie')]).toEqual([0, 0, 1, 0, 0, 2]);
  });

  it('saturate', () => {
    using tables = two();
    const checkpoint = tables.checkpoint();
    const full = Uint32Array.of(0, 0, 0, 0, 0, 2 ** 32 - 2);
    tables.restore({ ...checkpoint, 'counts/movie': { shape: [6], data: full } });
    tables.forward(BATCH);
    expect([...tables.counts('movie')]).toEqual([0, 0, 1, 0, 0, 2 ** 32 - 1]);
  });

  it('are left out without countAccesses, which changes nothing else', () => {
    using counting = two();
    using tables = two({ countAccesses: false });
    for (const each of [counting, tables]) {
      each.forward(BATCH);
      each.backward(new Float32Array(12).fill(1));
    }
    for (const { name } of tables.features) expect(tables.weights(name)).toEqual(counting.weights(name));
    expect(tables.memory()).toEqual({ ...counting.memory(), counts: 0 });
    expect(() => tables.counts('user')).toThrow(
      expect.objectContaining({ code: 'NOT_SUPPORTED', message: expect.stringMatching(/countAccesses/) }),
    );
  });
});

describe('forward and lookup', () => {
  it('give the same values, empty bags give zeros', () => {
    using tables = two();
    const out = tables.forward(BATCH);
    expect(tables.lookup(BATCH)).toEqual(out);
    expect([...out.subarray(4, 6)]).toEqual([0, 0]);
    const user = tables.weights('user');
    expect([...out.subarray(0, 4)]).toEqual([...user.subarray(4, 8)].map((x) => 2 * x));
    expect(out.subarray(6, 10)).toEqual(user.subarray(36, 40));
  });

  it('write into the array given and into nothing beside it', () => {
    using tables = two();
    const space = new Float32Array(20).fill(7);
    const out = tables.forward(BATCH, space.subarray(3, 15));
    expect(out.buffer).toBe(space.buffer);
    expect(space.subarray(3, 15)).toEqual(tables.lookup(BATCH));
    expect([...space.subarray(0, 3), ...space.subarray(15)]).toEqual(new Array(8).fill(7));
  });

  it('an empty batch works forward and backward', () => {
    using tables = two();
    const before = everything(tables);
    expect(tables.forward({ indices: [], offsets: [0] })).toHaveLength(0);
    tables.backward(new Float32Array(0));
    expect(everything(tables)).toEqual(before);
  });

  it('take every array as a part of a larger buffer', () => {
    using tables = two();
    const indices = Uint32Array.of(99, ...BATCH.indices, 99).subarray(1, 7);
    const offsets = Uint32Array.of(8, ...BATCH.offsets, 8).subarray(1, 6);
    expect(tables.lookup({ indices, offsets })).toEqual(tables.lookup(BATCH));
  });
});

describe('backward', () => {
  it('needs a training forward, once each', () => {
    using tables = two();
    const gradient = new Float32Array(12);
    expect(code(() => tables.backward(gradient))).toBe('NO_FORWARD');
    tables.lookup(BATCH);
    expect(code(() => tables.backward(gradient))).toBe('NO_FORWARD');
    tables.forward(BATCH);
    tables.backward(gradient);
    expect(code(() => tables.backward(gradient))).toBe('NO_FORWARD');
    tables.forward(BATCH);
    tables.lookup(BATCH);
    expect(code(() => tables.backward(gradient))).toBe('NO_FORWARD');
  });

  it('refuses a gradient of another size and can be called again with the right one', () => {
    using tables = two();
    tables.forward(BATCH);
    const before = everything(tables);
    for (const length of [0, 11, 13]) {
      expect(code(() => tables.backward(new Float32Array(length)))).toBe('INVALID_ARGUMENT');
    }
    expect(everything(tables)).toEqual(before);
    tables.backward(new Float32Array(12).fill(1));
    expect(tables.weights('user')).not.toEqual(before[1]);
    tables.forward({ indices: [], offsets: [0] });
    expect(code(() => tables.backward(new Float32Array(1)))).toBe('INVALID_ARGUMENT');
  });

  it('keeps copies: the arrays of forward may change before it', () => {
    const steps = [false, true].map((change) => {
      using tables = two();
      const indices = Uint32Array.from(BATCH.indices);
      const offsets = Uint32Array.from(BATCH.offsets);
      const weights = new Float32Array(6).fill(2);
      tables.forward({ indices, offsets, weights });
      if (change) for (const array of [indices, offsets, weights]) array.fill(0);
      tables.backward(uniform(generator(1), 12));
      return everything(tables);
    });
    expect(steps[1]).toEqual(steps[0]);
  });

  it('moves only the rows that were looked up', () => {
    using tables = two();
    const before = tables.weights('user');
    tables.forward(BATCH);
    tables.backward(new Float32Array(12).fill(1));
    const after = tables.weights('user');
    for (let id = 0; id < 10; id++) {
      const same = after.subarray(4 * id, 4 * id + 4).every((x, j) => x === before[4 * id + j]);
      expect(same).toBe(![1, 9].includes(id));
    }
  });

  it('writes the gradient of per-sample weights, with or without weights, of the rows before the step', () => {
    const run = (weights: object) => {
      using tables = two({ optimizer: { kind: 'sgd', learningRate: 1 } });
      const [user, movie] = [tables.weights('user'), tables.weights('movie')];
      const gradient = uniform(generator(6), 12);
      const weightGradient = new Float32Array(6).fill(7);
      tables.forward({ ...BATCH, ...weights });
      tables.backward(gradient, weightGradient);
      const dot = (table: Float32Array, width: number, row: number, at: number) =>
        table.subarray(width * row, width * (row + 1)).reduce((sum, x, j) => sum + x * gradient[at + j]!, 0);
      const users = [dot(user, 4, 1, 0), dot(user, 4, 1, 0), dot(user, 4, 9, 6)];
      const expected = [...users, ...[2, 2, 2].map((row) => dot(movie, 2, row, 10))]; // rows 5 % 3, 2 % 3, 5 % 3
      for (const [i, x] of expected.entries()) expect(weightGradient[i]).toBeCloseTo(x, 6);
    };
    run({});
    run({ weights: new Float32Array(6).fill(3) });
  });

  it('counts steps, and Adam corrects its bias by them', () => {
    const moved = (steps: number) => {
      using tables = two({ optimizer: { kind: 'adam', learningRate: 0.5, beta1: 0.5, beta2: 0.75 } });
      tables.setWeights('user', new Float32Array(40));
      tables.steps = steps;
      tables.forward(BATCH);
      tables.backward(new Float32Array(12).fill(-1));
      expect(tables.steps).toBe(steps + 1);
      return tables.weights('user')[4 * 9]!;
    };
    expect(moved(0)).toBeCloseTo(0.5, 6); // m and v both corrected to 1
    expect(moved(1_000_000)).toBeCloseTo(0.5 * (0.5 / Math.sqrt(0.25)), 6); // nothing left to correct
    expect(moved(1)).toBeCloseTo((0.5 * (0.5 / (1 - 0.25))) / Math.sqrt(0.25 / (1 - 0.75 ** 2)), 6);
  });

  it('decays the rows that were looked up, and no others', () => {
    using tables = two({ optimizer: { kind: 'rowwise-adagrad', learningRate: 0.5, weightDecay: 0.5 } });
    tables.setWeights('user', new Float32Array(40).fill(1));
    tables.forward(BATCH);
    tables.backward(new Float32Array(12));
    const expected = Float32Array.from({ length: 40 }, (_, i) => ([1, 9].includes(Math.floor(i / 4)) ? 0.75 : 1));
    expect(tables.weights('user')).toEqual(expected);
  });

  it('shortens a gradient to clipRowNorm, and leaves shorter ones', () => {
    using tables = two({ optimizer: { kind: 'sgd', learningRate: 1, clipRowNorm: 1 } });
    tables.setWeights('user', new Float32Array(40));
    tables.forward({ indices: [1, 2], offsets: [0, 1, 2, 2, 2] });
    tables.backward(Float32Array.of(3, 4, 0, 0, 0, 0, 0.25, 0.5, 0, 0, 0, 0));
    const expected = [-0.6, -0.8, 0, 0, -0.25, -0.5, 0, 0];
    for (const [i, x] of expected.entries()) expect(tables.weights('user')[4 + i]).toBeCloseTo(x, 6);
  });

  it('steps by the learning rate in force, and by none at rate 0', () => {
    using tables = two({ optimizer: { kind: 'sgd', learningRate: 0.5 } });
    tables.setWeights('user', new Float32Array(40));
    tables.setLearningRate(0);
    tables.forward(BATCH);
    tables.backward(new Float32Array(12).fill(1));
    expect(tables.weights('user')).toEqual(new Float32Array(40));
    tables.setLearningRate(0.25);
    tables.forward(BATCH);
    tables.backward(new Float32Array(12).fill(1));
    expect([...tables.weights('user').subarray(0, 8)]).toEqual([0, 0, 0, 0, -0.5, -0.5, -0.5, -0.5]);
  });
});

describe('a batch that is refused', () => {
  const refused = {
    'a bad id behind good ones': { indices: [1, 1, 9, 5, 2, 6], offsets: BATCH.offsets },
    'offsets that decrease': { indices: BATCH.indices, offsets: [0, 3, 2, 3, 6] },
    'a last offset short of the indices': { indices: BATCH.indices, offsets: [0, 2, 3, 3, 5] },
    'too many weights': { ...BATCH, weights: new Float32Array(7) },
  };
  for (const [what, batch] of Object.entries(refused)) {
    it(`${what}: writes, counts and keeps nothing`, () => {
      using tables = two();
      tables.forward(BATCH);
      tables.backward(new Float32Array(12).fill(1));
      const before = everything(tables);
      const out = new Float32Array(12).fill(7);
      expect(code(() => tables.forward(batch, out))).toMatch(/^INVALID_/);
      expect(out).toEqual(new Float32Array(12).fill(7));
      expect(everything(tables)).toEqual(before);
      expect(code(() => tables.backward(new Float32Array(12)))).toBe('NO_FORWARD');
      expect(tables.badIndices()).toBe(0);
    });
  }
});

describe('ids out of range', () => {
  const ids = [-5n, -1n, 0n, 9n, 10n, 2n ** 32n, 2n ** 62n, -(2n ** 63n)];
  const batch = { indices: BigInt64Array.from(ids), offsets: [0, ...ids.map((_, i) => i + 1)] };
  const one = (badIndex: EmbeddingTablesOptions['badIndex']) =>
    new EmbeddingTables({ features: [{ name: 'f', cardinality: 10, dim: 1 }], badIndex });
  const rows = (tables: EmbeddingTables) => {
    tables.setWeights(
      'f',
      Float32Array.from({ length: 10 }, (_, id) => id),
    );
    return [...tables.forward(batch)];
  };

  it('clamp takes the nearest id and counts the bad ones', () => {
    using tables = one('clamp');
    expect(rows(tables)).toEqual([0, 0, 0, 9, 9, 9, 9, 0]);
    expect(tables.badIndices()).toBe(6);
    expect([...tables.counts('f')]).toEqual([4, 0, 0, 0, 0, 0, 0, 0, 0, 4]);
    tables.lookup(batch);
    expect(tables.badIndices()).toBe(12);
  });

  it('hash takes h(id; 0, cardinality) and counts the bad ones', () => {
    using tables = one('hash');
    const hashed = ids.map((id) =>
      id >= 0n && id < 10n ? Number(id) : Number(mixedRow(BigInt.asUintN(64, id), 0n, 10n)),
    );
    expect(rows(tables)).toEqual(hashed);
    expect(tables.badIndices()).toBe(6);
  });

  it('ignore takes id 0 silently, warn says so once; both count the bad ones', () => {
    const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    using silent = one('ignore');
    expect(rows(silent)).toEqual([0, 0, 0, 9, 0, 0, 0, 0]);
    expect(silent.badIndices()).toBe(6);
    expect([...silent.counts('f')]).toEqual([7, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    expect(emit).not.toHaveBeenCalled();

    using loud = one('warn');
    loud.lookup({ indices: [1, 2], offsets: [0, 1, 2] });
    expect(emit).not.toHaveBeenCalled();
    expect(rows(loud)).toEqual(rows(silent));
    loud.lookup(batch);
    expect(loud.badIndices()).toBe(12);
    expect(emit).toHaveBeenCalledTimes(1);
    expect(emit).toHaveBeenCalledWith(
      expect.stringMatching(/^6 of 8 .*id 0: .*0 to 9 for feature "f", received -5 at position 0/),
      { type: 'CollideWarning', code: 'INVALID_INDEX' },
    );
    emit.mockRestore();
  });

  it('warn names the feature and the position among several features', () => {
    const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    using tables = two({ badIndex: 'warn' });
    tables.forward({ indices: [1, 1, 9, 5, 6, 5], offsets: [0, 1, 3, 6, 6] });
    tables.forward({ indices: [1, 1, 9, 5, 6, 5], offsets: [0, 1, 3, 6, 6] });
    using uneven = two({ badIndex: 'warn' });
    uneven.forward({ indices: [1, 12], offsets: BigInt64Array.of(0n, 1n, 2n, 2n, 2n), batchSizes: [2, 2] });
    expect(emit.mock.calls.map(([message]) => message)).toEqual([
      expect.stringMatching(/0 to 5 for feature "movie", received 6 at position 4/),
      expect.stringMatching(/0 to 9 for feature "user", received 12 at position 1/),
    ]);
    emit.mockRestore();
  });

  it('a batch of nothing but bad ids takes linear time', () => {
    using tables = one('clamp');
    const many = { indices: new Int32Array(300_000).fill(-1), offsets: Uint32Array.of(0, 300_000) };
    tables.lookup(many); // quadratic work would take minutes, longer than any test may
    expect(tables.badIndices()).toBe(300_000);
  });

  it('error names the first bad id, its bag and feature', () => {
    using tables = two();
    const bad = { indices: [1, 1, 9, 5, 6, -2], offsets: BATCH.offsets };
    expect(() => tables.forward(bad)).toThrow(
      expect.objectContaining({
        code: 'INVALID_INDEX',
        message: expect.stringMatching(/0 to 5 for feature "movie", received 6 in bag 1 \(position 4/),
      }),
    );
  });
});

describe('life and memory', () => {
  it('every use after close throws CLOSED, close may be called twice', () => {
    const tables = two();
    tables.forward(BATCH);
    tables.close();
    tables.close();
    const uses: (() => unknown)[] = [
      () => tables.forward(BATCH),
      () => tables.lookup(BATCH),
      () => tables.backward(new Float32Array(12)),
      () => tables.weights('user'),
      () => tables.setWeights('user', new Float32Array(40)),
      () => tables.optimizerState('user'),
      () => tables.setOptimizerState('user', new Float32Array(10)),
      () => tables.counts('user'),
      () => tables.badIndices(),
      () => tables.memory(),
      () => tables.setLearningRate(0.1),
      () => tables.steps,
      () => {
        tables.steps = 3;
      },
      () => tables.checkpoint(),
      () => tables.withPrecision('int8'),
    ];
    for (const use of uses) expect(code(use)).toBe('CLOSED');
  });

  it('reports bytes: rows, mapping, optimizer, counts; total is rows and mapping', () => {
    using tables = new EmbeddingTables({
      features: [
        {
          name: 'a',
          cardinality: 1000,
          dim: 8,
          hashes: [{ kind: 'table', rows: 300, entries: new Uint16Array(1000) }],
        },
        {
          name: 'b',
          cardinality: 50,
          dim: 6,
          combine: 'concat',
          hashes: [{ kind: 'identity' }, { kind: 'modulo', rows: 7 }],
        },
      ],
    });
    const rows = 300 * 8 * 4 + 50 * 3 * 4 + 7 * 3 * 4;
    const optimizer = 4 * (300 + 50 + 7);
    const counts = bytesPerCount(tables) * 1000 + bytesPerCount(tables, 'in rows') * 50;
    expect(tables.memory()).toEqual({ rows, mapping: 2000, optimizer, counts, total: rows + 2000 });
  });

  it('weights and state round-trip as copies', () => {
    using tables = two({ optimizer: { kind: 'adagrad' } });
    const values = uniform(generator(2), 40);
    const state = uniform(generator(3), 40).map(Math.abs);
    tables.setWeights('user', values);
    tables.setOptimizerState('user', state);
    tables.weights('user').fill(0);
    expect(tables.weights('user')).toEqual(values);
    expect(tables.optimizerState('user')).toEqual(state);
    using sgd = two({ optimizer: { kind: 'sgd' } });
    expect(sgd.optimizerState('user')).toHaveLength(0);
  });
});
