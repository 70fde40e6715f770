/** The values of the data in an exported mapping, read back by readers of others. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openDataset } from '../../lib/data/dataset.ts';
import { TextBuilder } from '../../lib/data/value_texts.ts';
import { writeMapping } from '../../lib/export/mapping_file.ts';
import { readNpy } from '../../lib/files/index.ts';
import { baselineHashing } from '../../lib/methods/baseline.ts';
import { trainStudent } from '../../lib/pipeline/student.ts';
import { temporaryFolder } from '../files/temporary.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

/** RFC 4180, plainly: records of fields, and of each whether it was quoted. */
function parseCsv(text: string): { field: string; quoted: boolean }[][] {
  const records: { field: string; quoted: boolean }[][] = [];
  let record: { field: string; quoted: boolean }[] = [];
  for (let i = 0; i < text.length; ) {
    let field = '';
    const quoted = text[i] === '"';
    if (quoted) {
      for (i += 1; text[i] !== '"' || text[i + 1] === '"'; i++) {
        if (text[i] === '"') i += 1;
        field += text[i];
      }
      i += 1;
    } else {
      while (i < text.length && text[i] !== ',' && text[i] !== '\n') field += text[i++];
    }
    record.push({ field, quoted });
    if (text[i] === '\n') {
      records.push(record);
      record = [];
    }
    i += 1;
  }
  return records;
}

async function readParquet(path: string, columns = '*'): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const rows = (await connection.runAndReadAll(`SELECT ${columns} FROM '${path}'`)).getRowObjects();
  connection.closeSync();
  instance.closeSync();
  return rows;
}

it('any values survive csv and parquet, NULL apart from the empty text and from unseen values', async () => {
  const special = fc.constantFrom(
    null,
    '',
    ' ',
    'a,b',
    '"',
    'two\nlines',
    'two\r\nlines',
    ' x',
    'x ',
    'NULL',
    '\ufeff',
    ',',
  );
  const values = fc.uniqueArray(fc.oneof(special, fc.string({ unit: 'binary', maxLength: 5 })), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(values, async (list) => {
      const builder = new TextBuilder(list.length);
      for (const value of list) builder.append(value);
      const cardinality = list.length + 1;
      const known = { name: 'f', cardinality, outOfVocabulary: list.length, values: builder.finish(), type: 'VARCHAR' };
      const feature = {
        name: 'f',
        cardinality,
        hashes: [{ kind: 'modulo' as const, rows: 3 }],
        combine: 'sum' as const,
      };
      await writeMapping(at('any.csv'), feature, 0, known);
      await writeMapping(at('any.parquet'), feature, 0, known);
      const kinds = [...list.map((value) => (value === null ? 'null' : 'value')), 'unseen'];
      const [header, ...records] = parseCsv(await readFile(at('any.csv'), 'utf8'));
      expect(header!.map(({ field }) => field)).toEqual(['id', 'row', 'value', 'kind']);
      expect(records).toEqual(
        kinds.map((kind, id) => [
          { field: String(id), quoted: false },
          { field: String(id % 3), quoted: false },
          { field: list[id] ?? '', quoted: records[id]![2]!.quoted },
          { field: kind, quoted: false },
        ]),
      );
      for (const [id, value] of list.entries()) expect(value === '').toBe(value === '' && records[id]![2]!.quoted);
      // As bytes: DuckDB's own text loses a byte order mark.
      const read = await readParquet(at('any.parquet'), '* REPLACE (encode(value) AS value)');
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
      const texts = read.map(({ value, ...rest }) => ({
        ...rest,
        value: value === null ? null : decoder.decode((value as { bytes: Uint8Array }).bytes),
      }));
      expect(texts).toEqual(kinds.map((kind, id) => ({ id, row: BigInt(id % 3), value: list[id] ?? null, kind })));
    }),
    { numRuns: 15 },
  );
});

it('collide export writes them beside id and row; numbers stay numbers in parquet', async () => {
  const data = await openDataset({
    query:
      "SELECT t, (t * 7) % 10 AS item, CASE t % 3 WHEN 0 THEN 'a, \"b\"' WHEN 1 THEN '' END AS tag FROM range(90) r(t)",
    label: 't % 2',
    features: ['item', 'tag'],
    splits: { teacher: 't < 30', student: 't >= 30 and t < 60', evaluation: 't >= 60' },
    idOrder: 'appearance',
  });
  const hashing = await baselineHashing(data, { method: 'modulo', size: 0.5, minRows: 0 });
  await mkdir(at('model'));
  await hashing.save(at('model/mapping.safetensors'));
  const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
  const collide = (...given: string[]) =>
    spawnSync(process.execPath, [program, 'export', 'model/mapping.safetensors', ...given], {
      cwd: folder,
      encoding: 'utf8',
    });
  expect(collide('--feature', 'tag', '--out', 'tag.csv').status).toBe(0);
  expect(await readFile(at('tag.csv'), 'utf8')).toBe(
    'id,row,value,kind\n0,0,"a, ""b""",value\n1,1,"",value\n2,0,,null\n3,1,,unseen\n',
  );
  expect(collide('--feature', 'item', '--out', 'item.parquet').status).toBe(0);
  const rows = (await readParquet(at('item.parquet'))) as { value: unknown; kind: string }[];
  const items = Array.from({ length: 10 }, (_, t) => ({
    id: t,
    row: BigInt(t % 6),
    value: BigInt((t * 7) % 10),
    kind: 'value',
  }));
  expect(rows).toEqual([...items, { id: 10, row: 4n, value: null, kind: 'unseen' }]);
  expect(collide('--feature', 'item', '--out', 'item.npy').status).toBe(0);
  expect((await readNpy(at('item.npy'))).shape).toEqual([11]);

  // Beside a student of another training the mapping is not that of the rows.
  using student = await trainStudent(data.split('student'), { hashing, dim: 2 });
  await student.save(at('model/student'));
  const another = await baselineHashing(data, { method: 'modulo', size: 0.4, minRows: 0 });
  await another.save(at('model/mapping.safetensors'));
  const refused = collide('--feature', 'tag', '--out', 'refused.csv');
  expect([refused.status, existsSync(at('refused.csv'))]).toEqual([2, false]);
  expect(refused.stderr).toMatch(
    /of one training, received another mapping than the student has.*\[INVALID_ARGUMENT\]/,
  );
  await hashing.save(at('model/mapping.safetensors'));
  expect(collide('--feature', 'tag', '--out', 'tag.csv').status).toBe(0);

  const named = await baselineHashing(data.features, { method: 'modulo', size: 0.5, minRows: 0 });
  await rm(at('model/student'), { recursive: true });
  await named.save(at('model/mapping.safetensors'));
  const plain = collide('--feature', 'tag', '--out', 'plain.csv');
  expect(plain.stdout).toContain('4 ids, without values');
  expect(await readFile(at('plain.csv'), 'utf8')).toBe('id,row\n0,0\n1,1\n2,0\n3,1\n');
});
