import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from 'vitest';
import type { DataConfigInput } from '../../lib/data/config.ts';
import { openDataset } from '../../lib/data/dataset.ts';
import { Engine } from '../../lib/data/engine.ts';
import type { Dataset } from '../../lib/data/types.ts';
import type { CollideErrorCode } from '../../lib/errors.ts';
import { packageRoot } from '../../lib/native.ts';
import { failure, smallConfig, smallCsv, smallLine, temporaryFolder } from './files.ts';

const { folder, write } = temporaryFolder();

async function refused(code: CollideErrorCode, config: DataConfigInput): Promise<string> {
  return (await failure(code, () => openDataset(config))).message;
}

function contents(data: Dataset): unknown {
  return data.splits.map((name) => {
    const split = data.split(name);
    const ids = data.features.map((_, f) => Array.from(split.ids(f).ids, (id) => data.text(f, id)));
    return { name, labels: [...split.labels], ids };
  });
}

async function makeDatabase(name: string, ...statements: string[]): Promise<string> {
  const instance = await DuckDBInstance.create(join(folder, name));
  const connection = await instance.connect();
  for (const sql of statements) await connection.run(sql);
  connection.closeSync();
  instance.closeSync();
  return join(folder, name);
}

describe('JSON', () => {
  const small = smallCsv(100);
  const records = small
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [t, user, item, label] = line.split(',');
      return { t: Number(t), user, item, label: Number(label) };
    });
  const lines = records.map((record) => `${JSON.stringify(record)}\n`).join('');

  test('lines, also packed and in several files, and a list give what a csv gives', async () => {
    const expected = contents(await openDataset(smallConfig(write('json.csv', small))));
    const half = records.slice(0, 50).map((record) => JSON.stringify(record));
    const rest = records.slice(50).map(({ t, ...others }) => JSON.stringify({ ...others, t }));
    const sources: Record<string, DataConfigInput['source']> = {
      jsonl: write('a.jsonl', lines),
      ndjson: write('a.ndjson', lines),
      gzip: write('b.jsonl.gz', gzipSync(lines)),
      padded: write('c.jsonl.gz', Buffer.concat([gzipSync(lines), Buffer.alloc(77)])),
      list: write('d.json', JSON.stringify(records, null, 2)),
      lines: write('e.json', lines),
      files: [write('f1.jsonl', half.join('\n')), write('f2.jsonl', rest.join('\n'))],
    };
    for (const [kind, source] of Object.entries(sources)) {
      const data = await openDataset({ ...smallConfig(''), source });
      expect({ kind, contents: contents(data) }).toEqual({ kind, contents: expected });
    }
  });

  test('texts and numbers are kept apart, keys may come late, lists are bags, objects have fields', async () => {
    const odd = [
      { t: 20_998, x: '07', y: 2 ** 53, tags: [], user: { id: '2001-1-1' } },
      { t: 20_999, x: 7.5, y: 0.25, tags: ['a', 'b'], user: { id: '2001-01-01' }, late: 'z' },
      { t: 21_000, x: '2001-1-1', tags: ['a', null], user: { id: 'x' } },
      { t: 21_001, x: '2001-01-01', y: 1, tags: ['7', '07'], user: null },
    ];
    const many = Array.from({ length: 20_998 }, (_, t) => ({ t, x: 7, y: 1, tags: ['c'], user: { id: '2001-01-01' } }));
    const data = await openDataset({
      source: write('odd.jsonl', [...many, ...odd].map((record) => JSON.stringify(record)).join('\n')),
      label: 't % 2 = 0',
      features: ['x', 'tags', { name: 'id', expr: 'user.id' }, 'late'],
      dense: ['coalesce(y, 0)'],
      splits: { teacher: 't < 9', student: 't > 20010 and t < 21002', evaluation: 't = 9' },
      idOrder: 'appearance',
    });
    const student = data.split('student');
    const last = (f: number) => Array.from(student.ids(f).ids, (id) => data.text(f, id)).slice(f === 1 ? -6 : -4);
    // Every 20th student row is for validation; the last four are not among them.
    expect(last(0)).toEqual(['07', '7.5', '2001-1-1', '2001-01-01']);
    expect(last(1)).toEqual(['a', 'b', 'a', null, '7', '07']);
    expect(last(2)).toEqual(['2001-1-1', '2001-01-01', 'x', null]);
    expect(last(3)).toEqual([null, 'z', null, null]);
    expect([...student.dense].slice(-4)).toEqual([2 ** 53, 0.25, 0, 1]);
  });

  test('a broken line, a value of another kind, no record', async () => {
    const broken = write('broken.jsonl', lines.replace('"t":30,', '"t":30'));
    expect(await refused('DATA_SOURCE', smallConfig(broken))).toMatch(/broken\.jsonl.* line 31/);
    const mixed = write('mixed.jsonl', lines.replace('"t":30,', '"t":"N/A",'));
    expect(await refused('DATA_SQL', smallConfig(mixed))).toMatch(/"N\/A" in record 31 of .*mixed\.jsonl/);
    expect(await refused('DATA_SOURCE', smallConfig(write('none.jsonl', '')))).toMatch(/none\.jsonl/);
  });
});

