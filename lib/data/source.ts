/**
 * Turns `data.source` or `data.query` into one FROM item.
 *
 * csv and JSON are read with every column as text; text_columns.ts then gives types to those that expressions calculate
 * with. Gzip files are checked to their end first (about 300 MB of text a second): DuckDB takes a file that was cut off
 * for a shorter one.
 */
import { existsSync } from 'node:fs';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { CollideError, suggestion } from '../errors.ts';
import type { CheckedConfig } from './config.ts';
import { encodingAdvice, openCsv } from './csv.ts';
import { type Engine, EngineError, quoteName, quoteText } from './engine.ts';
import { checkGzip, head } from './gzip.ts';
import { openJson } from './json.ts';
import { checkParquetTypes } from './parquet_types.ts';
import { wholeFiles } from './query.ts';

export interface Source {
  /** To stand behind FROM; needs an alias. */
  sql: string;
  /** For messages. */
  name: string;
  kind: 'csv' | 'json' | 'parquet' | 'duckdb' | 'query';
  /** Of csv and JSON: the columns that `sql` gives as text, as it is written in the files. */
  texts: readonly string[];
  /** Of csv and JSON: `sql` with one more column `collide_file`, the file of each row. */
  sqlWithFile?: string;
  /** A text of DuckDB with the names that the user knows of files that stand somewhere else for the time being. */
  shown(text: string): string;
}

const endings: readonly [Source['kind'] | 'database', RegExp][] = [
  ['csv', /\.(csv|tsv|tab|txt)(\.(gz|zst))?$/i],
  ['json', /\.(json|jsonl|ndjson)(\.(gz|zst))?$/i],
  ['parquet', /\.(parquet|pq)$/i],
  ['database', /\.(duckdb|ddb|db|db3|sqlite|sqlite3)$/i],
];

/**
 * @throws CollideError DATA_SOURCE (no such file, a URL, unknown kind, damaged, no header, differing headers, a database
 * of several tables without `data.table`), INVALID_CONFIG (`data.table` for another kind of source), ABORTED
 */
export async function openSource(engine: Engine, config: CheckedConfig): Promise<Source> {
  if (config.query !== undefined) {
    refuseTable(config, 'data.query');
    const sql = `(${await wholeFiles(engine, config.query)}\n)`;
    return { sql, name: 'data.query', kind: 'query', texts: [], shown: (text) => text };
  }
  const folder = resolve(config.folder ?? '.');
  const wanted = typeof config.source === 'string' ? [config.source] : config.source!;
  const kinds = new Set(wanted.map(kindOf));
  if (kinds.size > 1)
    throw new CollideError('DATA_SOURCE', `Expected files of one kind, received ${wanted.join(', ')}`);
  const [kind] = kinds;
  const files: string[] = [];
  for (const pattern of wanted) {
    for (const file of await expand(engine, folder, pattern)) {
      if (files.includes(file)) {
        throw new CollideError(
          'DATA_SOURCE',
          `Expected every file of data.source once, received ${file} twice: its rows would count twice`,
        );
      }
      files.push(file);
    }
  }
  const name = wanted.join(', ');
  if (kind === 'database') return { name, ...(await openDatabase(engine, files, config.table)) };
  refuseTable(config, `a ${kind} source`);
  if (kind === 'parquet') {
    try {
      await checkParquetTypes(engine, files, 'data.source');
    } catch (cause) {
      if (!(cause instanceof EngineError)) throw cause;
      throw new CollideError('DATA_SOURCE', `Cannot read ${name}: ${cause.message}`, { cause });
    }
    const sql = `read_parquet([${files.map(quoteText).join(', ')}])`;
    return { sql, name, kind, texts: [], shown: (text) => text };
  }
  const stands = new Map<string, string>();
  for (const [f, file] of files.entries()) {
    if (!/\.gz$/i.test(file)) continue;
    files[f] = await checkGzip(engine, file, f);
    if (files[f] !== file) stands.set(files[f], file);
  }
  const shown = (text: string): string => {
    return [...stands].reduce((all, [file, original]) => all.replaceAll(file, original), text);
  };
  const opened = kind === 'csv' ? await openCsv(engine, files, shown) : await openJson(engine, files, shown);
  return { name, shown, ...opened };
}

