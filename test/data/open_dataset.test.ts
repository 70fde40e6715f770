import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DataConfigInput } from '../../lib/data/config.ts';
import { openDataset } from '../../lib/data/dataset.ts';
import { hashText } from '../../lib/data/encode.ts';
import type { Dataset } from '../../lib/data/types.ts';
import type { Progress } from '../../lib/job.ts';
import { failure, smallConfig, smallCsv, temporaryFolder } from './files.ts';

const { folder, write } = temporaryFolder();

async function runSql(sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(sql);
  connection.closeSync();
  instance.closeSync();
}

/** Everything a data set holds, as plain arrays. */
function contents(data: Dataset): unknown {
  return data.splits.map((name) => {
    const split = data.split(name);
    return {
      name,
      labels: [...split.labels],
      dense: [...split.dense],
      ids: data.features.map((_, f) => ({ ids: [...split.ids(f).ids], offsets: split.ids(f).offsets?.join() ?? null })),
      unseen: data.features.map((_, f) => split.unseen(f)),
    };
  });
}

describe('reading', () => {
  test('csv: splits, labels, ids by frequency, validation from every 20th student row', async () => {
    const path = write('small.csv', smallCsv(100));
    const data = await openDataset(smallConfig(path));
    expect(data.splits).toEqual(['teacher', 'student', 'validation', 'evaluation']);
    expect(data.splits.map((name) => data.split(name).rows)).toEqual([40, 38, 2, 20]);
    expect(data.validationFrom).toBe('student');
    expect(data.idOrder).toBe('frequency');
    // Student rows are t = 40 .. 79, of which the 20th and the 40th are t = 59 and 79: labels 1 and 1.
    expect([...data.split('validation').labels]).toEqual([1, 1]);
    expect([...data.split('teacher').labels.subarray(0, 4)]).toEqual([0, 1, 0, 1]);
    expect(data.features).toEqual([
      { name: 'user', cardinality: 13, list: false, outOfVocabulary: 12 },
      // t * t mod 5 is 0, 1 or 4
      { name: 'item', cardinality: 4, list: false, outOfVocabulary: 3 },
    ]);
    const counts = data.features.map((_, f) => {
      const teacher = data.split('teacher').idCounts(f);
      return data
        .split('student')
        .idCounts(f)
        .map((count, id) => count + teacher[id]!);
    });
    for (const feature of counts) expect([...feature]).toEqual([...feature].sort((a, b) => b - a));
    const texts = Array.from(data.split('teacher').ids(0).ids, (id) => data.text(0, id));
    expect(texts).toEqual(Array.from({ length: 40 }, (_, t) => `u${(t * 7) % 12}`));
    expect(data.text(0, 12)).toBeNull();
  });

  test('tsv, gzip, several gzip members, parquet and a list of files give what the csv gives', async () => {
    const text = smallCsv(100);
    const csv = await openDataset(smallConfig(write('same.csv', text)));
    const expected = contents(csv);
    const lines = text.split('\n');
    const header = `${lines[0]}\n`;
    const half = (from: number, to: number): string => `${lines.slice(from, to).join('\n')}\n`;
    const sources: Record<string, DataConfigInput['source']> = {
      tsv: write('same.tsv', text.replaceAll(',', '\t')),
      gzip: write('same.csv.gz', gzipSync(text)),
      members: write('members.csv.gz', Buffer.concat([gzipSync(header + half(1, 31)), gzipSync(half(31, 101))])),
      windows: write('windows.csv', `\ufeff${text.replaceAll('\n', '\r\n')}`),
      semicolons: write('semicolons.txt', text.replaceAll(',', ';')),
      list: [write('part1.csv', header + half(1, 51)), write('part2.csv', header + half(51, 101))],
      glob: join(folder, 'part*.csv'),
      parquet: join(folder, 'same.parquet'),
    };
    await runSql(`COPY (FROM '${join(folder, 'same.csv')}') TO '${join(folder, 'same.parquet')}'`);
    for (const [kind, source] of Object.entries(sources)) {
      const data = await openDataset({ ...smallConfig(''), source });
      expect({ kind, contents: contents(data) }).toEqual({ kind, contents: expected });
    }
  });

  test('paths start at data.folder, also those in a query; its brackets are no pattern', async () => {
    const nested = join(folder, 'data[1]');
    mkdirSync(nested);
    write('data[1]/a1.csv', smallCsv(100));
    const direct = contents(await openDataset(smallConfig('a1.csv', { folder: nested })));
    expect(contents(await openDataset(smallConfig('a?.csv', { folder: nested })))).toEqual(direct);
    const query = "SELECT * FROM read_csv('a1.csv') -- a comment";
    const queried = await openDataset({ ...smallConfig(''), source: undefined, query, folder: nested });
    expect(contents(queried)).toEqual(direct);
  });

  test('expressions: dense columns, list features, window functions in splits, an order', async () => {
    const rows = ['t,who,tags,x', '3,a,p|q,0.5', '1,b,,1.5', '2,a,q,2.5', '0,b,p|p|r,3.5', '5,a,s,4.5', '4,b,q|s,5.5'];
    const path = write('lists.csv', `${rows.join('\n')}\n`);
    const position = 'row_number() OVER (PARTITION BY who ORDER BY t)';
    const data = await openDataset({
      source: path,
      label: 'x > 2',
      features: ['who', { name: 'tag', expr: "string_split(tags, '|')" }],
      dense: ['x * 2', { name: 'root', expr: 'sqrt(x + 0.75)' }],
      // a: t = 2, 3, 5; b: t = 0, 1, 4
      splits: {
        teacher: `${position} = 1`,
        student: `${position} = 2 and who = 'a'`,
        validation: `${position} = 2 and who = 'b'`,
        evaluation: `${position} = 3`,
      },
      order: 't',
    });
    expect(data.validationFrom).toBe('config');
    expect(data.dense).toEqual(['x * 2', 'root']);
    expect(contents(data)).toEqual([
      // t = 0: b, p p r; t = 2: a, q. Counts over teacher and student: p 3, q 2, r 1.
      {
        name: 'teacher',
        labels: [1, 1],
        dense: [7, Math.fround(Math.sqrt(4.25)), 5, Math.fround(Math.sqrt(3.25))],
        ids: [
          { ids: [1, 0], offsets: null },
          { ids: [0, 0, 2, 1], offsets: '0,3,4' },
        ],
        unseen: [0, 0],
      },
      // t = 3: a, p q
      {
        name: 'student',
        labels: [0],
        dense: [1, Math.fround(Math.sqrt(1.25))],
        ids: [
          { ids: [0], offsets: null },
          { ids: [0, 1], offsets: '0,2' },
        ],
        unseen: [0, 0],
      },
      // t = 1: b, an empty field is NULL, and a NULL list is an empty bag
      {
        name: 'validation',
        labels: [0],
        dense: [3, 1.5],
        ids: [
          { ids: [1], offsets: null },
          { ids: [], offsets: '0,0' },
        ],
        unseen: [0, 0],
      },
      // t = 4: b, q s; t = 5: a, s. s is unseen.
      {
        name: 'evaluation',
        labels: [1, 1],
        dense: [11, 2.5, 9, Math.fround(Math.sqrt(5.25))],
        ids: [
          { ids: [1, 0], offsets: null },
          { ids: [1, 3, 3], offsets: '0,2,3' },
        ],
        unseen: [0, 2],
      },
    ]);
  });

  test('fixed-size arrays are bags; NULL is a value of its own, inside lists too', async () => {
    const data = await openDataset({
      query:
        "SELECT t, CASE WHEN t % 2 = 0 THEN 'x' END AS a, [NULL, t % 3] AS l, array_value(t % 2, 7) AS pair FROM range(60) r(t)",
      label: 't % 2 = 0',
      features: ['a', 'l', 'pair'],
      splits: { teacher: 't < 20', student: 't >= 20 and t < 40', evaluation: 't >= 40' },
      idOrder: 'appearance',
    });
    expect(data.features.map(({ cardinality, list }) => ({ cardinality, list }))).toEqual([
      { cardinality: 3, list: false },
      { cardinality: 5, list: true },
      { cardinality: 4, list: true },
    ]);
    expect([0, 1].map((id) => data.text(0, id))).toEqual(['x', null]);
    expect([...data.split('teacher').ids(0).ids.subarray(0, 4)]).toEqual([0, 1, 0, 1]);
    expect([...data.split('teacher').ids(1).ids.subarray(0, 6)]).toEqual([0, 1, 0, 2, 0, 3]);
    expect(data.text(1, 0)).toBeNull();
    expect([...data.split('teacher').ids(2).ids.subarray(0, 6)]).toEqual([0, 1, 2, 1, 0, 1]);
  });

  test('many chunks and row groups keep the source order, with window functions too', async () => {
    const path = join(folder, 'large.parquet');
    const rows = 'SELECT range AS t, range * 7919 % 10007 AS user, range % 3 = 0 AS label FROM range(200000)';
    await runSql(`COPY (${rows}) TO '${path}' (ROW_GROUP_SIZE 10000)`);
    for (const position of ['t', 'row_number() OVER (PARTITION BY label ORDER BY t DESC) * 0 + t']) {
      const data = await openDataset({
        source: path,
        label: 'label',
        features: ['user', { name: 'users', expr: '[user, t % 2]' }],
        dense: ['t'],
        splits: {
          teacher: `${position} < 90000`,
          student: `${position} < 180000 and t >= 90000`,
          evaluation: 't >= 180000',
        },
        idOrder: 'appearance',
      });
      const { dense, labels } = data.split('teacher');
      const { ids } = data.split('teacher').ids(0);
      const lists = data.split('teacher').ids(1).ids;
      let wrong = 0;
      for (let t = 0; t < 90_000; t++) {
        // 7919 and 10007 are prime: the first 10,007 users all differ, then they repeat.
        if (dense[t] !== t || labels[t] !== (t % 3 === 0 ? 1 : 0) || ids[t] !== t % 10_007) wrong += 1;
        if (Number(data.text(1, lists[2 * t + 1]!)) !== t % 2) wrong += 1;
      }
      expect(wrong).toBe(0);
    }
  });

  test('a boolean label, quoted fields, reserved words as columns, rows of no split', async () => {
    const lines = Array.from({ length: 90 }, (_, t) => `${t},"a, ""b""\n${t % 3}",${t % 4 === 0}`);
    const path = write('quoted.csv', `t,"order",ok\n${lines.join('\n')}\n`);
    const data = await openDataset({
      source: path,
      label: 'ok',
      features: ['order'],
      splits: { teacher: 't < 30', student: 't >= 30 and t < 60', evaluation: 'nullif(t, 75) >= 70' },
    });
    expect(data.splits.map((name) => data.split(name).rows)).toEqual([30, 29, 1, 19]);
    expect(data.text(0, 0)).toBe('a, "b"\n0');
    expect([...data.split('teacher').labels.subarray(0, 5)]).toEqual([1, 0, 0, 0, 1]);
  });
});