describe('DuckDB and SQLite files', () => {
  test('one table needs no name, several do; views and schemas', async () => {
    const csv = write('db.csv', smallCsv(100));
    const expected = contents(await openDataset(smallConfig(csv)));
    const rows = `CREATE TABLE "My Rows" AS FROM read_csv('${csv}')`;
    const one = await makeDatabase('one.duckdb', rows);
    expect(contents(await openDataset(smallConfig(one)))).toEqual(expected);
    expect(contents(await openDataset(smallConfig('one.duckdb', { folder, table: 'my rows' })))).toEqual(expected);
    const several = await makeDatabase(
      'several.db',
      rows,
      'CREATE SCHEMA s',
      'CREATE TABLE s.other AS SELECT 1 AS x',
      'CREATE VIEW seen AS FROM "My Rows"',
    );
    expect(contents(await openDataset(smallConfig(several, { table: 'seen' })))).toEqual(expected);
    expect(await refused('DATA_SOURCE', smallConfig(several))).toMatch(
      /one of the tables of .*several\.db as data\.table, received none\. Tables: My Rows, seen, s\.other/,
    );
    expect(await refused('DATA_SOURCE', smallConfig(several, { table: 'sen' }))).toMatch(
      /"sen"\. Did you mean "seen"\?/,
    );
    expect(await refused('DATA_SQL', smallConfig(several, { table: 's.other' }))).toMatch(/Columns: x/);
    expect(await refused('INVALID_CONFIG', smallConfig(csv, { table: 'x' }))).toMatch(
      /data\.table only with a duckdb file.*received "x" with a csv source/,
    );
  });

  test('what is no DuckDB file', async () => {
    const sqlite = write('a.sqlite', `SQLite format 3\0${'x'.repeat(100)}`);
    expect(await refused('DATA_SOURCE', smallConfig(sqlite))).toMatch(
      /received the SQLite file .*a\.sqlite\..*nothing is\. .*sqlite3 -header -csv .*a\.sqlite "SELECT .*" > a\.csv/,
    );
    expect(await refused('DATA_SOURCE', smallConfig(write('b.duckdb', 'nothing of the kind')))).toMatch(
      /Cannot read .*b\.duckdb as a DuckDB file: /,
    );
  });
});

