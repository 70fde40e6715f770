import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DataConfigInput } from '../../lib/data/config.ts';
import { openDataset } from '../../lib/data/dataset.ts';
import type { Dataset } from '../../lib/data/types.ts';
import type { CollideErrorCode } from '../../lib/errors.ts';
import { failure, temporaryFolder } from './files.ts';

const { folder, write } = temporaryFolder();

/** More lines than DuckDB looks at before it guesses types. */
const LATE = 21_000;
let files = 0;

/** A csv of the given columns: values of the last rows, below `early` lines of one and the same value each. */
function csv(columns: Record<string, readonly string[]>, early: readonly string[] = [], lines = 0): string {
  const names = Object.keys(columns);
  const rows = Object.values(columns)[0]!.length;
  const late = Array.from({ length: rows }, (_, r) => [lines + r, ...names.map((name) => columns[name]![r])].join(','));
  const first = Array.from({ length: lines }, (_, t) => [t, ...early].join(','));
  files += 1;
  return write(`types${files}.csv`, `${['t', ...names].join(',')}\n${[...first, ...late].join('\n')}\n`);
}

/** All rows but the last three in the teacher split, then one each for student, validation and evaluation. */
function config(source: string, rows: number, more: Partial<DataConfigInput>): DataConfigInput {
  return {
    source,
    label: 't % 2 = 0',
    features: ['t'],
    splits: {
      teacher: `t < ${rows - 3}`,
      student: `t = ${rows - 3}`,
      validation: `t = ${rows - 2}`,
      evaluation: `t = ${rows - 1}`,
    },
    idOrder: 'appearance',
    ...more,
  };
}

/** The texts of a feature's values, row by row over all splits. */
function texts(data: Dataset, feature: number): (string | null)[] {
  return data.splits.flatMap((name) => {
    return Array.from(data.split(name).ids(feature).ids, (id) => data.text(feature, id));
  });
}

function all(data: Dataset, what: 'labels' | 'dense'): number[] {
  return data.splits.flatMap((name) => [...data.split(name)[what]]);
}

/** A csv with one column `x` of these values, and its data set. Four rows that repeat the first value end it. */
async function open(values: readonly string[], more: Partial<DataConfigInput> = {}): Promise<Dataset> {
  const rows = [...values, values[0]!, values[0]!, values[0]!, values[0]!];
  return openDataset(config(csv({ x: rows }), rows.length, more));
}

async function refused(code: CollideErrorCode, values: readonly string[], more: Partial<DataConfigInput>) {
  return (await failure(code, () => open(values, more))).message;
}

