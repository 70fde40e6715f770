import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from 'vitest';
import type { DataConfigInput } from '../../lib/data/config.ts';
import { openDataset } from '../../lib/data/dataset.ts';
import type { CollideErrorCode } from '../../lib/errors.ts';
import { failure, smallConfig, smallCsv, smallLine, temporaryFolder } from './files.ts';

const { folder, write } = temporaryFolder();

async function refused(code: CollideErrorCode, config: DataConfigInput): Promise<string> {
  return (await failure(code, () => openDataset(config))).message;
}

describe('sources', () => {
  test.each([
    ['few', (t: number) => (t === 5 ? '5,u1' : smallLine(t)), /CSV Error on Line: 7: .*Found: 2 .*5,u1/],
    ['many', (t: number) => (t === 0 ? '0,u1,i1,1,9,9' : smallLine(t)), /CSV Error on Line: 2: .*Found: 5/],
    ['quote', (t: number) => (t === 60 ? '60,"u1,i1,0' : smallLine(t)), /CSV Error on Line: 62: .*quote.*60,"u1,i1,0/],
  ])('a csv with a broken line (%s) names the file and the line, wherever it is', async (name, line, message) => {
    const path = write(`${name}.csv`, smallCsv(100, line));
    const text = await refused('DATA_SOURCE', smallConfig(path));
    expect(text).toMatch(message);
    expect(text).toContain(`${name}.csv`);
  });

  test('a csv with a broken line far behind what is sniffed, and a value of another type there', async () => {
    const long = (line: (t: number) => string): string => smallCsv(30_000, line);
    const broken = write(
      'late.csv',
      long((t) => (t === 29_000 ? '29000' : smallLine(t))),
    );
    expect(await refused('DATA_SOURCE', smallConfig(broken))).toMatch(/Line: 29002: /);
    const mixed = write(
      'mixed.csv',
      long((t) => (t === 29_000 ? `x${smallLine(t)}` : smallLine(t))),
    );
    expect(await refused('DATA_SQL', smallConfig(mixed))).toMatch(
      /data\.splits\.teacher: .*not a number like most others: "x29000" in line 29002 of .*mixed\.csv/,
    );
  });

  test('a gzip file that was cut off, also behind its last line, or damaged', async () => {
    const whole = gzipSync(smallCsv(5000));
    const message = /gzip file .* is damaged or cut off/;
    for (const length of [whole.length >> 1, whole.length - 3]) {
      const path = write(`cut${length}.csv.gz`, whole.subarray(0, length));
      expect(await refused('DATA_SOURCE', smallConfig(path))).toMatch(message);
    }
    const damaged = Uint8Array.from(whole);
    damaged[damaged.length - 6]! ^= 0xff;
    expect(await refused('DATA_SOURCE', smallConfig(write('damaged.csv.gz', damaged)))).toMatch(message);
    expect(await refused('DATA_SOURCE', smallConfig(write('plain.csv.gz', smallCsv(100))))).toMatch(message);
  });

  test('a parquet file cut in half, an empty one, one that is none', async () => {
    const csv = write('whole.csv', smallCsv(5000));
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(`COPY (FROM '${csv}') TO '${join(folder, 'whole.parquet')}'`);
    connection.closeSync();
    instance.closeSync();
    const whole = readFileSync(join(folder, 'whole.parquet'));
    for (const [name, bytes] of [
      ['half', whole.subarray(0, whole.length >> 1)],
      ['empty', new Uint8Array(0)],
      ['text', Buffer.from(smallCsv(100))],
      ['damaged', Buffer.from(whole).fill(7, 500, whole.length >> 1)],
    ] as const) {
      const path = write(`${name}.parquet`, bytes);
      expect(await refused('DATA_SOURCE', smallConfig(path))).toMatch(/Cannot read .*\.parquet/);
    }
  });

  test('a missing file, a pattern without files, an empty file, a folder, an unknown kind', async () => {
    expect(await refused('DATA_SOURCE', smallConfig('no.csv', { folder }))).toMatch(/No data file .*no\.csv/);
    expect(await refused('DATA_SOURCE', smallConfig('no*.csv', { folder }))).toMatch(/No data file .*no\*\.csv/);
    expect(await refused('DATA_SOURCE', smallConfig(write('empty.csv', '')))).toMatch(
      /empty\.csv is empty \(0 bytes\)/,
    );
    expect(await refused('DATA_SOURCE', smallConfig(folder))).toMatch(/Expected a csv, tsv, .* received/);
    expect(await refused('DATA_SOURCE', smallConfig('a.xlsx'))).toMatch(/data\.query/);
    expect(await refused('DATA_SOURCE', { ...smallConfig(''), source: ['a.csv', 'b.parquet'] })).toMatch(/of one kind/);
  });

  test('files whose columns differ', async () => {
    const first = write('d1.csv', smallCsv(50));
    const second = write('d2.csv', smallCsv(50).replace('user,item', 'item,user'));
    expect(await refused('DATA_SOURCE', { ...smallConfig(''), source: [first, second] })).toMatch(
      /Expected the columns of .*d1\.csv \(t, user, item, label\) in .*d2\.csv, received t, item, user, label/,
    );
  });

  test('a query with a mistake, and one that reads a missing file', async () => {
    const query = (sql: string): DataConfigInput => ({ ...smallConfig(''), source: undefined, query: sql });
    expect(await refused('DATA_SQL', query('SELECT nope FROM range(3)'))).toMatch(/data\.query: .*nope/);
    expect(await refused('DATA_SQL', query('SELEC 1'))).toMatch(/data\.query: syntax error/);
    expect(await refused('DATA_SOURCE', query("SELECT * FROM 'missing.csv'"))).toMatch(/data\.query.*missing\.csv/);
  });
});

describe('expressions', () => {
  const path = write('base.csv', smallCsv(100));

  test('a column that does not exist: field, nearest name, all names', async () => {
    const message = await refused('DATA_SQL', smallConfig(path, { features: ['user', 'iten'] }));
    expect(message).toMatch(
      /feature "iten": there is no column "iten" in .*base\.csv\. Did you mean "item"\? Columns: t, /,
    );
    expect(await refused('DATA_SQL', smallConfig(path, { label: 'lable = 1' }))).toMatch(
      /data\.label: there is no column "lable"\. Did you mean "label"\?/,
    );
    expect(await refused('DATA_SQL', smallConfig(path, { dense: ['ln(1 + ag)'] }))).toMatch(
      /dense column "ln\(1 \+ ag\)": .*"ag"/,
    );
  });

  test('SQL mistakes name the field and carry the data engine’s words', async () => {
    const splits = { teacher: 't < 40', student: 't >= and', evaluation: 't >= 80' };
    expect(await refused('DATA_SQL', smallConfig(path, { splits }))).toMatch(/data\.splits\.student: syntax error/);
    const feature = { name: 'x', expr: 'no_such_function(t)' };
    expect(await refused('DATA_SQL', smallConfig(path, { features: [feature] }))).toMatch(
      /feature "x": .*no_such_function/,
    );
    expect(await refused('DATA_SQL', smallConfig(path, { label: 'max(label)' }))).toMatch(
      /data\.label: Expected one value a row, received an aggregate.*OVER/,
    );
    expect(await refused('DATA_SQL', smallConfig(path, { order: 'tt' }))).toMatch(/data\.order: .*"tt"/);
    // Binds, and fails on a row.
    const late = { name: 'n', expr: 'CAST(item AS INTEGER)' };
    expect(await refused('DATA_SQL', smallConfig(path, { features: ['user', late] }))).toMatch(/feature "n": .*'i0'/);
  });

  test('values of a wrong type, and expressions that repeat rows', async () => {
    expect(await refused('DATA_SQL', smallConfig(path, { dense: ['user'] }))).toMatch(
      /Expected a number, received type VARCHAR/,
    );
    const splits = { teacher: 't % 3', student: 't < 5', evaluation: 't >= 80' };
    expect(await refused('DATA_SQL', smallConfig(path, { splits }))).toMatch(
      /teacher: Expected a boolean, received type BIGINT/,
    );
    const nested = { name: 'n', expr: '[[t]]' };
    expect(await refused('DATA_SQL', smallConfig(path, { features: [nested] }))).toMatch(
      /received type VARCHAR\[\]\[\]/,
    );
    const unnested = { name: 'u', expr: 'unnest([t, 1])' };
    expect(await refused('DATA_SQL', smallConfig(path, { features: [unnested] }))).toMatch(/without unnest\(\)/);
    expect(await refused('INVALID_LABEL', smallConfig(path, { label: '[label]' }))).toMatch(/received type BIGINT\[\]/);
    expect(await refused('DATA_SQL', smallConfig(path, { order: 't, user' }))).toMatch(/a list of expressions/);
  });

  test.each([
    ['2', /received 2 in row 51 of the source/],
    ['', /received NULL in row 51/],
    ['0.5', /received 0\.5 in row 51/],
    ['yes', /received the text 'yes' in row 51 .*label = 'yes' is true/],
    ['nan', /received the text 'nan' in row 51/],
  ])('a label %j is refused with its row', async (value, message) => {
    const file = write(
      `label${value}.csv`,
      smallCsv(100, (t) => (t === 50 ? `50,u1,i1,${value}` : smallLine(t))),
    );
    expect(await refused('INVALID_LABEL', smallConfig(file))).toMatch(message);
  });

  test('a dense value that is NULL, infinite or too large for a float32', async () => {
    const at = (value: string): string => `CASE WHEN t = 70 THEN ${value} ELSE t END`;
    expect(await refused('DATA_SQL', smallConfig(path, { dense: ['t', at('NULL')] }))).toMatch(
      /received NULL in row 71 of the source\. To put a number in its place: coalesce\(/,
    );
    expect(await refused('DATA_SQL', smallConfig(path, { dense: [at("'nan'::DOUBLE")] }))).toMatch(
      /received nan in row 71/i,
    );
    for (const large of ['1e38', '-1e38', "'infinity'::DOUBLE", '1.001e30']) {
      expect(await refused('DATA_SQL', smallConfig(path, { dense: [{ name: 'size', expr: at(large) }] }))).toMatch(
        /dense column "size": Expected a number from -1e30 to 1e30, received -?(inf|1e\+?38|1\.001e\+?30).* in row 71/i,
      );
    }
    const fine = await openDataset(smallConfig(path, { dense: [at('1e30')] }));
    expect(Math.max(...fine.split('student').dense)).toBe(Math.fround(1e30));
  });
});

describe('splits', () => {
  const path = write('splits.csv', smallCsv(100));

  test('an empty one is named, with its expression and the number of rows', async () => {
    const splits = { teacher: 't < 40', student: 't >= 40', evaluation: 't > 1000' };
    expect(await refused('EMPTY_SPLIT', smallConfig(path, { splits }))).toMatch(
      /rows in split evaluation, none of the 100 rows of .*splits\.csv satisfies: t > 1000/,
    );
    const short = { teacher: 't < 40', student: 't >= 40 and t < 59', evaluation: 't >= 80' };
    expect(await refused('EMPTY_SPLIT', smallConfig(path, { splits: short }))).toMatch(/split validation.*only 19/);
  });

  test('rows in two of them are counted', async () => {
    const splits = { teacher: 't < 40', student: 't >= 37 and t < 80', evaluation: 't >= 80' };
    expect(await refused('SPLIT_OVERLAP', smallConfig(path, { splits }))).toMatch(/3 rows are in teacher and student/);
  });

  test('a feature without a value in training needs a row for unseen ones', async () => {
    const feature = { name: 'l', expr: 'CASE WHEN t >= 80 THEN [t] END' };
    expect(await refused('DATA_SQL', smallConfig(path, { features: [feature], unseen: 'hash' }))).toMatch(
      /feature "l"/,
    );
    const data = await openDataset(smallConfig(path, { features: [feature] }));
    expect(data.features[0]).toMatchObject({ cardinality: 1, outOfVocabulary: 0, list: true });
    expect(data.split('teacher').ids(0).offsets).toEqual(new Uint32Array(41));
  });
});

test('a misspelt key of the section and of the options', async () => {
  const config = { ...smallConfig('a.csv'), lable: 'x' } as unknown as DataConfigInput;
  expect(await refused('INVALID_CONFIG', config)).toMatch(/data: Unknown key "lable"\. Did you mean "label"\?/);
  const options = { onprogress: () => {} } as object;
  expect((await failure('UNKNOWN_OPTION', () => openDataset(smallConfig('a.csv'), options))).message).toMatch(
    /onProgress/,
  );
});