test('DuckDB loads nothing and keeps its settings', async () => {
  const engine = await Engine.open();
  try {
    for (const sql of [
      'SET threads = 1',
      "SET TimeZone = 'Asia/Tokyo'",
      'SET autoload_known_extensions = true',
      'RESET TimeZone',
    ]) {
      await expect(engine.run(sql)).rejects.toThrow(/configuration has been locked/);
    }
    const settings = await engine.rows(
      "SELECT name, value FROM duckdb_settings() WHERE name IN ('autoinstall_known_extensions', 'autoload_known_extensions', 'allow_community_extensions', 'lock_configuration', 'TimeZone') ORDER BY name",
    );
    expect(Object.fromEntries(settings.map(({ name, value }) => [name, value]))).toEqual({
      allow_community_extensions: 'false',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      lock_configuration: 'true',
      TimeZone: 'UTC',
    });
  } finally {
    engine.close();
  }
  const query = (sql: string): DataConfigInput => ({ ...smallConfig(''), source: undefined, query: sql });
  expect(await refused('DATA_SOURCE', query("SELECT * FROM read_parquet('https://example.org/a.parquet')"))).toMatch(
    /requires the extension httpfs/,
  );
  expect(await refused('DATA_SQL', query("SELECT * FROM sqlite_scan('a.db', 't')"))).toMatch(/sqlite_scan/);
});

test.each(['https://example.org/a.csv', 's3://bucket/a.parquet', 'hf://datasets/a/b.parquet', 'file:///tmp/a.csv'])(
  'the URL %s is no file',
  async (url) => {
    expect(await refused('DATA_SOURCE', smallConfig(url))).toMatch(/received the URL ".*"\. Nothing is downloaded/);
  },
);

describe('text files', () => {
  const umlauts = smallCsv(100, (t) => smallLine(t).replace('u', 'ü'));

  test('UTF-8 with a byte order mark is read as it is without', async () => {
    const plain = contents(await openDataset(smallConfig(write('utf8.csv', umlauts))));
    expect(contents(await openDataset(smallConfig(write('bom.csv', `\ufeff${umlauts}`))))).toEqual(plain);
    const packed = write('bom.csv.gz', gzipSync(`\ufeff${umlauts}`));
    expect(contents(await openDataset(smallConfig(packed)))).toEqual(plain);
  });

  test('other encodings are named, with how to convert them', async () => {
    const latin = Buffer.from(umlauts, 'latin1');
    for (const [name, bytes] of [
      ['latin.csv', latin],
      ['latin.csv.gz', gzipSync(latin)],
      ['latin_header.csv', Buffer.from(smallCsv(100).replace('item', 'ïtem'), 'latin1')],
      [
        'latin_late.csv',
        Buffer.from(
          smallCsv(30_000, (t) => (t < 29_000 ? smallLine(t) : `${smallLine(t)}`.replace('u', 'ü'))),
          'latin1',
        ),
      ],
    ] as const) {
      expect(await refused('DATA_SOURCE', smallConfig(write(name, bytes)))).toMatch(
        new RegExp(`Expected UTF-8 in .*${name}, received other bytes.*iconv -f WINDOWS-1252 -t UTF-8 .*${name} > `),
      );
    }
    for (const [name, bytes] of [
      ['le.csv', Buffer.from(`\ufeff${umlauts}`, 'utf16le')],
      ['be.csv', Buffer.from(`\ufeff${umlauts}`, 'utf16le').swap16()],
      ['without_mark.csv', Buffer.from(smallCsv(100), 'utf16le')],
      ['le.csv.gz', gzipSync(Buffer.from(`\ufeff${umlauts}`, 'utf16le'))],
    ] as const) {
      expect(await refused('DATA_SOURCE', smallConfig(write(name, bytes)))).toMatch(
        new RegExp(`Expected UTF-8 in .*${name}.*iconv -f UTF-16 -t UTF-8 .*${name}`),
      );
    }
  });

  test('a header without rows, an open quote', async () => {
    for (const [name, text] of [
      ['header.csv', 't,user,item,label\n'],
      ['header_only.csv', 't,user,item,label'],
    ] as const) {
      expect(await refused('DATA_SOURCE', smallConfig(write(name, text)))).toMatch(
        new RegExp(`Expected rows below the header line in .*${name}, received none`),
      );
    }
    const text = smallCsv(30_000, (t) => (t === 60 ? '60,"u1,i1,0' : smallLine(t)));
    expect(await refused('DATA_SOURCE', smallConfig(write('quote.csv', text)))).toMatch(
      /quote\.csv: CSV Error on Line: 62: Value with unterminated quote/,
    );
  });

  test('zero bytes behind gzip data are padding, other bytes and a cut are damage', async () => {
    const text = smallCsv(1000);
    const config = (name: string, bytes: Uint8Array) => smallConfig(write(name, bytes), { features: ['user'] });
    const plain = contents(await openDataset(config('pad.csv', Buffer.from(text))));
    const members = Buffer.concat([gzipSync(text.slice(0, 5000)), gzipSync(text.slice(5000))]);
    for (const zeros of [1, 2, 3, 8, 511, 100_000]) {
      const padded = Buffer.concat([zeros === 8 ? members : gzipSync(text), Buffer.alloc(zeros)]);
      expect(contents(await openDataset(config(`pad${zeros}.csv.gz`, padded)))).toEqual(plain);
    }
    const whole = gzipSync(text);
    const cut = Buffer.concat([whole.subarray(0, whole.length - 2), Buffer.alloc(0)]);
    expect(await refused('DATA_SOURCE', config('cut.csv.gz', cut))).toMatch(/damaged or cut off/);
    const broken = Buffer.concat([gzipSync(smallCsv(100, (t) => (t === 9 ? 'x' : smallLine(t)))), Buffer.alloc(9)]);
    expect(await refused('DATA_SOURCE', config('broken.csv.gz', broken))).toMatch(
      new RegExp(`${join(folder, 'broken.csv.gz')}: CSV Error on Line: 11`),
    );
  });
});