describe('a feature is the text of its column', () => {
  test('also where an expression needs the number, in the last lines of a long file', async () => {
    const late = {
      zeros: ['07', '007', '7', '7'],
      plus: ['+7', '7', '+7', '7'],
      spaces: [' 7', '7 ', '7', ' 7 '],
      decimals: ['7.0', '7.4', '7', '7.40'],
      hex: ['0x7', '7', '7', '7'],
      exponent: ['7e0', '70e-1', '7', '7'],
      big: ['9223372036854775808', '9223372036854775807', '7', '7'],
      digits: ['0.1000000000000000000001', '0.1', '7', '7'],
      underscore: ['7_0', '70', '7', '7'],
    };
    const numeric = ['zeros', 'plus', 'spaces', 'decimals', 'exponent', 'big', 'digits'];
    for (const values of Object.values(late)) values.push('7', '7', '7');
    const path = csv(
      late,
      Object.keys(late).map(() => '7'),
      LATE,
    );
    const rows = LATE + 7;
    const data = await openDataset(
      config(path, rows, { features: Object.keys(late), dense: numeric.map((name) => `${name} - 0`) }),
    );
    for (const [f, values] of Object.values(late).entries()) expect(texts(data, f).slice(LATE)).toEqual(values);
    const dense = data.splits.flatMap((name) => [...data.split(name).dense]);
    const firstLate = dense.slice(LATE * numeric.length, (LATE + 1) * numeric.length);
    expect(firstLate).toEqual([7, 7, 7, 7, 7, 2 ** 63, 0.1].map(Math.fround));
  });

  const places: [string, string, (string | null)[]][] = [
    ['x', 'by an expression', ['07', '7', '+7']],
    ["x || '-' || y", 'joined', ['07-a', '7-a', '+7-a']],
    ["concat(x, '/', lower(x))", 'in functions of text', ['07/07', '7/7', '+7/+7']],
    ['CAST(x AS VARCHAR)', 'cast to text', ['07', '7', '+7']],
    ['x::TEXT', 'cast to text', ['07', '7', '+7']],
    ['coalesce("X", y)', 'with a default', ['07', '7', '+7']],
    ["CASE WHEN x = 7 THEN x ELSE 'other' END", 'in a choice', ['07', '7', '+7']],
    ["coalesce(lag(x) OVER (ORDER BY t), 'none')", 'of the row before', ['none', '07', '7']],
    ["substr(x, 1, 1) || 'ü' || /* x */ x", 'behind other letters', ['0ü07', '7ü7', '+ü+7']],
    ['CAST(count(*) OVER (PARTITION BY x) AS VARCHAR)', 'in partitions', ['5', '1', '1']],
    ["string_split(x, '+')[-1]", 'split', ['07', '7', '7']],
    ['x + 1', 'as a number', ['8', '8', '8']],
    ['coalesce(x, 0)', 'as a number beside a number', ['7', '7', '7']],
  ];
  test.each(places)('%s (%s)', async (expr, _, expected) => {
    const rows = ['07', '7', '+7', '07', '07', '07', '07'];
    const path = csv({ x: rows, y: rows.map(() => 'a') });
    const data = await openDataset(
      config(path, rows.length, { features: [{ name: 'f', expr }], label: 'x > 6', dense: ['x'] }),
    );
    expect(texts(data, 0).slice(0, 3)).toEqual(expected);
    expect(all(data, 'dense')).toEqual([7, 7, 7, 7, 7, 7, 7]);
  });

  test('in a list of columns', async () => {
    const rows = ['07', '7', '7', '7'];
    const path = csv({ x: rows, y: ['7', '07', '1', '1'] });
    const data = await openDataset(config(path, 4, { features: [{ name: 'f', expr: '[x, y]' }], label: 'x + y > 0' }));
    expect(texts(data, 0)).toEqual(['07', '7', '7', '07', '7', null, '7', null]);
  });

  test('an empty field is NULL, quoted or not; spaces are text', async () => {
    const data = await open(['a', '', '""', '" "', 'NULL'], { features: ['x'] });
    expect(texts(data, 0).slice(0, 5)).toEqual(['a', null, null, ' ', 'NULL']);
  });
});

describe('a value in an expression is exactly what the file says', () => {
  const cases: [string, string[], string, number[]][] = [
    ['halves', ['4', '3', '3.5', '4.5'], 'x >= 4', [1, 0, 0, 1]],
    ['spellings of numbers', ['4', '04', '+4', ' 4 ', '4.', '4e0', '.4e1'], 'x = 4', [1, 1, 1, 1, 1, 1, 1]],
    [
      'more digits than int64',
      ['1', '9223372036854775808', '9223372036854775807'],
      'x > 9223372036854775807',
      [0, 1, 0],
    ],
    [
      'more digits than int128',
      ['1', `1${'0'.repeat(40)}1`, `1${'0'.repeat(41)}`],
      `x = '1${'0'.repeat(40)}1'::BIGNUM`,
      [0, 1, 0],
    ],
    ['numbers beyond 2^53', ['1', '9007199254740993', '9007199254740992'], 'x > 9007199254740992', [0, 1, 0]],
    ['true and false', ['false', 'TRUE', 'True', 'False'], 'x', [0, 1, 1, 0]],
    ['true among 0 and 1', ['0', '1', 'true', 'FALSE'], 'x', [0, 1, 1, 0]],
    ['missing numbers', ['1', '', '5', '""'], 'coalesce(x, 9) > 4', [0, 1, 1, 1]],
    ['dates', ['2001-01-31', '2001-2-3', '2001/12/01'], "x > '2001-02-02'", [0, 1, 1]],
    ['dates and times', ['2001-01-31', '2001-01-31 10:30', '2001-01-31T23:59:59.5'], 'hour(x) > 9', [0, 1, 1]],
    ['nanoseconds', ['2001-01-31 00:00:00.000000001', '2001-01-31 00:00:00'], "x > '2001-01-31'", [1, 0]],
    ['times', ['10:30:00', '09:00'], 'hour(x) > 9', [1, 0]],
    ['dates that begin with the month', ['01/02/2001', '01/31/2001'], "x = '2001-01-02'", [1, 0]],
    ['dates that begin with the day', ['01.02.2001 10:00', '31.01.2001'], "x >= '2001-02-01'", [1, 0]],
    ['a comparison with texts', ['a', '10', '9'], "x IN ('a', '10')", [1, 1, 0]],
  ];
  test.each(cases)('%s', async (_, values, label, expected) => {
    const data = await open(values, { label });
    expect(all(data, 'labels').slice(0, values.length)).toEqual(expected);
  });

  test('over all files, whatever the first has', async () => {
    const line = (t: number, x: string): string => `${t},${x}\n`;
    write('glob-1.csv', `t,x\n${Array.from({ length: 20 }, (_, t) => line(t, '4')).join('')}`);
    write('glob-2.csv', `t,x\n${Array.from({ length: 20 }, (_, t) => line(20 + t, '3.5')).join('')}`);
    const data = await openDataset(
      config(join(folder, 'glob-*.csv'), 40, { label: 'x >= 4', dense: ['x'], features: ['x'] }),
    );
    expect(all(data, 'labels')).toEqual(Array.from({ length: 40 }, (_, t) => (t < 20 ? 1 : 0)));
    expect(all(data, 'dense')).toEqual(Array.from({ length: 40 }, (_, t) => (t < 20 ? 4 : 3.5)));
    expect(texts(data, 0)).toEqual(Array.from({ length: 40 }, (_, t) => (t < 20 ? '4' : '3.5')));
  });
});

