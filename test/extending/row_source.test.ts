/** A row source of a program's own, added as CONTRIBUTING.md says: tables, students and files take it like the shipped ones. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  EmbeddingTables,
  type FeatureOptions,
  Hashing,
  type RowSource,
  rowSources,
  Student,
  trainStudent,
} from '../../lib/index.ts';
import { generator, uniform } from '../embedding/random_case.ts';
import { tinyData } from '../pipeline/tiny.ts';

/** A row is scale times the sum of a row that `group` neighbouring ids share and a row for the place in the group. */
const grouped: RowSource<{ kind: 'grouped'; group: number; scale?: number }> = {
  name: 'grouped',
  options: ['kind', 'group', 'scale'],
  describe({ group, scale = 1 }, { rows, dim, initScale, where }) {
    if (!(group >= 1)) throw new RangeError(`Expected a group for ${where}, received ${group}`);
    const init = { scale: initScale };
    return {
      tables: [
        { rows: Math.ceil(rows / group), width: dim, init },
        { part: 'place', rows: group, width: dim, init },
      ],
      numbers: { group, scale },
    };
  },
  makeRows([shared, place], rows, { group, scale }) {
    const values = shared!(rows.map((row) => Math.floor(row / group!)));
    return values.map(add(place!(rows.map((row) => row % group!)))).map((value) => scale! * value);
  },
  backward(_, rows, gradient, { group, scale }) {
    const values = gradient.map((value) => scale! * value);
    return [
      { rows: rows.map((row) => Math.floor(row / group!)), values },
      { rows: rows.map((row) => row % group!), values },
    ];
  },
};
const add = (other: Float32Array) => (value: number, i: number) => value + other[i]!;
rowSources.add(grouped);

const folder = mkdtempSync(join(tmpdir(), 'collide-source-'));
afterAll(() => rmSync(folder, { recursive: true }));

const word: FeatureOptions = { name: 'word', cardinality: 50, dim: 6, source: { kind: 'grouped', group: 7 } };