describe('times with a zone', () => {
  const script = `
    import { openDataset } from ${JSON.stringify(join(packageRoot, 'dist/index.js'))};
    const results = [];
    for (const config of JSON.parse(process.argv[1])) {
      const data = await openDataset(config);
      const hours = Array.from(data.split('teacher').ids(0).ids, (id) => data.text(0, id));
      results.push({ rows: data.splits.map((name) => data.split(name).rows), hours });
    }
    console.log(JSON.stringify(results));`;

  function opened(configs: DataConfigInput[], zone: string): unknown {
    const args = ['--input-type=module', '--eval', script, JSON.stringify(configs)];
    const output = execFileSync(process.execPath, args, { env: { ...process.env, TZ: zone }, encoding: 'utf8' });
    return JSON.parse(output);
  }

  test.skipIf(!existsSync(join(packageRoot, 'dist/index.js')))(
    'splits and hours are the same in every zone of the machine, and those of data.timezone',
    async () => {
      const lines = Array.from({ length: 96 }, (_, h) => {
        const day = `2001-03-0${1 + Math.floor(h / 24)}`;
        const hour = String(h % 24).padStart(2, '0');
        return `${day}T${hour}:30:00Z,${h % 2}`;
      });
      const csv = write('zone.csv', `ts,y\n${lines.join('\n')}\n`);
      const parquet = join(folder, 'zone.parquet');
      await makeDatabase(
        'zone.duckdb',
        `COPY (SELECT ts::TIMESTAMPTZ AS ts, y FROM read_csv('${csv}')) TO '${parquet}'`,
      );
      const config = (source: string, timezone?: string): DataConfigInput => ({
        source,
        timezone,
        label: 'y',
        features: [{ name: 'hour', expr: 'hour(ts)' }],
        splits: {
          teacher: "ts < '2001-03-02'",
          student: "ts >= '2001-03-02' and ts < '2001-03-04'",
          evaluation: "ts >= '2001-03-04'",
        },
      });
      const hours = (first: number, count: number) => Array.from({ length: count }, (_, h) => String((first + h) % 24));
      const configs = [csv, parquet].flatMap((source) => [config(source), config(source, 'Asia/Tokyo')]);
      const utc = { rows: [24, 46, 2, 24], hours: hours(0, 24) };
      const tokyo = { rows: [15, 46, 2, 33], hours: hours(9, 15) };
      for (const zone of ['UTC', 'America/Los_Angeles', 'Asia/Tokyo']) {
        expect({ zone, opened: opened(configs, zone) }).toEqual({ zone, opened: [utc, tokyo, utc, tokyo] });
      }
    },
    60_000,
  );

  test('beside times without one they have no type', async () => {
    const path = write('mixed_zones.csv', 'ts,y\n2001-01-01 00:00:00Z,1\n2001-01-01 00:00:00,1\n');
    const splits = { teacher: "ts < '2001-03-02'", student: 'false', evaluation: 'false' };
    const config = { source: path, label: 'y', features: ['y'], splits };
    expect(await refused('DATA_SQL', config)).toMatch(/column "ts", which has times with a zone beside times without/);
    expect(await refused('EMPTY_SPLIT', { ...config, types: { ts: 'timestamptz' } })).toMatch(/split student/);
  });
});