describe('a value that is not like the others', () => {
  test.each([['N/A'], ['NaN'], ['inf'], ['1_000'], ['0x1F'], ['1e999'], ['" "'], ['"1,000"']])(
    'makes the column text, and is named with its line where a number is needed: %s',
    async (odd) => {
      const values = ['1', '2', '3', odd];
      const place = new RegExp(
        `not a number like most others: "${odd.replaceAll('"', '')}" in line 5 of .*types\\d+\\.csv`,
      );
      for (const more of [{ label: 'x >= 4' }, { dense: ['x'] }, { label: 'x IN (1, 2)' }, { order: 'x' }]) {
        expect(await refused('DATA_SQL', values, more)).toMatch(place);
      }
      const window = { features: [{ name: 'n', expr: 'row_number() OVER (ORDER BY x)' }] };
      expect(await refused('DATA_SQL', values, window)).toMatch(place);
      const data = await open(values, { features: ['x'], order: 'CAST(x AS VARCHAR), t'.split(', ') });
      expect(new Set(texts(data, 0))).toEqual(new Set(['1', '2', '3', odd.replaceAll('"', '')]));
    },
  );

  test('the line is that of an editor: quoted line breaks and empty lines count', async () => {
    const path = write('breaks.csv', 't,x,y\n0,1,"a\nb\r\nc"\n1,2,\n2,3,"\n"\n3,4,d\n4,?,e\n');
    const error = await failure('DATA_SQL', () => openDataset(config(path, 5, { dense: ['x'] })));
    expect(error.message).toMatch(/"\?" in line 9 of .*breaks\.csv/);
    for (const newline of ['\n', '\r\n']) {
      const blank = write('blank.csv', ['t,x', '0,1', '', '', '1,2', '2,3', '', '3,4', '4,?', ''].join(newline));
      const { message } = await failure('DATA_SQL', () => openDataset(config(blank, 5, { dense: ['x'] })));
      expect(message).toMatch(/"\?" in line 9 of .*blank\.csv/);
    }
  });

  test('dates that can be read in two ways are no guess', async () => {
    expect(await refused('DATA_SQL', ['01/02/2001', '03/04/2001'], { label: "x < '2001-02-02'" })).toMatch(
      /data\.label: .*column "x", which has dates that may begin with the month or with the day.*strptime\(x/,
    );
    expect(await refused('DATA_SQL', ['31/01/2001', '01/31/2001'], { label: "x < '2001-02-02'" })).toMatch(
      /begin with the month and others that begin with the day/,
    );
    const data = await open(['01/02/2001', '03/04/2001'], { label: "strptime(x, '%d/%m/%Y') < '2001-03-01'" });
    expect(all(data, 'labels').slice(0, 2)).toEqual([1, 0]);
  });

  test('whole numbers that no double holds, beside decimals', async () => {
    expect(await refused('DATA_SQL', ['0.5', '9007199254740993'], { label: 'x > 1' })).toMatch(
      /no DOUBLE holds exactly/,
    );
    const data = await open(['0.5', '9007199254740993'], { label: 'x > 1', types: { x: 'double' } });
    expect(all(data, 'labels').slice(0, 2)).toEqual([0, 1]);
  });

  test('a column without a value', async () => {
    expect(await refused('DATA_SQL', ['', '', ''], { dense: ['x'] })).toMatch(/Column "x" has no value in any row/);
  });
});

describe('one odd value does not turn numbers and dates into texts that are compared letter by letter', () => {
  test.each(["x >= '10'", "x BETWEEN '9' AND '11'", 'x < x', 'max(x) OVER () = x', "greatest(x, '7') = x"])(
    '%s',
    async (label) => {
      expect(await refused('DATA_SQL', ['9', '10', 'N/A'], { label })).toMatch(
        /Expected values of one kind in column "x".* not a number like most others: "N\/A" in line 4/,
      );
      const data = await open(['9', '10', 'N/A'], { label: label.replaceAll(/\bx\b/g, 'x::VARCHAR') });
      expect(data.splits).toHaveLength(4);
    },
  );

  test('the values of one kind are compared as what they are', async () => {
    expect(all(await open(['9', '10', '11'], { label: "x >= '10'" }), 'labels').slice(0, 3)).toEqual([0, 1, 1]);
    expect(all(await open(['2001-1-9', '2001-1-10'], { label: "x >= '2001-1-10'" }), 'labels').slice(0, 2)).toEqual([
      0, 1,
    ]);
    expect(all(await open(['b', 'a', 'c'], { label: "x < 'b'" }), 'labels').slice(0, 3)).toEqual([0, 1, 0]);
  });
});

describe('data.types', () => {
  test('a value that does not fit is an error with its file and line', async () => {
    const asked = (type: string) => ({ types: { X: type }, features: ['x'] });
    const at = (value: string, type: string): RegExp => {
      return new RegExp(
        `Expected ${type} for column "x" \\(data\\.types\\), received "${value}" in line 3 of .*\\.csv`,
      );
    };
    for (const [type, good, bad] of [
      ['BIGINT', '7', '3.5'],
      ['bigint', '7', '9223372036854775808'],
      ['HUGEINT', '9223372036854775808', 'x'],
      ['DOUBLE', '1e3', 'NaN'],
      ['BOOLEAN', 'true', 'yes'],
      ['DATE', '2001-01-01', '2001-01-01 10:00'],
      ['TIMESTAMP', '2001-01-01', '2001-01-01 10:00Z'],
      ['TIME', '10:00', '24:01'],
    ] as const) {
      expect(await refused('DATA_SOURCE', [good, bad], asked(type))).toMatch(at(bad, type.toUpperCase()));
    }
  });

  test('text keeps a column of numbers text', async () => {
    const data = await open(['07', '7'], { types: { x: 'text' }, label: "x = '07'", features: ['x'] });
    expect(all(data, 'labels').slice(0, 2)).toEqual([1, 0]);
    expect(await refused('DATA_SQL', ['07', '7'], { types: { x: 'VARCHAR' }, label: 'x = 7' })).toMatch(
      /is text, as data\.types says/,
    );
  });

  test('unknown types, columns, and sources that have types', async () => {
    expect(await refused('INVALID_CONFIG', ['1'], { types: { x: 'BIGIN' } })).toMatch(
      /data: Expected one of VARCHAR, .*received "BIGIN"\. Did you mean "BIGINT"\? \(types\.x\)/,
    );
    expect(await refused('INVALID_CONFIG', ['1'], { types: { xx: 'DOUBLE' } })).toMatch(
      /columns of .*\.csv in data\.types, received "xx"\. Did you mean "x"\? Columns: t, x/,
    );
    const query = { ...config('', 40, { types: { t: 'DOUBLE' } }), source: undefined, query: 'SELECT 1 AS t' };
    expect((await failure('INVALID_CONFIG', () => openDataset(query))).message).toMatch(/only with csv and JSON/);
  });
});
