/** What ids mean: made by openDataset, compared, kept in files, and used to number other data. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openDataset } from '../../lib/data/dataset.ts';
import { datasetFromArrays } from '../../lib/data/memory.ts';
import { checkSameVocabulary, vocabularyDifference } from '../../lib/data/same_vocabulary.ts';
import { restoreVocabulary, storeVocabulary } from '../../lib/data/stored_vocabulary.ts';
import { syntheticDataset } from '../../lib/data/synthetic.ts';
import { TextBuilder } from '../../lib/data/value_texts.ts';
import { Vocabulary, type VocabularyFeature } from '../../lib/data/vocabulary.ts';
import { readSafetensors, type TensorInput, writeSafetensors } from '../../lib/files/index.ts';
import { failure, smallConfig, smallCsv, temporaryFolder } from './files.ts';

const { folder, write } = temporaryFolder();

const sides = { model: 'the model', data: 'the data' };

function feature(name: string, values: (string | null)[], more: Partial<VocabularyFeature> = {}): VocabularyFeature {
  const builder = new TextBuilder(values.length);
  for (const value of values) builder.append(value);
  const outOfVocabulary = values.length;
  return {
    name,
    cardinality: values.length + 1,
    list: false,
    outOfVocabulary,
    sql: name,
    type: 'VARCHAR',
    values: builder.finish(),
    ...more,
  };
}

const plain = new Vocabulary({
  features: [feature('user', ['a', 'b', null, 'd']), feature('movie', ['', 'm'])],
  dense: [{ name: 'age', sql: 'age / 50' }],
  unseen: 'row',
});

function changed(more: Partial<Vocabulary>): Vocabulary {
  const { features, dense, unseen } = plain;
  return new Vocabulary({ features, dense, unseen, ...more });
}

describe('of opened data', () => {
  test('holds names, SQL, types and the values by id; splits have the same one', async () => {
    const data = await openDataset({
      query: "SELECT t, CASE WHEN t % 2 = 0 THEN 'x' END AS a, t % 3 = 0 AS b, [t % 5] AS l FROM range(60) r(t)",
      label: 't % 2 = 0',
      features: ['a', { name: 'is third', expr: ' b ' }, 'l'],
      dense: ['t', { name: 'half', expr: 't / 2' }],
      splits: { teacher: 't < 20', student: 't >= 20 and t < 40', evaluation: 't >= 40' },
      idOrder: 'appearance',
    });
    const { vocabulary } = data;
    expect(vocabulary.features.map(({ values, ...rest }) => ({ ...rest, values: values!.length }))).toEqual([
      { name: 'a', cardinality: 3, list: false, outOfVocabulary: 2, sql: '"a"', type: 'VARCHAR', values: 2 },
      { name: 'is third', cardinality: 3, list: false, outOfVocabulary: 2, sql: 'b', type: 'BOOLEAN', values: 2 },
      { name: 'l', cardinality: 6, list: true, outOfVocabulary: 5, sql: '"l"', type: 'BIGINT', values: 5 },
    ]);
    expect([0, 1, 2].map((id) => vocabulary.text(0, id))).toEqual(['x', null, null]);
    expect(vocabulary.features[0]!.values!.nullAt).toBe(1);
    expect([0, 1].map((id) => vocabulary.text(1, id))).toEqual(['true', 'false']);
    expect([0, 1, 2, 3, 4].map((id) => vocabulary.text(2, id))).toEqual(['0', '1', '2', '3', '4']);
    expect(vocabulary.text(2, 7)).toBeNull(); // no such id
    for (const [feature, id] of [
      [2, -1],
      [7, 0],
    ] as const) {
      expect(() => vocabulary.text(feature, id)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
    expect(vocabulary.dense).toEqual([
      { name: 't', sql: 't' },
      { name: 'half', sql: 't / 2' },
    ]);
    expect(vocabulary.unseen).toBe('row');
    for (const name of data.splits) expect(data.split(name).vocabulary).toBe(vocabulary);
  });

  test('values that differ in a byte order mark or an invisible character stay apart', async () => {
    const data = await openDataset({
      query: "SELECT t, ['a', chr(65279) || 'a', 'a' || chr(0), '', chr(65279)][1 + t % 5] AS v FROM range(60) r(t)",
      label: 't % 2',
      features: ['v'],
      splits: { teacher: 't < 20', student: 't >= 20 and t < 40', evaluation: 't >= 40' },
      idOrder: 'appearance',
    });
    const texts = [0, 1, 2, 3, 4].map((id) => data.text(0, id));
    expect(texts).toEqual(['a', '\ufeffa', 'a\0', '', '\ufeff']);
  });

  test('of arrays it says what is known: names, ids, lists, dense columns', () => {
    const { vocabulary } = syntheticDataset({ rows: 200 }).data;
    expect(vocabulary.features.map(({ name, values, sql }) => [name, values, sql])).toEqual([
      ['f0', undefined, undefined],
      ['f1', undefined, undefined],
      ['f2', undefined, undefined],
    ]);
    expect(vocabulary.dense).toEqual([{ name: 'x0' }]);
    const arrays = {
      features: [{ name: 'user', cardinality: 5, outOfVocabulary: 4 }],
      splits: { student: { labels: Float32Array.of(0), features: [{ ids: Uint32Array.of(3) }] } },
    };
    const vocabulary2 = new Vocabulary({ features: [plain.features[0]!], dense: [] });
    const data = datasetFromArrays({ ...arrays, vocabulary: vocabulary2 });
    expect(data.text(0, 3)).toBe('d');
    expect(() => datasetFromArrays({ ...arrays, vocabulary: plain })).toThrow(/feature "movie" is in the vocabulary/);
  });
});

describe('the fingerprint', () => {
  test('is that of everything known, and the same again', () => {
    const others = [
      changed({ features: [feature('user', ['a', 'b', null, 'e']), plain.features[1]!] }),
      changed({ features: [feature('user', ['b', 'a', null, 'd']), plain.features[1]!] }),
      changed({ features: [feature('user', ['a', 'b', '', 'd']), plain.features[1]!] }),
      changed({ features: [feature('user', ['ab', '', null, 'd']), plain.features[1]!] }),
      changed({ features: [feature('usr', ['a', 'b', null, 'd']), plain.features[1]!] }),
      changed({ features: [{ ...plain.features[0]!, sql: 'upper(user)' }, plain.features[1]!] }),
      changed({ features: [{ ...plain.features[0]!, list: true }, plain.features[1]!] }),
      changed({ features: [{ ...plain.features[0]!, type: 'BLOB' }, plain.features[1]!] }),
      changed({ features: [{ ...plain.features[0]!, values: undefined }, plain.features[1]!] }),
      changed({ features: [...plain.features].reverse() }),
      changed({ dense: [{ name: 'age', sql: 'age / 5' }] }),
      changed({ dense: [{ name: 'years', sql: 'age / 50' }] }),
      changed({ dense: [] }),
      changed({ unseen: 'hash' }),
    ];
    const prints = [plain, ...others].map(({ fingerprint }) => fingerprint);
    expect(new Set(prints).size).toBe(prints.length);
    expect(changed({}).fingerprint).toBe(plain.fingerprint);
    expect(plain.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  test('a vocabulary kept in a file is the same; one that was changed there is refused', async () => {
    const tensors: Record<string, TensorInput> = {};
    const vocabulary = storeVocabulary(plain, tensors);
    const path = join(folder, 'vocabulary.safetensors');
    await writeSafetensors(path, tensors, { vocabulary });
    const file = await readSafetensors(path);
    const again = restoreVocabulary(file.metadata.vocabulary, file.tensors);
    expect(again.fingerprint).toBe(plain.fingerprint);
    expect(vocabularyDifference(plain, again, sides)).toBeUndefined();
    expect([0, 1, 2, 3].map((id) => again.text(0, id))).toEqual(['a', 'b', null, 'd']);
    const bytes = file.tensors['vocabulary.feature0.text0']!.data as Uint8Array;
    bytes[0]! ^= 1;
    expect(() => restoreVocabulary(vocabulary, file.tensors)).toThrow(/fingerprint/);
    expect(() => restoreVocabulary(vocabulary, {})).toThrow(/missing/);
    expect(() => restoreVocabulary(undefined, file.tensors)).toThrow(/missing/);
  });

  test('any values survive a file', () => {
    const values = fc.uniqueArray(fc.oneof(fc.constant(null), fc.string({ unit: 'binary' })), { minLength: 1 });
    fc.assert(
      fc.property(values, (list) => {
        const vocabulary = new Vocabulary({ features: [feature('f', list)] });
        const tensors: Record<string, TensorInput> = {};
        const again = restoreVocabulary(storeVocabulary(vocabulary, tensors), tensors);
        expect(list.map((_, id) => again.text(0, id))).toEqual(list);
      }),
    );
  });
});

describe('the first difference', () => {
  const [user, movie] = plain.features as [VocabularyFeature, VocabularyFeature];
  const cases: [string, Partial<Vocabulary>, string][] = [
    [
      'order',
      { features: [movie, user] },
      'feature 0 is "user" in the model and "movie" in the data, the same features in another order',
    ],
    [
      'a name',
      { features: [user, { ...movie, name: 'film' }] },
      'feature 1 is "movie" in the model and "film" in the data',
    ],
    ['a feature less', { features: [user] }, 'feature "movie" is in the model and not in the data'],
    [
      'a feature more',
      { features: [user, movie, feature('x', [])] },
      'feature "x" is in the data and not in the model',
    ],
    [
      'lists',
      { features: [{ ...user, list: true }, movie] },
      'feature "user": rows hold single values in the model and lists in the data',
    ],
    [
      'more ids',
      { features: [user, feature('movie', ['', 'm', 'n'])] },
      'feature "movie": there are 3 ids in the model and 4 in the data',
    ],
    [
      'no id for unseen values',
      { features: [user, feature('movie', ['', 'm', 'n'], { cardinality: 3, outOfVocabulary: null })] },
      'feature "movie": values that are not in the vocabulary have id 2 in the model and no id in the data',
    ],
    [
      'a value',
      { features: [feature('user', ['a', 'b', null, 'D']), movie] },
      'feature "user": id 3 is "d" in the model and "D" in the data',
    ],
    [
      'NULL is not the empty text',
      { features: [feature('user', ['a', 'b', '', 'd']), movie] },
      'feature "user": id 2 is NULL in the model and "" in the data',
    ],
    [
      'SQL',
      { features: [user, { ...movie, sql: 'lower(movie)' }] },
      'feature "movie": the SQL is movie in the model and lower(movie) in the data',
    ],
    ['no dense columns', { dense: [] }, 'there are dense columns "age" in the model and no dense columns in the data'],
    [
      'another dense column',
      { dense: [{ name: 'height', sql: 'age / 50' }] },
      'there are dense columns "age" in the model and dense columns "height" in the data',
    ],
    [
      'the SQL of a dense column',
      { dense: [{ name: 'age', sql: 'age' }] },
      'dense column "age": the SQL is age / 50 in the model and age in the data',
    ],
  ];
  test.each(cases)('%s', async (_, more, difference) => {
    expect(vocabularyDifference(plain, changed(more), sides)).toBe(difference);
    const error = await failure('VOCABULARY_MISMATCH', () => checkSameVocabulary(plain, changed(more), sides));
    expect(error.message).toContain(difference);
    expect(error.message).toContain('openDataset({ ..., vocabulary })');
  });

  test('is looked for in what both sides know', () => {
    const names = new Vocabulary({ features: plain.features.map(({ name, cardinality }) => ({ name, cardinality })) });
    expect(vocabularyDifference(names, plain, sides)).toBeUndefined();
    expect(vocabularyDifference(plain, names, sides)).toBeUndefined();
    const quoted = plain.features.map((one) => ({ ...one, sql: `"${one.name.toUpperCase()}"` }));
    expect(vocabularyDifference(plain, changed({ features: quoted, unseen: 'error' }), sides)).toBeUndefined();
    const shorter = new Vocabulary({
      features: [
        { name: 'user', cardinality: 4 },
        { name: 'movie', cardinality: 3 },
      ],
    });
    expect(vocabularyDifference(plain, shorter, sides)).toMatch(/5 ids in the model and 4/);
  });

  test('a long value is cut in the message', () => {
    const long = changed({ features: [feature('user', ['a', 'b', null, 'x'.repeat(1e6)]), movie] });
    expect(vocabularyDifference(plain, long, sides)!.length).toBeLessThan(300);
  });
});

describe('the time zone', () => {
  const hours = (timezone?: string) => ({
    query: "SELECT TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_hours(t::BIGINT) AS ts, t FROM range(96) r(t)",
    label: 't % 2',
    features: [{ name: 'hour', expr: 'hour(ts)' }],
    ...(timezone === undefined ? {} : { timezone }),
  });
  const splits = { teacher: 't < 30', student: 't >= 30 and t < 70', evaluation: 't >= 70' };

  test('is of the vocabulary: an hour of another zone is another value', async () => {
    const tokyo = await openDataset({ ...hours('Asia/Tokyo'), splits });
    const utc = await openDataset({ ...hours(), splits });
    expect(vocabularyDifference(tokyo.vocabulary, utc.vocabulary, { model: 'a', data: 'b' })).toMatch(/id 0 is/);
    const sameValues = new Vocabulary({ ...tokyo.vocabulary, timezone: 'UTC' });
    expect(vocabularyDifference(tokyo.vocabulary, sameValues, { model: 'a', data: 'b' })).toBe(
      'times are of the zone Asia/Tokyo in a and of the zone UTC in b',
    );
    expect(sameValues.fingerprint).not.toBe(tokyo.vocabulary.fingerprint);
  });

  test('is taken with the vocabulary, and another one is refused', async () => {
    const { vocabulary } = await openDataset({ ...hours('Asia/Tokyo'), splits });
    const { features: _, ...rest } = hours();
    const later = await openDataset({ ...rest, splits: { evaluation: 't = 0' }, vocabulary });
    expect(later.text(0, later.split('evaluation').ids(0).ids[0]!)).toBe('9'); // midnight UTC
    const { message } = await failure('INVALID_CONFIG', () =>
      openDataset({ ...rest, timezone: 'UTC', splits: { evaluation: 't = 0' }, vocabulary }),
    );
    expect(message).toMatch(/timezone "Asia\/Tokyo".*received "UTC"/);
  });
});

describe('values that are all unknown', () => {
  test('are told by a warning that shows how they are written', async () => {
    const splits = { teacher: 't < 3', student: 't >= 3 and t < 24', evaluation: 't >= 24' };
    const query = (id: string) => `SELECT ${id} AS item, t FROM range(30) r(t)`;
    const one = await openDataset({ query: query("'i' || t % 5"), label: 't % 2', features: ['item'], splits });
    const warnings: Error[] = [];
    const listen = (warning: Error) => warnings.push(warning);
    process.on('warning', listen);
    const { vocabulary } = one;
    for (const id of ["'i' || t % 7", "'I' || t % 5"]) {
      await openDataset({ query: query(id), label: 't % 2', splits: { evaluation: 'true' }, vocabulary });
    }
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);
    const told = warnings.filter((warning) => (warning as { code?: string }).code === 'COLLIDE_UNKNOWN_VALUES');
    expect(told.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^No value of feature "item" .* the data have "I\d".* the vocabulary "i0"/),
    ]);
  });
});

describe('numbering other data', () => {
  const config = smallConfig('');
  const { features: _, ...bare } = config;

  test('gives every value the id it has there, whatever the rows, their order and frequencies', async () => {
    const row = fc.record({
      user: fc.constantFrom('a', 'b', 'c', 'd', '', 'ä,"ö"\n', 'new', 'newer'),
      bag: fc.array(fc.constantFrom('p', 'q', 'r', 'fresh'), { maxLength: 3 }),
      label: fc.boolean(),
    });
    const known = ['a', 'b', 'c', 'ä,"ö"\n', 'd'];
    const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
    const lines = (rows: { user: string; bag: string[]; label: boolean; t: number }[]) =>
      `t,user,bag,label\n${rows.map((r) => `${r.t},${quote(r.user)},${quote(r.bag.join('|'))},${r.label}`).join('\n')}\n`;
    const trained = Array.from({ length: 90 }, (_, t) => ({
      t,
      user: t === 7 ? '' : known[t % 5]!,
      bag: t % 3 === 0 ? ['p'] : ['q', 'r', 'p'],
      label: t % 2 === 0,
    }));
    const one = await openDataset({
      ...bare,
      source: write('trained.csv', lines(trained)),
      features: ['user', { name: 'bag', expr: "string_split(bag, '|')" }],
    });
    const idOf = (f: number, text: string | null) => {
      const { values, cardinality } = one.vocabulary.features[f]!;
      for (let id = 0; id < values!.length; id++) {
        if (one.vocabulary.text(f, id) === text && (text !== null || values!.nullAt === id)) return id;
      }
      return cardinality - 1;
    };
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
        const source = write(`next${run++}.csv`, lines(rows.map((r, t) => ({ ...r, t }))));
        const { vocabulary } = one;
        const next = await openDataset({
          source,
          label: 'label',
          splits: { evaluation: 'true' },
          order: 't',
          vocabulary,
        });
        expect(next.splits).toEqual(['evaluation']);
        expect(next.vocabulary).toBe(vocabulary);
        expect(next.features).toEqual(one.features);
        const split = next.split('evaluation');
        expect([...split.ids(0).ids]).toEqual(rows.map(({ user }) => idOf(0, user === '' ? null : user)));
        expect([...split.ids(1).ids]).toEqual(rows.flatMap(({ bag }) => bag.map((item) => idOf(1, item))));
        const fresh = rows.filter(({ user }) => user.startsWith('new')).length;
        expect(split.unseen(0)).toBe(fresh);
      }),
      { numRuns: 10 },
    );
  });

  test('the same config and file give the same data, all splits included', async () => {
    const source = write('same.csv', smallCsv(100));
    const one = await openDataset({ ...config, source, idOrder: 'appearance', minCount: 2 });
    const two = await openDataset({ ...config, source, idOrder: 'frequency', minCount: 1, vocabulary: one.vocabulary });
    expect(two.splits).toEqual(one.splits);
    for (const name of one.splits) {
      const [a, b] = [one.split(name), two.split(name)];
      expect([...b.labels]).toEqual([...a.labels]);
      for (const f of [0, 1]) {
        expect([...b.ids(f).ids]).toEqual([...a.ids(f).ids]);
        expect(b.unseen(f)).toBe(a.unseen(f));
      }
    }
  });

  test('values that are not in it: the out-of-vocabulary row, the fixed hash, or an error', async () => {
    const source = write('policy.csv', smallCsv(100));
    const later = write(
      'later.csv',
      smallCsv(30, (t) => `${t},${t === 4 ? 'new' : `u${t % 12}`},i1,1`),
    );
    for (const unseen of ['row', 'hash', 'error'] as const) {
      const { vocabulary, features } = await openDataset({ ...config, source, unseen });
      const opened = openDataset({ source: later, label: 'label', splits: { evaluation: 'true' }, vocabulary });
      if (unseen === 'error') {
        const error = await failure('UNSEEN_ID', () => opened);
        expect(error.message).toContain('received new in row 5');
        continue;
      }
      const split = (await opened).split('evaluation');
      expect(split.unseen(0)).toBe(1);
      expect(split.ids(0).ids[4]! < features[0]!.cardinality).toBe(true);
      expect(split.ids(0).ids[4] === features[0]!.outOfVocabulary).toBe(unseen === 'row');
      const other = unseen === 'row' ? 'hash' : 'row';
      const wrong = {
        source: later,
        label: 'label',
        splits: { evaluation: 'true' },
        vocabulary,
        unseen: other,
      } as const;
      expect((await failure('INVALID_CONFIG', () => openDataset(wrong))).message).toContain(`unseen "${unseen}"`);
    }
  });

  test('whole numbers of any width and numbers read as text meet; fractions are compared as numbers', async () => {
    const open = (value: string, more = {}) =>
      openDataset({
        query: `SELECT t, ${value} AS v FROM range(60) r(t)`,
        label: 't % 2',
        features: ['v'],
        splits: { teacher: 't < 20', student: 't >= 20 and t < 40', evaluation: 't >= 40' },
        idOrder: 'appearance',
        ...more,
      });
    const idsBy = async (vocabulary: Vocabulary, value: string) =>
      (await open(value, { vocabulary })).split('teacher').ids(0).ids.slice(0, 5).join();
    const whole = (await open('t % 4')).vocabulary; // 0 .. 3 and 4 for others
    expect(await idsBy(whole, 'CAST(t % 5 AS UTINYINT)')).toBe('0,1,2,3,4');
    expect(await idsBy(whole, 'CAST(t % 5 AS VARCHAR)')).toBe('0,1,2,3,4');
    expect(await idsBy(whole, 'CAST(t % 5 AS DOUBLE)')).toBe('0,1,2,3,4');
    expect(await idsBy(whole, 'CAST(t % 5 AS DOUBLE) + 0.5')).toBe('4,4,4,4,4');
    expect(await idsBy(whole, "'0' || t")).toBe('4,4,4,4,4'); // 01 is not 1
    expect(await idsBy(whole, 'CAST(NULL AS VARCHAR)')).toBe('4,4,4,4,4');
    const fraction = (await open('CAST(t % 4 AS DOUBLE)')).vocabulary;
    expect(await idsBy(fraction, 't % 5')).toBe('0,1,2,3,4');
    expect(await idsBy(fraction, 'CAST(t % 5 AS DECIMAL(9, 3))')).toBe('0,1,2,3,4');
    const text = (await open("CASE WHEN t % 4 = 3 THEN 'x' ELSE CAST(t % 4 AS VARCHAR) END")).vocabulary;
    expect(await idsBy(text, 't % 4')).toBe('0,1,2,4,0');
    for (const value of ["DATE '2001-01-01'", 't % 2 = 0', 'CAST(t AS FLOAT)']) {
      const error = await failure('VOCABULARY_MISMATCH', () => idsBy(value.includes('FLOAT') ? fraction : text, value));
      expect(error.message).toMatch(
        /feature "v": the values are (VARCHAR|DOUBLE) in the vocabulary and (DATE|BOOLEAN|FLOAT)/,
      );
    }
  });

  test('names what is not the vocabulary of opened data, or not its features', async () => {
    const source = write('refused.csv', smallCsv(100));
    const { vocabulary } = await openDataset({ ...config, source });
    const bad = (more: object) => openDataset({ ...config, source, vocabulary, ...more } as never);
    for (const [wrong, received] of [
      [undefined, 'received undefined'],
      [{}, 'received an object of type Object'],
      [new Vocabulary({ features: [{ name: 'user', cardinality: 3 }] }), 'one without values'],
    ] as const) {
      const error = await failure('INVALID_ARGUMENT', () => bad({ vocabulary: wrong }));
      expect(error.message).toContain(received);
    }
    const swapped = await failure('VOCABULARY_MISMATCH', () => bad({ features: ['item', 'user'] }));
    expect(swapped.message).toContain('feature 0 is "user" in the vocabulary and "item" in the data');
    await failure('VOCABULARY_MISMATCH', () => bad({ features: ['user', { name: 'item', expr: 'upper(item)' }] }));
    await failure('VOCABULARY_MISMATCH', () => bad({ dense: ['t'] }));
    await failure('VOCABULARY_MISMATCH', () => bad({ features: ['user', { name: 'item', expr: '[item]' }] }));
    expect((await failure('INVALID_CONFIG', () => bad({ splits: {} }))).message).toContain('at least one split');
    await failure('EMPTY_SPLIT', () => bad({ splits: { evaluation: 't > 1000' } }));
    await failure('UNKNOWN_OPTION', () => openDataset({ ...config, source }, { vocabulary } as never));
  });
});