test('nothing is left in the temporary folder', async () => {
  const padded = write('temporary.csv.gz', Buffer.concat([gzipSync(smallCsv(100)), Buffer.alloc(9)]));
  await openDataset(smallConfig(padded));
  const { tmpdir } = await import('node:os');
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`learn-to-collide-${process.pid}-`))).toEqual([]);
});

test('parquet files whose types differ are refused, not rounded to the first', async () => {
  const whole = join(folder, 'types_a.parquet');
  const half = join(folder, 'types_b.parquet');
  const narrow = join(folder, 'types_c.parquet');
  await makeDatabase(
    'types.db',
    `COPY (SELECT t, t AS x FROM range(60) AS r(t)) TO '${whole}'`,
    `COPY (SELECT t, t + 0.5::DOUBLE AS x FROM range(60, 100) AS r(t)) TO '${half}'`,
    `COPY (SELECT t::INT AS t, t::SMALLINT AS x FROM range(60, 100) AS r(t)) TO '${narrow}'`,
  );
  const config = { ...smallConfig(''), label: 't % 2', features: ['x'] };
  const expected = `Expected one type for column "x" in all files, received BIGINT in ${whole} and DOUBLE in ${half}`;
  expect(await refused('DATA_SOURCE', { ...config, source: [whole, half] })).toContain(`data.source: ${expected}`);
  for (const from of [`read_parquet(['${whole}', '${half}'])`, `'${join(folder, 'types_[ab].parquet')}'`]) {
    const { source: _, ...others } = config;
    const query = `SELECT * FROM ${from}`;
    expect(await refused('DATA_SOURCE', { ...others, query })).toContain(`data.query: ${expected}`);
  }
  for (const name of ['part=1', 'part=x']) mkdirSync(join(folder, name));
  copyFileSync(whole, join(folder, 'part=1', 'a.parquet'));
  copyFileSync(narrow, join(folder, 'part=x', 'a.parquet'));
  const parts = await openDataset({ ...config, features: ['part'], source: join(folder, 'part=*', 'a.parquet') });
  expect(parts.text(0, parts.split('evaluation').ids(0).ids[0]!)).toBe('x');
  const data = await openDataset({ ...config, source: [whole, narrow] });
  expect(data.split('evaluation').rows).toBe(20);
});

test('a file that two patterns name is refused: its rows would count twice', async () => {
  const file = write('once.csv', smallCsv(100));
  const source = [join(folder, 'onc*.csv'), file];
  expect(await refused('DATA_SOURCE', { ...smallConfig(''), source })).toContain(`received ${file} twice`);
});

