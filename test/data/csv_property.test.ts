/** Random csv files against a reader of a few lines that shares nothing with the product. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openDataset } from '../../lib/data/dataset.ts';
import type { Dataset } from '../../lib/data/types.ts';
import { temporaryFolder } from './files.ts';

const { write } = temporaryFolder();

interface Dialect {
  delimiter: string;
  newline: string;
  /** What stands before a quote within quotes. */
  before: string;
}

interface Row {
  a: string;
  b: string;
  n: string;
  label: string;
}

const columns = ['t', 'a', 'b', 'n', 'label'] as const;

/** Fields of a csv text, state by state. */
function readCsv(text: string, { delimiter, before }: Dialect): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quoted) {
      if (c === before && text[i + 1] === '"') field += text[++i];
      else if (c === before && before === '\\' && text[i + 1] === '\\') field += text[++i];
      else if (c === '"') quoted = false;
      else field += c;
    } else if (c === '"') {
      quoted = true;
    } else if (c === delimiter || c === '\n' || c === '\r') {
      record.push(field);
      field = '';
      if (c === delimiter) continue;
      if (c === '\r' && text[i + 1] === '\n') i += 1;
      records.push(record);
      record = [];
    } else {
      field += c;
    }
  }
  if (field !== '' || record.length > 0) records.push([...record, field]);
  return records;
}

function writeCsv(rows: readonly string[][], { delimiter, newline, before }: Dialect, quoteAll: boolean): string {
  const field = (text: string): string => {
    if (!quoteAll && !/["\r\n,;|\t\\]/.test(text) && text !== '') return text;
    const escaped = before === '\\' ? text.replaceAll('\\', '\\\\') : text;
    return `"${escaped.replaceAll('"', `${before}"`)}"`;
  };
  const lines = rows.map((row) => row.map((text) => (text === '' && !quoteAll ? '' : field(text))).join(delimiter));
  return lines.join(newline) + newline;
}

const word = fc.constantFrom(
  '7',
  '07',
  '+7',
  ' 7',
  '7.0',
  '7e0',
  'true',
  'TRUE',
  'x',
  'é "ü"',
  'a,b;c|d\te',
  'two\nlines',
  'r\r\nn',
  '2001-1-1',
  '2001-01-01',
  '',
  ' ',
  'NULL',
  '日本',
  'back\\slash',
  '0x7',
  '-',
  '#1',
);
const number = fc.oneof(
  fc.integer({ min: -50, max: 50 }).map(String),
  fc.constantFrom('', '+3', '007', ' 5 ', '2.5', '-.5', '1e3', '1E-2', '9007199254740992', '4.', '0.1'),
);
const row: fc.Arbitrary<Row> = fc.record({ a: word, b: word, n: number, label: fc.constantFrom('0', '1') });
const dialect: fc.Arbitrary<Dialect> = fc.record({
  delimiter: fc.constantFrom(',', ';', '\t', '|'),
  newline: fc.constantFrom('\n', '\r\n'),
  before: fc.constantFrom('"', '"', '\\'),
});

async function open(source: string[]): Promise<Dataset> {
  return openDataset({
    source,
    label: 'label',
    features: ['a', 'b', 'n', { name: 'ab', expr: "a || '/' || n" }],
    dense: ['coalesce(n, -99)'],
    splits: { teacher: 't >= 3', student: 't = 0', validation: 't = 1', evaluation: 't = 2' },
    idOrder: 'appearance',
    minCount: 1,
  });
}

function contents(data: Dataset): unknown {
  return data.splits.map((name) => {
    const split = data.split(name);
    // Values that only validation and evaluation have are one id; their rows are alike in all files here.
    const texts = data.features.map((_, f) => Array.from(split.ids(f).ids, (id) => data.text(f, id)));
    return { name, labels: [...split.labels], dense: [...split.dense], texts };
  });
}

test('any csv: what an independent reader reads, in one file and in two', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 30 }),
      dialect,
      fc.boolean(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (random, style, quoteAll, cut) => {
        // A quote within quotes, without which nothing says that a backslash is more than a backslash.
        const first = { a: 'x "y"', b: 'y', n: '1', label: '1' };
        const rows = [first, first, first, first, ...random].map((r, t) => [String(t), r.a, r.b, r.n, r.label]);
        const text = writeCsv([[...columns], ...rows], style, quoteAll);
        const [, ...read] = readCsv(text, style);
        expect(read).toEqual(rows);

        run += 1;
        const data = await open([write(`p${run}.csv`, text)]);
        const value = (field: string): string | null => (field === '' ? null : field);
        const teacher = read.slice(3);
        expect(contents(data)).toContainEqual({
          name: 'teacher',
          labels: teacher.map((r) => Number(r[4])),
          dense: teacher.map((r) => Math.fround(r[3] === '' ? -99 : Number(r[3]))),
          texts: [
            ...[1, 2, 3].map((c) => teacher.map((r) => value(r[c]!))),
            teacher.map((r) => (r[1] === '' || r[3] === '' ? null : `${r[1]}/${r[3]}`)),
          ],
        });

        const at = Math.floor(cut * (rows.length + 1));
        const halves = [rows.slice(0, at), rows.slice(at)].map((part, h) => {
          return write(`p${run}-${h}.csv`, writeCsv([[...columns], ...part], style, quoteAll));
        });
        expect(contents(await open(halves))).toEqual(contents(data));
      },
    ),
    { numRuns: Number(process.env.CSV_RUNS ?? 15) },
  );
}, 300_000);
