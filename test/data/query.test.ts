import { expect, test } from 'vitest';
import { openDataset } from '../../lib/data/dataset.ts';
import { failure, temporaryFolder } from './files.ts';

const { folder, write } = temporaryFolder();

// Half stars and a new key, far behind what DuckDB looks at by itself.
const rows = Array.from({ length: 21_000 }, (_, t) => ({ t, x: t < 20_990 ? 4 : 3.5 }));
write('late.csv', `t,x\n${rows.map(({ t, x }) => `${t},${x}`).join('\n')}\n`);
write('late.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''));

function config(query: string) {
  const splits = { teacher: 't < 20000', student: 't >= 20000 and t < 20990', evaluation: 't >= 20990' };
  return { query, folder, label: 'x >= 4', features: ['t'], splits };
}

test.each([
  ["SELECT * FROM read_csv('late.csv');"],
  ["SELECT * FROM 'late.csv' ; \n"],
  ["FROM read_csv(['late.csv'], header = true, delim = ',') -- of (late.csv"],
  ["SELECT late.* FROM 'late.csv' JOIN (SELECT 'ü') ON true"],
  ["SELECT l.* FROM \"late.csv\" AS l JOIN 'late.csv' r ON l.t = r.t WHERE 'ü' <> ''"],
  ["WITH w AS (SELECT * FROM read_csv_auto('late.csv', types = {'t': 'INTEGER'})) SELECT * FROM w"],
  ["SELECT * FROM read_csv('late.csv', sample_size = -1)"],
  ["SELECT CAST(t AS INT) AS t, CAST(x AS DOUBLE) AS x FROM read_csv('late.csv', all_varchar = true)"],
  ["SELECT late.* FROM 'late.jsonl'"],
  ["SELECT * FROM read_json('late.jsonl', format = 'newline_delimited')"],
])('values keep what they are: %s', async (query) => {
  const data = await openDataset(config(query));
  expect([...data.split('evaluation').labels]).toEqual(Array(10).fill(0));
  expect([...data.split('student').labels].includes(0)).toBe(false);
});

test('a sample that the query asks for is refused', async () => {
  const query = "SELECT * FROM read_csv('late.csv', sample_size = 100)";
  const { message } = await failure('DATA_SQL', () => openDataset(config(query)));
  expect(message).toMatch(/data\.query: Expected sample_size = -1 \(or none\) in read_csv, received another/);
});

test('a text column is not compared with a number, which would round it', async () => {
  const query = "SELECT * FROM read_csv('late.csv', all_varchar = true)";
  const splits = { teacher: "t = '1'", student: "t = '2'", validation: "t = '3'", evaluation: "t = '4'" };
  for (const label of [
    'x = 4',
    'x IN (4, 5)',
    '4 <> x',
    'CASE x WHEN 4 THEN 1 ELSE 0 END',
    'x = abs(-4)',
    'x = t::INT',
  ]) {
    const { message } = await failure('DATA_SQL', () => openDataset({ ...config(query), splits, label }));
    expect(message).toMatch(/data\.label: Expected a text to compare the text column "x" with, received a number/);
  }
  const data = await openDataset({ ...config(query), splits, label: "x = '4'" });
  expect([...data.split('teacher').labels]).toEqual([1]);
});

test('types are found over more JSON files than DuckDB looks into', async () => {
  for (let f = 0; f < 40; f++) write(`many${f}.json`, JSON.stringify({ t: f, x: f === 33 ? 3.5 : 4 }));
  const splits = { teacher: 't < 20', student: 't >= 20 and t < 30', validation: 't = 30', evaluation: 't > 30' };
  for (const from of ["'many*.json'", "read_json('many*.json')", "read_json_auto('many*.json', sample_size = -1)"]) {
    const data = await openDataset({ ...config(`SELECT * FROM ${from} ORDER BY t`), splits });
    expect([...data.split('evaluation').labels]).toEqual([1, 1, 0, 1, 1, 1, 1, 1, 1]);
  }
});