describe('names of columns', () => {
  const body = Array.from({ length: 100 }, (_, t) => `${t},a${t % 5},b${t % 7},${t % 2}`).join('\n');
  const config = (source: string) => ({ ...smallConfig(source), features: ['user'] });

  test.each([
    ['t,user,user,label', 'received "user" in column 2 and "user" in column 3'],
    ['t,user,USER,label', 'received "user" in column 2 and "USER" in column 3'],
  ])('of the same name are refused: %s', async (header, text) => {
    const message = await refused('DATA_SOURCE', config(write('twice.csv', `${header}\n${body}\n`)));
    expect(message).toContain(text);
  });

  test.each([
    ['an empty line', '\n'],
    ['"# made by us"', '# made by us\n'],
  ])('below %s are not taken for a row', async (received, above) => {
    const source = write('below.csv', `${above}t,user,item,label\n${body}\n`);
    const splits = { teacher: "t < '4'", student: "t >= '4' and t < '8'", evaluation: "t >= '8'" };
    const message = await refused('DATA_SOURCE', { ...config(source), splits });
    expect(message).toContain(`in the first line of ${source}, received ${received}. Remove`);
  });

  test('with spaces, missing, like numbers or like those that DuckDB makes stay usable', async () => {
    for (const header of [
      't, user ,item,label',
      't,user,,label',
      't,user,1,label',
      't,user,user_1,label',
      '\ufefft,user,"i\nj",label',
    ]) {
      const data = await openDataset(config(write('odd.csv', `${header}\n${body}\n`)));
      expect([...data.split('evaluation').ids(0).ids].map((id) => data.text(0, id)).slice(0, 3)).toEqual([
        'a0',
        'a1',
        'a2',
      ]);
    }
  });

  test('of JSON that differ in case alone are refused', async () => {
    const lines = (key: (t: number) => string, other: string): string =>
      Array.from({ length: 100 }, (_, t) => JSON.stringify({ t, [key(t)]: `a${t}`, [other]: 'b', label: t % 2 })).join(
        '\n',
      );
    const mixed = config(
      write(
        'case.jsonl',
        lines((t) => (t % 2 ? 'user' : 'User'), 'item'),
      ),
    );
    expect(await refused('DATA_SOURCE', mixed)).toContain('received "User" and "user"');
    const data = await openDataset(
      config(
        write(
          'number.jsonl',
          lines(() => 'user', 'user_1'),
        ),
      ),
    );
    expect(data.text(0, data.split('evaluation').ids(0).ids[0]!)).toBeNull();
    expect(data.text(0, data.split('teacher').ids(0).ids[1]!)).toBe('a1');
  });
});

test('zstd files of more than a few lines are text once they are unpacked', async () => {
  const path = join(folder, 'packed.csv.zst');
  await makeDatabase(
    'zst.db',
    `COPY (SELECT t, md5(t::VARCHAR) AS user, t % 2 AS label FROM range(3000) AS r(t)) TO '${path}' (HEADER, COMPRESSION zstd)`,
  );
  const data = await openDataset({ ...smallConfig(path), features: ['user'] });
  expect(data.text(0, data.split('teacher').ids(0).ids[0]!)).toBe('cfcd208495d565ef66e7dff9f98764da');
});

test("files with quotes of different kinds are refused: the quotes of one would be part of the other's values", async () => {
  const quoted = (quote: string, name: string) => {
    return write(
      name,
      smallCsv(100, (t) => smallLine(t).replaceAll(/[ui]\d+/g, (text) => quote + text + quote)),
    );
  };
  const [double, single, none] = [quoted('"', 'double.csv'), quoted("'", 'single.csv'), quoted('', 'none.csv')];
  for (const source of [
    [double, single],
    [none, single, double],
  ]) {
    expect(await refused('DATA_SOURCE', { ...smallConfig(''), source })).toMatch(/one kind of quotes in all files/);
  }
  const data = await openDataset({ ...smallConfig(''), source: [none, single] });
  expect(data.features.map(({ cardinality }) => cardinality)).toEqual([13, 4]);
});

test.each(['*', "COLUMNS('user|item')", 'user), (item'])(
  'an expression of several columns is refused: %s',
  async (expr) => {
    const config = smallConfig(write('columns.csv', smallCsv(100)));
    for (const more of [{ features: [{ name: 'x', expr }] }, { dense: [expr] }, { label: expr }, { order: expr }]) {
      expect(await refused('DATA_SQL', { ...config, ...more })).toMatch(
        /Expected one value a row, received .* \d columns/,
      );
    }
  },
);
