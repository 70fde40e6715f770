// A kind of hash function that a program adds: CONTRIBUTING.md shows the same code.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkHashFunction, mappingBytes, nativeHash, rowOf, rowsOfAll } from '../../lib/hashing/index.ts';
import { EmbeddingTables, type HashFunction, Hashing, type HashKind, hashKinds, Recommender } from '../../lib/index.ts';

// The example begins.
/** row = (cardinality - 1 - id) % rows: modulo, counted from the last id. */
interface ReversedModuloHash {
  kind: 'reversed-modulo';
  rows: number;
}

declare module '../../lib/index.ts' {
  interface OwnHashFunctions {
    'reversed-modulo': ReversedModuloHash;
  }
}

const tableOf = ({ rows }: ReversedModuloHash, cardinality: number): HashFunction => ({
  kind: 'table',
  rows,
  entries: Uint32Array.from({ length: cardinality }, (_, id) => (cardinality - 1 - id) % rows),
});

const reversedModulo: HashKind<ReversedModuloHash> = {
  name: 'reversed-modulo',
  keys: ['kind', 'rows'],
  check({ rows }, _, where) {
    checkHashFunction({ kind: 'modulo', rows }, 1, where); // 1 to 2^32 - 1 rows
  },
  rowCount: ({ rows }) => rows,
  rowOf: ({ rows }, id, cardinality) => (cardinality - 1 - id) % rows,
  // Native code has no header for it: it reads a table of the rows, which counts.
  nativeForm: (hash, cardinality) => nativeHash(tableOf(hash, cardinality), cardinality),
  mappingBytes: (hash, cardinality) => mappingBytes(tableOf(hash, cardinality), cardinality),
};
// The example ends.

const hash: HashFunction = { kind: 'reversed-modulo', rows: 4 };
const CARDINALITY = 10;
let folder = '';
beforeAll(() => {
  hashKinds.add(reversedModulo);
  folder = mkdtempSync(join(tmpdir(), 'own-kind-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const twoSteps = (train: (step: number) => void) => {
  for (let step = 0; step < 2; step++) train(step);
};
const ids = Uint32Array.from({ length: CARDINALITY }, (_, id) => id);
const offsets = Uint32Array.from({ length: CARDINALITY + 1 }, (_, bag) => bag);

it('is checked, counted and computed like the others', () => {
  expect(hashKinds.names.at(-1)).toBe('reversed-modulo');
  expect([...rowsOfAll(hash, CARDINALITY)]).toEqual([1, 0, 3, 2, 1, 0, 3, 2, 1, 0]);
  expect(rowOf(hash, 9, CARDINALITY)).toBe(0);
  expect(mappingBytes(hash, CARDINALITY)).toBe(CARDINALITY);
  const wrong = (given: object) => () => checkHashFunction(given as HashFunction, CARDINALITY, 'hashes[0]');
  expect(wrong({ kind: 'reversed-modulo', rows: 0 })).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('rows of hashes[0]') }),
  );
  expect(wrong({ kind: 'reversed-modulo', row: 3, rows: 3 })).toThrow(
    expect.objectContaining({ code: 'UNKNOWN_OPTION' }),
  );
  expect(wrong({ kind: 'reversed-modula', rows: 3 })).toThrow('Did you mean "reversed-modulo"?');
});

it('trains embedding tables: two steps as under a table of its rows', () => {
  const trained = (one: HashFunction) => {
    using tables = new EmbeddingTables({
      features: [{ name: 'movie', cardinality: CARDINALITY, dim: 3, hashes: [one] }],
    });
    twoSteps((step) => {
      const pooled = tables.forward({ indices: ids, offsets });
      tables.backward(pooled.map((value, i) => value - (i % 5) / (step + 2)));
    });
    expect(tables.memory().mapping).toBe(CARDINALITY);
    return tables.weights('movie');
  };
  const weights = trained(hash);
  expect(weights).toEqual(trained({ kind: 'table', rows: 4, entries: rowsOfAll(hash, CARDINALITY) }));
  expect(weights.length).toBe(4 * 3);
});

it('trains a model: two steps', () => {
  const trained = (one: HashFunction) => {
    using model = new Recommender({
      features: [
        { name: 'movie', cardinality: CARDINALITY, hashes: [one] },
        { name: 'user', cardinality: CARDINALITY },
      ],
      dense: 0,
      dim: 4,
      topHidden: [4],
    });
    const batch = {
      size: CARDINALITY,
      indices: Uint32Array.from([...ids, ...ids]),
      offsets: Uint32Array.from({ length: 2 * CARDINALITY + 1 }, (_, bag) => bag),
      dense: new Float32Array(0),
      labels: Float32Array.from(ids, (id) => id % 2),
    };
    const losses: number[] = [];
    twoSteps(() => losses.push(model.step(batch)));
    return losses;
  };
  const losses = trained(hash);
  expect(losses).toEqual(trained({ kind: 'table', rows: 4, entries: rowsOfAll(hash, CARDINALITY) }));
  expect(losses[1]).not.toBe(losses[0]);
});

it('a hashing with it is saved and loaded', async () => {
  const features = [{ name: 'movie', cardinality: CARDINALITY, hashes: [hash], combine: 'sum' as const }];
  const hashing = new Hashing(features, { method: 'by hand', size: 0.4, minRows: 1, seed: 0 });
  const path = join(folder, 'mapping.safetensors');
  await hashing.save(path);
  const again = await Hashing.load(path);
  expect(again.features[0]!.hashes).toEqual([hash]);
  expect(again.fingerprint).toBe(hashing.fingerprint);
  expect([again.rows(), again.mappingBytes()]).toEqual([4, CARDINALITY]);
});

it('is the example of CONTRIBUTING.md', () => {
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  const [, example] = source.split(/^\/\/ The example (?:begins|ends)\.\n/m);
  const guide = readFileSync(new URL('../../CONTRIBUTING.md', import.meta.url), 'utf8');
  expect(guide).toContain(example!.replace('../../lib/index.ts', 'learn-to-collide'));
});
