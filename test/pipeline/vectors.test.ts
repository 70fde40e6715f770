import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Engine, quoteText } from '../../lib/data/engine.ts';
import { readNpy, type TensorInput, writeNpy, writeSafetensors } from '../../lib/files/index.ts';
import { PRUNED } from '../../lib/hashing/index.ts';
import { loadVectors, Teacher, writeMapping } from '../../lib/index.ts';
import { temporaryFolder } from '../files/temporary.ts';

const root = temporaryFolder();
const at = (name: string) => join(root, name);

/** A parquet file of what a SELECT gives. */
async function parquet(name: string, sql: string): Promise<string> {
  const engine = await Engine.open();
  try {
    await engine.run(`COPY (${sql}) TO ${quoteText(at(name))} (FORMAT parquet)`);
  } finally {
    engine.close();
  }
  return at(name);
}

const vectors = Float32Array.of(0.5, -1, 2, 0.25, 3, 7);
const expected = { name: 'movie', cardinality: 3, rows: vectors, counts: Uint32Array.of(4, 0, 9) };
const table = (dtype: 'F16' | 'BF16', data: Uint16Array): Record<string, TensorInput> => ({
  vectors: { dtype, shape: [3, 2], data },
  counts: { shape: [3], data: Float64Array.of(4, 0, 9) },
});
const ROWS = `(VALUES (2, 9, [3.0, 7.0]), (0, 4, [0.5, -1.0]), (1, 0, [2.0, 0.25])) AS t(id, "count", vector)`;

