import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EmbeddingTables } from '../../lib/embedding/index.ts';
import { readSafetensors, type TensorInput, writeSafetensors } from '../../lib/files/index.ts';
import { restoreHash, storeHash } from '../../lib/hashing/hash_function.ts';
import {
  checkHashFunction,
  type HashFunction,
  hashKinds,
  isWhole,
  mappingBytes,
  PRUNED,
  rowCount,
  rowOf,
  rowsOfAll,
} from '../../lib/hashing/index.ts';
import { hashOfKind, type Kind } from './arbitrary.ts';

const folder = join(tmpdir(), 'hash-kinds-');
let at = '';
beforeAll(() => {
  at = mkdtempSync(folder);
});
afterAll(() => rmSync(at, { recursive: true }));

/** Through JSON and back, as the metadata of a file goes. */
function throughMetadata(hash: HashFunction, cardinality: number, tensors: Record<string, TensorInput>): HashFunction {
  const stored = JSON.parse(JSON.stringify(storeHash(hash, 'hash', tensors)));
  return restoreHash(stored, cardinality, 'hash', tensors);
}

it('every kind has its tests here', () => {
  expect(Object.keys(hashOfKind)).toEqual(hashKinds.names);
});

describe.each(hashKinds.names)('kind %s', (name) => {
  const any = fc.integer({ min: 1, max: 300 }).chain((cardinality) =>
    hashOfKind[name as Kind](cardinality)
      .filter((hash) => rowCount(hash, cardinality) <= 70_000)
      .map((hash) => ({ hash, cardinality })),
  );

  it('says the same by definition, for all ids and in native code', () => {
    fc.assert(
      fc.property(any, ({ hash, cardinality }) => {
        checkHashFunction(hash, cardinality, 'a test');
        const rows = rowCount(hash, cardinality);
        using tables = new EmbeddingTables({
          features: [{ name: 'f', cardinality, dim: 1, hashes: [hash] }],
          threads: 1,
        });
        // Row r holds r + 1; an id without a row reads 0.
        tables.setWeights(
          'f',
          Float32Array.from({ length: rows }, (_, row) => row + 1),
        );
        const ids = Uint32Array.from({ length: cardinality }, (_, id) => id);
        const native = tables.lookup({ indices: ids, offsets: [...ids, cardinality] });
        const all = rowsOfAll(hash, cardinality);
        const defined = Int32Array.from(ids, (id) => rowOf(hash, id, cardinality));
        expect(defined.every((row) => row < rows && row >= PRUNED)).toBe(true);
        expect(all).toEqual(Uint32Array.from(defined)); // PRUNED is 0xffffffff
        expect(native).toEqual(Float32Array.from(defined, (row) => row + 1));
        if (isWhole(hash)) expect(new Set(all).size).toBe(cardinality);
        expect(tables.memory().mapping).toBe(mappingBytes(hash, cardinality));
      }),
      { numRuns: 30 },
    );
  });

  it('comes back from a file as it was, seeds as text', () => {
    fc.assert(
      fc.property(any, ({ hash, cardinality }) => {
        const tensors: Record<string, TensorInput> = {};
        const again = throughMetadata(hash, cardinality, tensors);
        checkHashFunction(again, cardinality, 'a test');
        expect(Object.keys(again)).toEqual(Object.keys(hash));
        expect(rowsOfAll(again, cardinality)).toEqual(rowsOfAll(hash, cardinality));
        // Stored once more it is the same, to the byte: nothing was lost that the rows do not show.
        const once: Record<string, TensorInput> = {};
        expect(JSON.stringify(storeHash(again, 'hash', once))).toBe(JSON.stringify(storeHash(hash, 'hash', {})));
        expect(once).toEqual(tensors);
        if (name === 'table') expect(tensors.hash!.data.byteLength).toBe(mappingBytes(hash, cardinality));
      }),
      { numRuns: 30 },
    );
  });

  it('comes back through safetensors', async () => {
    const [{ hash, cardinality }] = fc.sample(any, { numRuns: 1, seed: 5 }) as [
      { hash: HashFunction; cardinality: number },
    ];
    const tensors: Record<string, TensorInput> = {};
    const stored = storeHash(hash, 'hash', tensors);
    const path = join(at, `${name}.safetensors`);
    await writeSafetensors(
      path,
      { ...tensors, other: { shape: [1], data: Uint8Array.of(1) } },
      { hash: JSON.stringify(stored) },
    );
    const file = await readSafetensors(path);
    const again = restoreHash(JSON.parse(file.metadata.hash!), cardinality, 'hash', file.tensors);
    expect(rowsOfAll(again, cardinality)).toEqual(rowsOfAll(hash, cardinality));
  });
});

it('a stored kind that this program does not know is an error that names the nearest', () => {
  expect(() => restoreHash({ kind: 'modul', rows: 3 }, 10, 'hash', {})).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('Did you mean "modulo"?') }),
  );
});

it.each([
  ['table', { kind: 'table', rows: 3 }, 'tensor hash is missing'],
  ['mixed', { kind: 'mixed', rows: 3 }, 'BigInt'],
])('a stored %s without one of its parts is an error', (_, stored, message) => {
  expect(() => restoreHash(stored, 10, 'hash', {})).toThrow(message);
});