function kindOf(path: string): Source['kind'] | 'database' {
  if (/^[a-z][a-z\d+.-]+:\/\//i.test(path)) {
    throw new CollideError(
      'DATA_SOURCE',
      `Expected a file for data.source, received the URL "${path}". Nothing is downloaded: fetch it first (curl -LO ${path}) and give the file's path`,
    );
  }
  for (const [kind, ending] of endings) if (ending.test(path)) return kind;
  throw new CollideError(
    'DATA_SOURCE',
    `Expected a csv, tsv, txt, json, jsonl, ndjson (also .gz or .zst), parquet or duckdb file for data.source, received "${path}". For anything else give data.query, an SQL SELECT`,
  );
}

/** The files that a path or pattern names, sorted. */
async function expand(engine: Engine, folder: string, pattern: string): Promise<string[]> {
  const literal = isAbsolute(pattern) ? pattern : join(folder, pattern);
  if (existsSync(literal)) return [literal];
  // Only the pattern is one: a folder named "data[1]" is meant as it stands.
  const glob = isAbsolute(pattern) ? pattern : join(folder.replaceAll(/[[*?]/g, '[$&]'), pattern);
  const rows = /[[*?]/.test(pattern) ? await engine.rows(`SELECT file FROM glob(${quoteText(glob)})`) : [];
  const files = rows.map((row) => String(row.file)).sort();
  if (files.length > 0) return files;
  throw new CollideError('DATA_SOURCE', `No data file ${literal}: expected one at data.source "${pattern}"`);
}

function refuseTable(config: CheckedConfig, source: string): void {
  if (config.table === undefined) return;
  throw new CollideError(
    'INVALID_CONFIG',
    `Expected data.table only with a duckdb file as data.source, received "${config.table}" with ${source}`,
  );
}

async function openDatabase(
  engine: Engine,
  files: readonly string[],
  wanted: string | undefined,
): Promise<Omit<Source, 'name'>> {
  const [file] = files;
  if (files.length > 1) throw new CollideError('DATA_SOURCE', `Expected one database file, received ${files.length}`);
  if ((await head(file!, 16)).toString('latin1').startsWith('SQLite format 3')) {
    const csv = `${basename(file!).replace(/\.\w+$/, '')}.csv`;
    throw new CollideError(
      'DATA_SOURCE',
      `Expected a DuckDB file, received the SQLite file ${file}. It would take an extension of DuckDB that has to be downloaded, and nothing is. Write a table of it as csv: sqlite3 -header -csv ${file} "SELECT * FROM my_table" > ${csv}`,
    );
  }
  try {
    await engine.run(`ATTACH ${quoteText(file!)} AS collide_file (READ_ONLY, TYPE duckdb)`);
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    throw new CollideError('DATA_SOURCE', `Cannot read ${file} as a DuckDB file: ${cause.message}`, { cause });
  }
  const rows = await engine.rows(
    `SELECT table_schema AS schema, table_name AS name FROM information_schema.tables
     WHERE table_catalog = 'collide_file' ORDER BY ALL`,
  );
  const tables = rows.map((row) => ({ schema: String(row.schema), name: String(row.name) }));
  const full = (table: (typeof tables)[0]): string => {
    return table.schema === 'main' ? table.name : `${table.schema}.${table.name}`;
  };
  const names = tables.map(full);
  const lower = wanted?.toLowerCase();
  const found =
    lower === undefined && tables.length === 1
      ? tables[0]
      : tables.find((table) => full(table).toLowerCase() === lower);
  if (found === undefined) {
    const received = wanted === undefined ? 'none.' : `"${wanted}".${suggestion(wanted, names)}`;
    throw new CollideError(
      'DATA_SOURCE',
      `Expected one of the tables of ${file} as data.table, received ${received} Tables: ${names.join(', ') || 'none'}`,
    );
  }
  const sql = `collide_file.${quoteName(found.schema)}.${quoteName(found.name)}`;
  return { sql, kind: 'duckdb', texts: [], shown: (text) => text };
}

/** A failure while opening or reading the source as an error of this package. */
export function sourceError(cause: unknown, source: Source): unknown {
  if (!(cause instanceof EngineError)) return cause;
  if (source.kind === 'query' && /^(Parser|Binder|Catalog|Syntax)$/.test(cause.kind)) {
    return new CollideError('DATA_SQL', `data.query: ${cause.message}`, { cause });
  }
  const message = source.shown(cause.message);
  const file = /^(.*?): CSV Error/.exec(message)?.[1] ?? source.name;
  const advice = encodingAdvice(message, file) ?? `Cannot read ${source.name}: ${message}`;
  return new CollideError('DATA_SOURCE', advice, { cause });
}
