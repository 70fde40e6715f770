/**
 * Turns `data.source` or `data.query` into one FROM item.
 *
 * Text files: the dialect and the column types are sniffed from the first file, leniently; then every file is read
 * strictly with exactly those, so that a broken line is an error with its number instead of another guess at the
 * dialect. Gzip files are checked to their end first (about 300 MB of text a second): DuckDB takes a file that was cut
 * off for a shorter one.
 */
import { createReadStream, existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { CollideError } from '../errors.ts';
import type { CheckedConfig } from './config.ts';
import { type Engine, EngineError, quoteText } from './engine.ts';

export interface Source {
  /** To stand behind FROM; needs an alias. */
  sql: string;
  /** For messages. */
  name: string;
  kind: 'text' | 'parquet' | 'query';
}

interface Column {
  name: string;
  type: string;
}

/**
 * @throws CollideError DATA_SOURCE (no such file, unknown kind, damaged, no header, differing headers), ABORTED
 */
export async function openSource(engine: Engine, config: CheckedConfig): Promise<Source> {
  const folder = resolve(config.folder ?? '.');
  await engine.run(`SET file_search_path = ${quoteText(folder)}`);
  if (config.query !== undefined) return { sql: `(${config.query}\n)`, name: 'data.query', kind: 'query' };
  const wanted = typeof config.source === 'string' ? [config.source] : config.source!;
  const kinds = new Set(wanted.map(kindOf));
  if (kinds.size > 1)
    throw new CollideError('DATA_SOURCE', `Expected files of one kind, received ${wanted.join(', ')}`);
  const files: string[] = [];
  for (const pattern of wanted) files.push(...(await expand(engine, folder, pattern)));
  const list = `[${files.map(quoteText).join(', ')}]`;
  const name = wanted.join(', ');
  if (kinds.has('parquet')) return { sql: `read_parquet(${list})`, name, kind: 'parquet' };
  for (const file of files) if (/\.gz$/i.test(file)) await checkGzip(engine, file);
  return { sql: await readText(engine, files, list), name, kind: 'text' };
}

function kindOf(path: string): 'text' | 'parquet' {
  if (/\.(csv|tsv|tab|txt)(\.(gz|zst))?$/i.test(path)) return 'text';
  if (/\.(parquet|pq)$/i.test(path)) return 'parquet';
  throw new CollideError(
    'DATA_SOURCE',
    `Expected a csv, tsv, txt (also .gz or .zst) or parquet file for data.source, received "${path}". For anything else give data.query, an SQL SELECT`,
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

async function checkGzip(engine: Engine, file: string): Promise<void> {
  const sink = new Writable({
    write(_chunk, _encoding, done) {
      done();
    },
  });
  try {
    const bytes = createReadStream(file, { highWaterMark: 1 << 20 });
    await pipeline(bytes, createGunzip({ chunkSize: 1 << 20 }), sink, { signal: engine.signal });
  } catch (cause) {
    engine.checkAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CollideError('DATA_SOURCE', `The gzip file ${file} is damaged or cut off: ${why}`, { cause });
  }
}

async function readText(engine: Engine, files: string[], list: string): Promise<string> {
  const first = await sniff(engine, files[0]!, '');
  const columns = first.Columns as Column[];
  for (const file of files.slice(1)) {
    const names = ((await sniff(engine, file, ', sample_size = 1')).Columns as Column[]).map((column) => column.name);
    if (names.join('\n') === columns.map((column) => column.name).join('\n')) continue;
    throw new CollideError(
      'DATA_SOURCE',
      `Expected the columns of ${files[0]} (${columns.map((c) => c.name).join(', ')}) in ${file}, received ${names.join(', ')}`,
    );
  }
  const given = (value: unknown, otherwise: string): string => {
    return typeof value === 'string' && value !== '' && value !== '(empty)' ? value : otherwise;
  };
  const types = columns.map((column) => `${quoteText(column.name)}: ${quoteText(column.type)}`);
  const options = [
    'auto_detect = false',
    'header = true',
    'skip = 0',
    'strict_mode = true',
    `columns = {${types.join(', ')}}`,
    `delim = ${quoteText(given(first.Delimiter, ','))}`,
    `quote = ${quoteText(given(first.Quote, '"'))}`,
    `escape = ${quoteText(given(first.Escape, '"'))}`,
  ];
  if (typeof first.DateFormat === 'string') options.push(`dateformat = ${quoteText(first.DateFormat)}`);
  if (typeof first.TimestampFormat === 'string') options.push(`timestampformat = ${quoteText(first.TimestampFormat)}`);
  return `read_csv(${list}, ${options.join(', ')})`;
}

/** Lenient, so that a broken line does not bend the guess; the strict reading finds it. */
async function sniff(engine: Engine, file: string, options: string): Promise<Record<string, unknown>> {
  const sql = `SELECT * FROM sniff_csv(${quoteText(file)}, ignore_errors = true, header = true, skip = 0${options})`;
  try {
    return (await engine.rows(sql))[0]!;
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    throw new CollideError(
      'DATA_SOURCE',
      `Cannot read ${file} as text with a header line and columns (is it empty?): ${cause.message}`,
      { cause },
    );
  }
}