describe('ids', () => {
  test('by frequency with ties by appearance, or by appearance, in row order', async () => {
    const users = ['c', 'a', 'b', 'a', 'd', 'b', ...Array.from({ length: 20 }, () => 'e')];
    const path = write('ids.csv', `t,user\n${users.map((user, t) => `${t},${user}`).join('\n')}\n99,z\n`);
    const open = async (more: Partial<DataConfigInput>): Promise<(string | null)[]> => {
      const splits = { teacher: 't < 5', student: 't >= 5 and t < 25', validation: 't = 25', evaluation: 't = 99' };
      const data = await openDataset({ source: path, label: 't % 2', features: ['user'], splits, ...more });
      return Array.from({ length: data.features[0]!.cardinality - 1 }, (_, id) => data.text(0, id));
    };
    expect(await open({})).toEqual(['e', 'a', 'b', 'c', 'd']);
    expect(await open({ idOrder: 'appearance' })).toEqual(['c', 'a', 'b', 'd', 'e']);
    expect(await open({ idOrder: 'appearance', order: '-t' })).toEqual(['e', 'b', 'd', 'a', 'c']);
    expect(await open({ order: ['user', 't'] })).toEqual(['e', 'a', 'b', 'c', 'd']);
  });

  test('unseen: a row of their own, a fixed hash, or an error that names the first', async () => {
    const path = write(
      'unseen.csv',
      smallCsv(100, (t) => `${t},u${t < 80 ? t % 8 : t % 10},i${t % 3},${t % 2}`),
    );
    const row = await openDataset(smallConfig(path));
    expect(row.features[0]).toMatchObject({ cardinality: 9, outOfVocabulary: 8 });
    expect(row.split('evaluation').unseen(0)).toBe(4);
    expect(row.split('evaluation').idCounts(0)[8]).toBe(4);
    expect(row.split('evaluation').unseen(1)).toBe(0);

    const hashed = await openDataset(smallConfig(path, { unseen: 'hash' }));
    expect(hashed.features[0]).toMatchObject({ cardinality: 8, outOfVocabulary: null });
    expect(hashed.split('evaluation').unseen(0)).toBe(4);
    const { ids } = hashed.split('evaluation').ids(0);
    expect([ids[8], ids[9]]).toEqual([hashText('u8', 8), hashText('u9', 8)]);

    const error = await failure('UNSEEN_ID', () => openDataset(smallConfig(path, { unseen: 'error' })));
    expect(error.message).toMatch(/feature "user".*received u8 in row 89 of the source \(split evaluation\)/);
    const seen = smallConfig(path, { unseen: 'error', features: ['item'] });
    expect((await openDataset(seen)).features[0]).toMatchObject({ cardinality: 3, outOfVocabulary: null });
  });

  test('minCount: values that training has fewer times count as unseen, and so train their row', async () => {
    // u0 .. u6 come 10 times or more in the 90 training rows, u9 once, in the first.
    const path = write(
      'rare.csv',
      smallCsv(100, (t) => `${t},u${t === 0 ? 9 : t % 7},i${t % 3},${t % 2}`),
    );
    const all = await openDataset(smallConfig(path));
    expect(all.features[0]).toMatchObject({ cardinality: 9, outOfVocabulary: 8 });
    const common = await openDataset(smallConfig(path, { minCount: 2 }));
    expect(common.features[0]).toMatchObject({ cardinality: 8, outOfVocabulary: 7 });
    expect(common.split('teacher').unseen(0)).toBe(1);
    expect(common.split('teacher').idCounts(0)[7]).toBe(1);
    expect(common.split('evaluation').unseen(0)).toBe(0);
    const hashed = await openDataset(smallConfig(path, { minCount: 2, unseen: 'hash' }));
    expect(hashed.split('teacher').ids(0).ids[0]).toBe(hashText('u9', 7));
    const error = await failure('INVALID_CONFIG', () =>
      openDataset(smallConfig(path, { minCount: 2, unseen: 'error' })),
    );
    expect(error.message).toContain('minCount');
  });

  test('any rows: the same as a Map over the rows would give', async () => {
    const row = fc.record({
      split: fc.constantFrom('teacher', 'student', 'validation', 'evaluation', 'none'),
      value: fc.constantFrom('a', 'b', 'c', 'd', 'ä "ö"', ''),
      bag: fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 4 }),
      key: fc.integer({ min: 0, max: 3 }),
      label: fc.boolean(),
    });
    const splits = ['teacher', 'student', 'validation', 'evaluation'] as const;
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 40 }),
        fc.constantFrom('frequency' as const, 'appearance' as const),
        fc.boolean(),
        async (random, idOrder, ordered) => {
          // One of each split first, so that none is empty.
          const firsts = splits.map((split) => ({ split, value: 'a', bag: [1], key: 2, label: true }));
          const rows = [...firsts, ...random];
          const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
          const lines = rows.map((r) => `${r.split},${quote(r.value)},${r.bag.join('|')},${r.key},${r.label}`);
          const path = write(`any${run++}.csv`, `split,value,bag,key,label\n${lines.join('\n')}\n`);
          const data = await openDataset({
            source: path,
            label: 'label',
            features: ['value', { name: 'bag', expr: "string_split(CAST(bag AS VARCHAR), '|')" }],
            splits: Object.fromEntries(splits.map((s) => [s, `split = '${s}'`])) as DataConfigInput['splits'],
            order: ordered ? 'key' : undefined,
            idOrder,
          });
          const inOrder = ordered ? [...rows].sort((a, b) => a.key - b.key) : rows;
          for (const [f, values] of [
            (r: (typeof rows)[0]) => [r.value],
            (r: (typeof rows)[0]) => r.bag.map(String),
          ].entries()) {
            const counts = new Map<string, number>();
            for (const r of inOrder) {
              if (r.split !== 'teacher' && r.split !== 'student') continue;
              for (const value of values(r)) counts.set(value, (counts.get(value) ?? 0) + 1);
            }
            let known = [...counts];
            if (idOrder === 'frequency') known = known.sort((a, b) => b[1] - a[1]);
            const ids = new Map(known.map(([value], id) => [value, id]));
            expect(data.features[f]!.cardinality).toBe(ids.size + 1);
            for (const name of splits) {
              const members = inOrder.filter((r) => r.split === name);
              const expected = members.flatMap((r) => values(r).map((value) => ids.get(value) ?? ids.size));
              expect([...data.split(name).ids(f).ids]).toEqual(expected);
              expect([...data.split(name).labels]).toEqual(members.map((r) => (r.label ? 1 : 0)));
            }
          }
        },
      ),
      { numRuns: 8 },
    );
  });
});

