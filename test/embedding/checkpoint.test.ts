/** Checkpoints: training goes on from a restored one bit for bit, and one that does not fit changes nothing. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EmbeddingTables } from '../../lib/embedding/index.ts';
import type { CollideError } from '../../lib/errors.ts';
import { readSafetensors } from '../../lib/files/index.ts';
import type { HashFunction } from '../../lib/hashing/index.ts';
import { temporaryFolder } from '../files/temporary.ts';
import {
  asOptions,
  type Case,
  embeddingCases,
  generator,
  type Random,
  randomBatch,
  uniform,
  withSources,
} from './random_case.ts';

const folder = temporaryFolder();

const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

const make = (c: Case, more = {}) =>
  new EmbeddingTables({ features: asOptions(c.features), optimizer: c.optimizer, seed: c.seed, ...more });

function step(tables: EmbeddingTables, c: Case, random: Random): void {
  const out = tables.forward(randomBatch(c.features, c, random));
  tables.backward(uniform(random, out.length));
}

async function refusal(body: () => unknown): Promise<CollideError> {
  try {
    await body();
  } catch (error) {
    return error as CollideError;
  }
  throw new Error('nothing was thrown');
}

const trainable = embeddingCases(['float32', 'float16', 'bfloat16']);

describe('checkpoints', () => {
  it('random layouts: training goes on bit for bit, in memory and through a file', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(trainable, withSources(trainable)), async (c) => {
        const path = join(folder, 'tables.safetensors');
        using tables = make(c);
        const random = generator(c.seed);
        for (let i = 0; i < 3; i++) step(tables, c, random);
        const checkpoint = tables.checkpoint();
        await tables.save(path);

        using restored = make(c);
        for (let i = 0; i < 2; i++) step(restored, c, generator(c.seed + i)); // whatever it learned is replaced
        restored.restore(checkpoint);
        using loaded = make(c);
        await loaded.load(path);
        expect(loaded.checkpoint()).toEqual(checkpoint);

        for (const [i, on] of [tables, restored, loaded].entries()) {
          const again = generator(c.seed + 1);
          for (let s = 0; s < 2; s++) step(on, c, again);
          if (i > 0) expect(on.checkpoint()).toEqual(tables.checkpoint());
        }
        expect(tables.steps).toBe(5);
      }),
      { numRuns: 30 },
    );
  });

  it('name every tensor after its table, once for shared ones', async () => {
    using tables = new EmbeddingTables({
      features: [
        { name: 'a', cardinality: 6, dim: 4, precision: 'bfloat16' },
        { name: 'b', cardinality: 6, dim: 4, precision: 'bfloat16', tables: ['a'] },
        {
          name: 'c',
          cardinality: 9,
          dim: 5,
          combine: 'sum',
          hashes: [{ kind: 'identity' }, { kind: 'modulo', rows: 2 }],
        },
      ],
      optimizer: { kind: 'rowwise-adam' },
    });
    tables.steps = 7;
    const path = join(folder, 'names.safetensors');
    await tables.save(path);
    const { tensors } = await readSafetensors(path);
    const shapes = Object.entries(tensors).map(([name, { dtype, shape }]) => [name, `${dtype} [${shape}]`]);
    expect(Object.fromEntries(shapes)).toEqual({
      'rows/a': 'BF16 [6,4]',
      'rows/c/0': 'F32 [9,5]',
      'rows/c/1': 'F32 [2,5]',
      'hash/a': 'U8 [32]',
      'hash/c/0': 'U8 [32]',
      'hash/c/1': 'U8 [32]',
      'rowwise-adam/a': 'F32 [6,5]',
      'rowwise-adam/c/0': 'F32 [9,6]',
      'rowwise-adam/c/1': 'F32 [2,6]',
      'counts/a': 'U32 [6]',
      'counts/b': 'U32 [6]',
      'counts/c': 'U32 [9]',
      steps: 'I64 []',
    });
    expect(tensors.steps!.data[0]).toBe(7n);
  });

  it('rows alone serve: rounded tables keep their bits, float32 rows are rounded on the way', async () => {
    const features = (precision: 'float32' | 'int8' | 'int4') => [
      { name: 'f', cardinality: 50, dim: 9, precision, init: { kind: 'uniform' as const, scale: 300 } },
    ];
    using exact = new EmbeddingTables({ features: features('float32'), seed: 4 });
    for (const precision of ['int8', 'int4'] as const) {
      using small = exact.withPrecision(precision);
      const path = join(folder, `${precision}.safetensors`);
      await small.save(path, 'rows');
      using served = new EmbeddingTables({ features: features(precision), countAccesses: false });
      await served.load(path);
      expect(served.weights('f')).toEqual(small.weights('f'));
      expect(served.checkpoint('rows')).toEqual(small.checkpoint('rows'));
      const columns = precision === 'int8' ? 4 + 9 : 4 + 5;
      expect(Object.keys(small.checkpoint('rows'))).toEqual(['rows/f', 'hash/f']);
      expect(small.checkpoint('rows')['rows/f']).toMatchObject({ dtype: 'U8', shape: [50, columns] });

      using rounded = new EmbeddingTables({ features: features(precision), countAccesses: false });
      rounded.restore(exact.checkpoint()); // its state and counts are of no use here
      expect(rounded.weights('f')).toEqual(small.weights('f'));
    }
  });

  it('tables that only serve load what they saved, and what was trained', async () => {
    const feature = { name: 'f', cardinality: 40, dim: 9 };
    using trained = new EmbeddingTables({ features: [feature], seed: 6 });
    trained.forward({ indices: [1, 2], offsets: [0, 2] });
    trained.backward(new Float32Array(9).fill(1));
    for (const precision of ['float32', 'float16', 'bfloat16', 'int8', 'int4'] as const) {
      const path = join(folder, `serving-${precision}.safetensors`);
      using rounded = trained.withPrecision(precision);
      await rounded.save(path);
      using served = new EmbeddingTables({ features: [{ ...feature, precision }] });
      await served.load(path);
      expect(served.weights('f')).toEqual(rounded.weights('f'));
      await trained.save(path);
      rounded.setWeights('f', new Float32Array(40 * 9));
      await rounded.load(path);
      expect(rounded.weights('f')).toEqual(served.weights('f'));
    }
  });

  it('of many pieces are the same in memory and in a file', async () => {
    const features = [
      { name: 'wide', cardinality: 3, dim: 4096, init: { kind: 'uniform' as const, scale: 1 } },
      { name: 'long', cardinality: 1_300_001, dim: 3, init: { kind: 'uniform' as const, scale: 1 } },
    ];
    const optimizer = { kind: 'adagrad' } as const;
    using tables = new EmbeddingTables({ features, optimizer, seed: 5 });
    tables.forward({ indices: [1, 2, 1_300_000, 7], offsets: [0, 2, 4] });
    tables.backward(new Float32Array(4099).fill(1));
    const path = join(folder, 'pieces.safetensors');
    await tables.save(path);
    const { tensors } = await readSafetensors(path);
    for (const [name, { data }] of Object.entries(tables.checkpoint())) {
      expect(Buffer.compare(bytes(tensors[name]!.data), bytes(data)), name).toBe(0);
    }
    using loaded = new EmbeddingTables({ features, optimizer });
    await loaded.load(path);
    expect(loaded.steps).toBe(1);
    for (const { name } of features) {
      expect(Buffer.compare(bytes(loaded.weights(name)), bytes(tables.weights(name)))).toBe(0);
      expect(Buffer.compare(bytes(loaded.optimizerState(name)), bytes(tables.optimizerState(name)))).toBe(0);
      expect(Buffer.compare(bytes(loaded.counts(name)), bytes(tables.counts(name)))).toBe(0);
    }
  });

  it('cannot be saved while they are trained, and the old file stays', async () => {
    const features = [{ name: 'f', cardinality: 2_000_000, dim: 4 }];
    using tables = new EmbeddingTables({ features, seed: 2 });
    const path = join(folder, 'meanwhile.safetensors');
    await tables.save(path);
    const before = await readFile(path);
    const saved = tables.save(path).catch((error: unknown) => error);
    let settled = false;
    saved.then(() => {
      settled = true;
    });
    for (let id = 0; !settled; id++) {
      tables.forward({ indices: [id], offsets: [0, 1] });
      tables.backward(new Float32Array(4).fill(1));
      await new Promise(setImmediate);
    }
    expect(await saved).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('meanwhile') });
    expect((await readFile(path)).equals(before)).toBe(true);
  });

  it('rows alone leave state, counts and steps as they are', () => {
    const options = { features: [{ name: 'f', cardinality: 5, dim: 2 }], optimizer: { kind: 'adagrad' } as const };
    using from = new EmbeddingTables({ ...options, seed: 2 });
    using to = new EmbeddingTables(options);
    to.forward({ indices: [1, 2], offsets: [0, 2] });
    to.backward(Float32Array.of(1, 1));
    const { steps, ...before } = to.checkpoint();
    to.restore(from.checkpoint('rows'));
    expect(to.checkpoint()).toEqual({ ...before, steps, ...from.checkpoint('rows') });
    expect(to.steps).toBe(1);
  });

  describe('that do not fit are refused, and nothing changes', () => {
    const one = (feature = {}, more = {}) =>
      new EmbeddingTables({ features: [{ name: 'f', cardinality: 5, dim: 2, ...feature }], seed: 3, ...more });
    const cases: [string, EmbeddingTables, RegExp][] = [
      ['another name', one({ name: 'g' }), /"rows\/f" of F32 \[5, 2\].*received none/],
      ['another height', one({ cardinality: 6 }), /"rows\/f" of F32 \[5, 2\].*\[6, 2\]/],
      ['another width', one({ dim: 3 }), /"rows\/f" of F32 \[5, 2\].*\[5, 3\]/],
      ['another optimizer', one({}, { optimizer: { kind: 'adagrad' } }), /"rowwise-adagrad\/f".*received none/],
      ['no counts', one({}, { countAccesses: false }), /"counts\/f" of U32 \[5\].*received none/],
      ['another precision', one({ precision: 'bfloat16' }), /"rows\/f" of F32.*BF16/],
    ];
    for (const [what, source, message] of cases) {
      it(what, async () => {
        using tables = one({}, { seed: 8 });
        const before = tables.checkpoint();
        const error = await refusal(() => tables.restore(source.checkpoint()));
        expect(error.message).toMatch(message);
        expect(error.code).toBe('INVALID_ARGUMENT');
        const path = join(folder, 'other.safetensors');
        await source.save(path);
        const fromFile = await refusal(() => tables.load(path));
        expect(fromFile.code).toBe('FILE_FORMAT');
        expect(fromFile.message).toMatch(message);
        expect(fromFile.message).toContain(path);
        expect(tables.checkpoint()).toEqual(before);
      });
    }

    it('a value that the precision cannot hold, after tables and rows that are good', async () => {
      const features = (precision: 'float32' | 'float16') =>
        ['a', 'b'].map((name) => ({ name, cardinality: 2_000_000, dim: 2, precision }));
      using from = new EmbeddingTables({ features: features('float32'), countAccesses: false });
      using to = new EmbeddingTables({ features: features('float16'), countAccesses: false });
      const values = new Float32Array(4_000_000).fill(1);
      from.setWeights('a', values);
      values[3_999_999] = 1e6;
      from.setWeights('b', values);
      const path = join(folder, 'large.safetensors');
      await from.save(path, 'rows');
      const refused = 'received 1e+06 for row 1999999, column 1';
      expect((await refusal(() => to.restore(from.checkpoint('rows')))).message).toContain(refused);
      expect(await refusal(() => to.load(path))).toMatchObject({
        code: 'FILE_FORMAT',
        message: expect.stringContaining(refused),
      });
      for (const name of ['a', 'b']) expect(to.weights(name).some((value) => value === 1)).toBe(false);
    });

    it('a file with a changed byte', async () => {
      using tables = one();
      const path = join(folder, 'flipped.safetensors');
      await tables.save(path);
      const whole = await readFile(path);
      tables.setWeights('f', new Float32Array(10).fill(3));
      const before = tables.checkpoint();
      for (const at of [20, whole.length - 100, whole.length - 1]) {
        const changed = Buffer.from(whole);
        changed[at]! ^= 4;
        await writeFile(path, changed);
        expect((await refusal(() => tables.load(path))).code).toBe('FILE_FORMAT');
        expect(tables.checkpoint()).toEqual(before);
      }
    });

    it('another mapping of the same shape', async () => {
      const entries = Uint8Array.of(0, 1, 2, 0, 1);
      const hashed = (hash: HashFunction, cardinality = 5) => one({ hashes: [hash], cardinality });
      using tables = hashed({ kind: 'table', rows: 3, entries });
      const before = tables.checkpoint();
      using same = hashed({ kind: 'table', rows: 3, entries: Uint16Array.from(entries) });
      using small = same.withPrecision('int8');
      tables.restore(same.checkpoint());
      tables.restore({ 'rows/f': before['rows/f']! }); // made elsewhere: nothing is known of them
      const others: [HashFunction, number][] = [
        [{ kind: 'table', rows: 3, entries: Uint8Array.of(0, 1, 2, 1, 0) }, 5],
        [{ kind: 'modulo', rows: 3 }, 5],
        [{ kind: 'mixed', rows: 3, seed: 1 }, 5],
        [{ kind: 'table', rows: 3, entries: Uint8Array.of(0, 1, 2, 0, 1, 1) }, 6],
      ];
      const path = join(folder, 'mapped.safetensors');
      for (const [hash, cardinality] of others) {
        using source = hashed(hash, cardinality);
        const start = tables.checkpoint('rows');
        const error = await refusal(() => tables.restore(source.checkpoint('rows')));
        expect([error.code, error.message]).toEqual(['INVALID_ARGUMENT', expect.stringContaining('table "f"')]);
        await source.save(path, 'rows');
        expect((await refusal(() => tables.load(path))).code).toBe('FILE_FORMAT');
        expect((await refusal(() => small.restore(source.checkpoint('rows')))).message).toContain('another mapping');
        expect(tables.checkpoint('rows')).toEqual(start);
      }
    });

    it('tensors that are damaged', async () => {
      using tables = one();
      const whole = tables.checkpoint();
      const damaged: [string, object][] = [
        ['rows/f', { shape: [5, 2], data: new Float32Array(9) }],
        ['rows/f', { shape: [10], data: new Float32Array(10) }],
        ['rowwise-adagrad/f', { shape: [5, 1], data: new Float64Array(5) }],
        ['counts/f', { shape: [5], data: new Float32Array(5) }],
        ['steps', { shape: [], data: BigInt64Array.of(-1n) }],
      ];
      for (const [name, tensor] of damaged) {
        const error = await refusal(() => tables.restore({ ...whole, [name]: tensor as never }));
        expect(error.code).toBe('INVALID_ARGUMENT');
        expect(error.message).toContain(name);
        expect(tables.checkpoint()).toEqual(whole);
      }
      expect((await refusal(() => tables.restore(undefined as never))).code).toBe('INVALID_ARGUMENT');
      expect((await refusal(() => tables.checkpoint('row' as 'rows'))).message).toMatch(/Did you mean "rows"/);
    });

    it('files that are damaged, of another kind or missing', async () => {
      using tables = one();
      const path = join(folder, 'whole.safetensors');
      await tables.save(path);
      const bytes = await readFile(path);
      await writeFile(join(folder, 'cut.safetensors'), bytes.subarray(0, bytes.length - 1));
      expect((await refusal(() => tables.load(join(folder, 'cut.safetensors')))).code).toBe('FILE_FORMAT');
      await writeFile(join(folder, 'text.safetensors'), 'not a checkpoint at all');
      expect((await refusal(() => tables.load(join(folder, 'text.safetensors')))).code).toBe('FILE_FORMAT');
      expect((await refusal(() => tables.load(join(folder, 'nothing')))).code).toBe('FILE_IO');
      expect((await refusal(() => tables.save(join(folder, 'no', 'folder')))).code).toBe('FILE_IO');
      tables.close();
      expect((await refusal(() => tables.load(path))).code).toBe('CLOSED');
      expect((await refusal(() => tables.save(path))).code).toBe('CLOSED');
      expect(await readFile(path)).toEqual(bytes); // the old file is untouched
    });
  });
});