describe('vectors made elsewhere', () => {
  it('npy, safetensors and parquet give the same teacher', async () => {
    await writeNpy(at('movie.npy'), vectors, [3, 2]);
    await writeNpy(at('counts.npy'), BigInt64Array.of(4n, 0n, 9n), [3]);
    await writeSafetensors(at('movie.safetensors'), {
      vectors: { shape: [3, 2], data: Float64Array.from(vectors) },
      counts: { shape: [3], data: Int32Array.of(4, 0, 9) },
    });
    await parquet('movie.parquet', `SELECT *, 'x' AS other FROM ${ROWS}`);
    for (const [file, options] of [
      ['movie.npy', { counts: at('counts.npy') }],
      ['movie.safetensors', {}],
      ['movie.parquet', {}],
    ] as const) {
      const teacher = await loadVectors(at(file), options);
      expect([teacher.dim, teacher.features]).toEqual([2, [expected]]);
      expect((await loadVectors(at(file), { ...options, feature: 'film' })).features[0]!.name).toBe('film');
    }
    const fixed = `SELECT id::USMALLINT AS id, "count"::UBIGINT AS "count", vector::FLOAT[2] AS vector FROM ${ROWS}`;
    expect((await loadVectors(await parquet('movie.pq', fixed))).features).toEqual([expected]);
  });

  it('half floats of both kinds', async () => {
    await writeSafetensors(
      at('movie.safetensors'),
      table('F16', Uint16Array.of(0x3800, 0xbc00, 0x4000, 0x3400, 0x4200, 0x4700)),
    );
    expect((await loadVectors(at('movie.safetensors'))).features).toEqual([expected]);
    await writeSafetensors(
      at('movie.safetensors'),
      table('BF16', Uint16Array.of(0x3f00, 0xbf80, 0x4000, 0x3e80, 0x4040, 0x40e0)),
    );
    expect((await loadVectors(at('movie.safetensors'))).features).toEqual([expected]);
    await writeSafetensors(
      at('movie.safetensors'),
      table('F16', Uint16Array.of(1, 0x8001, 0x3ff, 0x400, 0x7bff, 0x8000)),
    );
    const [{ rows }] = (await loadVectors(at('movie.safetensors'))).features as [typeof expected];
    expect([...rows]).toEqual([2 ** -24, -(2 ** -24), 1023 * 2 ** -24, 2 ** -14, 65_504, -0]);
  });

  it('counts of every type of whole numbers and both byte orders', async () => {
    const counted = Uint32Array.of(4, 0, 9);
    const arrays = [Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array];
    const types = [...arrays, BigUint64Array, BigInt64Array, Float32Array, Float64Array];
    await writeNpy(at('movie.npy'), vectors, [3, 2]);
    for (const type of types) {
      const values = [4, 0, 9].map((n) => (type.name.startsWith('Big') ? BigInt(n) : n));
      const data = new (type as typeof Uint8Array)(values as number[]);
      await writeNpy(at('seen.npy'), data, [3]);
      const little = await readFile(at('seen.npy'));
      const big = Buffer.from(little);
      big.write(big.toString('latin1').replace("'<", "'>"), 'latin1');
      const width = data.BYTES_PER_ELEMENT;
      for (let at = big.length - data.byteLength; at < big.length; at += width) big.subarray(at, at + width).reverse();
      for (const bytes of [little, big]) {
        await writeFile(at('seen.npy'), bytes);
        const { features } = await loadVectors(at('movie.npy'), { counts: at('seen.npy') });
        expect([type.name, features[0]!.counts]).toEqual([type.name, counted]);
      }
      const tensors = { vectors: { shape: [3, 2], data: vectors }, counts: { shape: [3], data } };
      await writeSafetensors(at('movie.safetensors'), tensors);
      expect((await loadVectors(at('movie.safetensors'))).features[0]!.counts).toEqual(counted);
    }
    await writeNpy(at('seen.npy'), BigUint64Array.of(1n, 2n ** 32n, 1n), [3]);
    await expect(loadVectors(at('movie.npy'), { counts: at('seen.npy') })).rejects.toMatchObject({
      code: 'FILE_FORMAT',
      message: expect.stringContaining('from 0 to 4294967295, whole numbers, received 4294967296 for id 1'),
    });
  });

  it('tensors of any type beside those that are wanted', async () => {
    await writeSafetensors(at('movie.safetensors'), {
      vectors: { shape: [3, 2], data: vectors },
      counts: { shape: [3], data: expected.counts },
      codes: { shape: [2], data: Int8Array.of(-1, 1) },
      users: { shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
    });
    expect((await loadVectors(at('movie.safetensors'))).features).toEqual([expected]);
  });

  it('several tables of one file, and a teacher of ours', async () => {
    const counts = { shape: [3], data: expected.counts };
    await writeSafetensors(at('two.safetensors'), {
      'b.vectors': { shape: [3, 2], data: vectors },
      'b.counts': counts,
      'a.vectors': { shape: [1, 2], data: vectors.slice(0, 2) },
      'a.counts': { shape: [1], data: Uint8Array.of(7) },
    });
    const teacher = await loadVectors(at('two.safetensors'));
    expect(teacher.features.map(({ name, cardinality }) => [name, cardinality])).toEqual([
      ['a', 1],
      ['b', 3],
    ]);
    await new Teacher(2, [expected]).save(at('ours.safetensors'));
    expect((await loadVectors(at('ours.safetensors'))).features).toEqual([expected]);
  });

  const shape = [3, 2];
  const counts = { shape: [3], data: Uint32Array.of(4, 0, 9) };
  it.each<[string, Record<string, TensorInput>]>([
    ['"vectors" and "counts"', { rows: { shape, data: vectors } }],
    ['received none', {}],
    ['a tensor "counts"', { vectors: { shape, data: vectors } }],
    ['a tensor "a.counts"', { 'a.vectors': { shape, data: vectors } }],
    ['[ids, dim], received [6]', { vectors: { shape: [6], data: vectors }, counts }],
    ['[ids, dim], received [0,2]', { vectors: { shape: [0, 2], data: new Float32Array(0) }, counts }],
    ['shape [2], one per vector', { vectors: { shape: [2, 3], data: vectors }, counts }],
    ['received I32', { vectors: { shape, data: new Int32Array(6) }, counts }],
    [
      'received NaN for id 1, dimension 1',
      { vectors: { shape, data: Float32Array.of(1, 2, 3, Number.NaN, 5, 6) }, counts },
    ],
    ['received Infinity for id 0', { vectors: { shape, data: Float64Array.of(1e39, 2, 3, 4, 5, 6) }, counts }],
    [
      'received -1 for id 2',
      { vectors: { shape, data: vectors }, counts: { shape: [3], data: Int32Array.of(1, 1, -1) } },
    ],
    [
      'received 0.5 for id 0',
      { vectors: { shape, data: vectors }, counts: { shape: [3], data: Float32Array.of(0.5, 1, 1) } },
    ],
    [
      'received 4294967296',
      { vectors: { shape, data: vectors }, counts: { shape: [3], data: Float64Array.of(2 ** 32, 1, 1) } },
    ],
    [
      'received BOOL',
      { vectors: { shape, data: vectors }, counts: { dtype: 'BOOL', shape: [3], data: Uint8Array.of(1, 1, 1) } },
    ],
    [
      'one width',
      {
        'a.vectors': { shape, data: vectors },
        'a.counts': counts,
        'b.vectors': { shape: [2, 3], data: vectors },
        'b.counts': { shape: [2], data: Uint8Array.of(1, 2) },
      },
    ],
  ])('refuses safetensors: %s', async (message, tensors) => {
    await writeSafetensors(at('bad.safetensors'), tensors);
    await expect(loadVectors(at('bad.safetensors'))).rejects.toMatchObject({
      code: 'FILE_FORMAT',
      message: expect.stringContaining(message),
    });
  });

  it.each([
    ['a column "vector" of lists of numbers, received the columns id, count', 'SELECT 0 AS id, 1 AS "count"'],
    ['a column "id" of whole numbers, received VARCHAR', `SELECT 'a' AS id, 1 AS "count", [1.0] AS vector`],
    ['a column "count" of whole numbers, received DOUBLE', `SELECT 0 AS id, 1::DOUBLE AS "count", [1.0] AS vector`],
    ['a column "vector" of lists of numbers, received VARCHAR', `SELECT 0 AS id, 1 AS "count", '1' AS vector`],
    ['at least one row', `SELECT * FROM ${ROWS} WHERE id > 5`],
    ['ids 0 to 1, each once', `SELECT * FROM ${ROWS} WHERE id > 0`],
    ['ids 0 to 3, each once', `SELECT * FROM ${ROWS} UNION ALL SELECT * FROM ${ROWS} WHERE id = 0`],
    ['counts from 0, received -9', `SELECT id, -"count" AS "count", vector FROM ${ROWS}`],
    ['received NULL', `SELECT id, CASE WHEN id > 0 THEN "count" END AS "count", vector FROM ${ROWS}`],
    ['received NULL', `SELECT id, "count", CASE WHEN id > 0 THEN vector ELSE [1.0, NULL] END AS vector FROM ${ROWS}`],
    ['lengths from 1 to 2', `SELECT id, "count", CASE WHEN id > 0 THEN vector ELSE [1.0] END AS vector FROM ${ROWS}`],
    ['lengths from 0 to 0', `SELECT id, "count", CAST([] AS FLOAT[]) AS vector FROM ${ROWS}`],
    ['received NaN for id 0', `SELECT id, "count", ['nan'::FLOAT, 1] AS vector FROM ${ROWS}`],
    ['received 5000000000', `SELECT id, 5000000000 AS "count", vector FROM ${ROWS}`],
  ])('refuses parquet: %s', async (message, sql) => {
    await parquet('bad.parquet', sql);
    await expect(loadVectors(at('bad.parquet'))).rejects.toMatchObject({
      code: 'FILE_FORMAT',
      message: expect.stringContaining(message),
    });
  });

  it('refuses other files and useless options', async () => {
    await writeFile(at('text.parquet'), 'id,count\n');
    await writeFile(at('text.npy'), 'id,count\n');
    await writeNpy(at('movie.npy'), vectors, [3, 2]);
    const own = await parquet('movie.parquet', `SELECT * FROM ${ROWS}`);
    for (const [code, path, options] of [
      ['FILE_FORMAT', at('text.parquet'), {}],
      ['FILE_FORMAT', at('text.npy'), { counts: at('movie.npy') }],
      ['FILE_IO', at('none.parquet'), {}],
      ['FILE_IO', at('none.safetensors'), {}],
      ['INVALID_ARGUMENT', at('movie.csv'), {}],
      ['INVALID_ARGUMENT', at('movie.npy'), {}],
      ['INVALID_ARGUMENT', own, { counts: at('movie.npy') }],
      ['INVALID_ARGUMENT', at('two.safetensors'), { feature: 'a' }],
      ['UNKNOWN_OPTION', own, { count: 'x' }],
      ['ABORTED', own, { signal: AbortSignal.abort() }],
    ] as const) {
      await expect(loadVectors(path, options as object)).rejects.toMatchObject({ name: 'CollideError', code });
    }
  });
});

describe('mappings for other programs', () => {
  const entries = Int32Array.from({ length: 5000 }, (_, id) => (id === 7 ? PRUNED : id % 70));
  const feature = {
    name: 'a',
    cardinality: 5000,
    hashes: [{ kind: 'table' as const, rows: 70, entries }],
    combine: 'sum' as const,
  };

  it('csv, npy and parquet hold the row of every id', async () => {
    await writeMapping(at('a.csv'), feature);
    await writeMapping(at('a.npy'), feature);
    await writeMapping(at('a.parquet'), feature);
    expect(await readNpy(at('a.npy'))).toEqual({ dtype: 'I32', shape: [5000], data: entries });
    const engine = await Engine.open();
    try {
      for (const file of ['a.csv', 'a.parquet']) {
        const rows = await engine.rows(`SELECT id, "row" FROM ${quoteText(at(file))}`);
        expect(rows.map(({ id }) => Number(id))).toEqual(Array.from(entries.keys()));
        expect(rows.map(({ row }) => Number(row))).toEqual([...entries]);
      }
    } finally {
      engine.close();
    }
  });

  it('another ending or folder is an error', async () => {
    await expect(writeMapping(at('a.txt'), feature)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(writeMapping(at('none/a.parquet'), feature)).rejects.toMatchObject({ code: 'FILE_IO' });
  });
});