describe('long work', () => {
  test('reports each step, ends at the total, stops on a signal', async () => {
    const path = write('progress.csv', smallCsv(100));
    const seen: Progress[] = [];
    await openDataset(smallConfig(path), { onProgress: (progress) => seen.push(progress) });
    expect(seen.map((p) => p.step).filter((step, i, all) => step !== all[i - 1])).toEqual([
      'finding types in progress.csv',
      'reading progress.csv',
      'checking labels and splits',
      'encoding user',
      'encoding item',
      'ready',
    ]);
    expect(seen.map((p) => p.share)).toEqual(seen.map((p) => p.share).sort((a, b) => a - b));
    expect(seen.at(-1)).toEqual({ step: 'ready', share: 1 });

    await failure('ABORTED', () => openDataset(smallConfig(path), { signal: AbortSignal.abort() }));
    const controller = new AbortController();
    // Hours of work: unless it stops, the test runs into its time limit.
    const query = 'SELECT a.range AS t, b.range AS user FROM range(1000000) a, range(1000000) b';
    const endless = { ...smallConfig(''), source: undefined, query, label: 't % 2', features: ['user'] };
    setTimeout(() => controller.abort(), 300);
    await failure('ABORTED', () => openDataset(endless, { signal: controller.signal }));
  });

  test('after close a split cannot be taken, one taken before works on', async () => {
    const data = await openDataset(smallConfig(write('close.csv', smallCsv(100))));
    const split = data.split('teacher');
    data.close();
    await failure('CLOSED', () => data.split('teacher'));
    expect(split.labels).toHaveLength(40);
  });
});