describe('a row source of a program', () => {
  it('learns what the same thing does that is written as hash functions', async () => {
    const hashes = [
      { kind: 'quotient', divisor: 7 },
      { kind: 'modulo', rows: 7 },
    ] as const;
    const optimizer = { kind: 'adagrad', learningRate: 0.1 } as const;
    using plain = new EmbeddingTables({ features: [{ ...word, source: undefined, hashes: [...hashes] }], optimizer });
    using tables = new EmbeddingTables({ features: [word], optimizer });
    expect(tables.internalTables.map(({ name }) => name)).toEqual(['word', 'word/place']);
    const random = generator(3);
    for (const t of [0, 1]) {
      const values = uniform(random, plain.weights('word', t).length);
      plain.setWeights('word', values, t);
      tables.setWeights('word', values, t);
    }
    const batch = {
      indices: Uint32Array.from({ length: 40 }, () => Math.floor(50 * random())),
      offsets: Uint32Array.from({ length: 11 }, (_, bag) => 4 * bag),
      weights: uniform(random, 40),
    };
    const close = (actual: Float32Array, expected: Float32Array) => {
      expect(actual.length).toBe(expected.length);
      for (const [i, x] of actual.entries()) expect(x).toBeCloseTo(expected[i]!, 5);
    };
    for (let step = 0; step < 2; step++) {
      const out = tables.forward(batch);
      close(out, plain.forward(batch));
      const gradient = uniform(random, out.length);
      for (const each of [tables, plain]) each.backward(gradient);
    }
    for (const t of [0, 1]) {
      close(tables.weights('word', t), plain.weights('word', t));
      close(tables.optimizerState('word', t), plain.optimizerState('word', t));
    }
    expect(tables.memory()).toMatchObject(plain.memory());

    const path = join(folder, 'tables.safetensors');
    await tables.save(path);
    using again = new EmbeddingTables({ features: [word], optimizer });
    await again.load(path);
    expect(again.checkpoint()).toEqual(tables.checkpoint());
    using other = new EmbeddingTables({ features: [{ ...word, source: { ...word.source!, scale: 2 } }], optimizer });
    await expect(other.load(path)).rejects.toThrow('another mapping');
  });

  it('makes the rows of a student; hashing and student come back from their files', async () => {
    const data = tinyData();
    const features = data.split('student').features.map(({ name, cardinality }) => ({
      name,
      cardinality,
      hashes: [{ kind: 'identity' as const }],
      combine: 'sum' as const,
      source: { kind: 'grouped', group: 5 },
    }));
    const manifest = { method: 'grouped', size: 0.2, minRows: 1, seed: 1 };
    const made = new Hashing(features, manifest, new Map(), { vocabulary: data.split('student').vocabulary });
    await made.save(join(folder, 'mapping.safetensors'));
    const hashing = await Hashing.load(join(folder, 'mapping.safetensors'));
    expect(hashing.features).toEqual(made.features);
    expect(hashing.fingerprint).toBe(made.fingerprint);
    const training = { hashing, dim: 4, learningRate: 0.1, epochs: 1, batchSize: 800, topHidden: [2] };
    using student = await trainStudent(data.split('student'), training); // two steps
    using full = await trainStudent(data.split('student'), { ...training, hashing: undefined });
    expect(student.memory().rows).toBeLessThan(full.memory().rows);
    await student.save(join(folder, 'student'));
    using again = await Student.load(join(folder, 'student'));
    const split = data.split('evaluation');
    expect(await again.predict(split)).toEqual(await student.predict(split));
  });

  it('is held to what it says', () => {
    const faulty = (name: string, change: Partial<RowSource>) => {
      rowSources.add({ ...(grouped as unknown as RowSource), name, ...change });
      const tables = new EmbeddingTables({ features: [{ ...word, source: { kind: name, group: 7 } }] });
      return {
        forward: () => tables.forward({ indices: [1, 9], offsets: [0, 2] }),
        backward: () => tables.backward(new Float32Array(6)),
        tables,
      };
    };
    expect(faulty('short', { makeRows: () => new Float32Array(3) }).forward).toThrow(
      'Expected 12 values for the rows of row source short, received 3',
    );
    expect(faulty('typeless', { makeRows: () => [] as never }).forward).toThrow('Expected a Float32Array');
    const beyond = faulty('beyond', { makeRows: ([shared]) => shared!(Uint32Array.of(8)) });
    expect(beyond.forward).toThrow('Expected rows below 8 for a table, received 8');
    const thrown = faulty('throwing', {
      makeRows() {
        throw new TypeError('of its own');
      },
    });
    expect(thrown.forward).toThrow('of its own');
    expect(thrown.backward).toThrow('Expected a successful training forward');
    for (const [name, gradients] of [
      ['none', undefined],
      ['one', [{ rows: Uint32Array.of(1), values: new Float32Array(6) }]],
      ['rowless', [{}, {}]],
      ['far', [1, 2].map(() => ({ rows: Uint32Array.of(8), values: new Float32Array(6) }))],
      ['narrow', [1, 2].map(() => ({ rows: Uint32Array.of(1), values: new Float32Array(5) }))],
      ['infinite', [1, 2].map(() => ({ rows: Uint32Array.of(1), values: new Float32Array(6).fill(Infinity) }))],
    ] as const) {
      const { forward, backward, tables } = faulty(name, { backward: () => gradients as never });
      forward();
      const before = tables.weights('word');
      expect(backward, name).toThrow(/^Expected /);
      expect(tables.weights('word')).toEqual(before);
      expect(tables.steps).toBe(0);
    }
    // Tables that are at work cannot be used, and one that is read later is closed.
    let late: (() => unknown) | undefined;
    const reentrant = faulty('reentrant', {
      makeRows([shared], rows) {
        late = () => shared!(rows);
        expect(() => reentrant.tables.close()).toThrow('while it works');
        expect(reentrant.forward).toThrow('while it works');
        return new Float32Array(6 * rows.length);
      },
    });
    reentrant.forward();
    reentrant.backward();
    expect(late).toThrow('Expected a table to be read only while its row source works');
    reentrant.tables.close();
    expect(() => rowSources.add(grouped)).toThrow('Expected a new name for a row source');
  });
});
