/**
 * csv files as a FROM item of text columns.
 *
 * The dialect (delimiter, quote, escape) is found in the first lines of the files, leniently; then every file is read strictly with
 * exactly that, so that a broken line is an error with its number instead of another guess at the dialect. No type is
 * guessed: every column is text as the file has it, and an empty field is NULL.
 */
import { isUtf8 } from 'node:buffer';
import { CollideError } from '../errors.ts';
import { type Engine, EngineError, quoteName, quoteText } from './engine.ts';
import { textHead } from './gzip.ts';

/** @throws CollideError DATA_SOURCE (no header, differing headers or quotes, not UTF-8) */
export async function openCsv(
  engine: Engine,
  files: readonly string[],
  shown: (text: string) => string,
): Promise<{ sql: string; sqlWithFile: string; kind: 'csv'; texts: string[] }> {
  const sniffed: Record<string, unknown>[] = [];
  for (const file of files) sniffed.push(await sniff(engine, file, shown));
  const texts = namesOf(sniffed[0]!);
  for (const [f, file] of files.entries()) {
    const names = namesOf(sniffed[f]!);
    if (names.join('\n') === texts.join('\n')) continue;
    throw new CollideError(
      'DATA_SOURCE',
      `Expected the columns of ${shown(files[0]!)} (${texts.join(', ')}) in ${shown(file)}, received ${names.join(', ')}`,
    );
  }
  // A file without quotes, or of one column, says nothing of them.
  const known = (value: unknown): value is string => typeof value === 'string' && !['', '(empty)'].includes(value);
  const settled = (key: string, otherwise: string): string => {
    return quoteText(sniffed.map((file) => file[key]).find(known) ?? otherwise);
  };
  const quoting = sniffed.findIndex(({ Quote: quote }) => known(quote));
  const other = sniffed.findIndex(({ Quote: quote }) => known(quote) && quote !== sniffed[quoting]!.Quote);
  if (other >= 0) {
    throw new CollideError(
      'DATA_SOURCE',
      `Expected one kind of quotes in all files, received ${sniffed[quoting]!.Quote} in ${shown(files[quoting]!)} and ${sniffed[other]!.Quote} in ${shown(files[other]!)}. data.query can read each as it is: SELECT * FROM read_csv(..., quote = '"') UNION ALL BY NAME SELECT ...`,
    );
  }
  const columns = `columns = {${texts.map((name) => `${quoteText(name)}: 'VARCHAR'`).join(', ')}}`;
  const dialect = [
    'auto_detect = false',
    'skip = 0',
    columns,
    `delim = ${settled('Delimiter', ',')}`,
    `quote = ${settled('Quote', '"')}`,
    `escape = ${settled('Escape', '"')}`,
  ];
  for (const file of files) await checkHeader(engine, file, texts, dialect, shown(file));
  const options = [...dialect, 'header = true', 'strict_mode = true'];
  const read = `read_csv([${files.map(quoteText).join(', ')}], ${options.join(', ')}`;
  return { sql: `${read})`, sqlWithFile: `${read}, filename = 'collide_file')`, kind: 'csv', texts };
}

function namesOf(sniffed: Record<string, unknown>): string[] {
  return (sniffed.Columns as { name: string }[]).map((column) => column.name);
}

/**
 * The strict reading takes the first line for the header, whatever it is; what the sniffing takes for it may stand below
 * empty lines and comments, and would be read as a row. Of columns of one name all but one have other names by then.
 *
 * @throws CollideError DATA_SOURCE
 */
async function checkHeader(
  engine: Engine,
  file: string,
  texts: readonly string[],
  dialect: readonly string[],
  shown: string,
): Promise<void> {
  const line = `read_csv(${quoteText(file)}, auto_detect = false, header = false, columns = {'l': 'VARCHAR'}, delim = '\u0001', quote = '', escape = '', strict_mode = false)`;
  const names = `read_csv(${quoteText(file)}, ${dialect.join(', ')}, header = false, strict_mode = false, null_padding = true)`;
  let first: unknown;
  let written: (string | null)[];
  try {
    first = (await engine.rows(`SELECT l FROM ${line} LIMIT 1`))[0]?.l;
    const [row] = await engine.rows(`SELECT [${texts.map(quoteName).join(', ')}] AS names FROM ${names} LIMIT 1`);
    written = (row?.names ?? []) as (string | null)[];
  } catch (cause) {
    // A broken line below the header, which the strict reading will name.
    if (cause instanceof EngineError) return;
    throw cause;
  }
  const clean = written.map((name) => (name ?? '').trim());
  // A name that is missing or not the only one has been replaced.
  const same = clean.every((name, c) => name === '' || texts[c]!.toLowerCase().startsWith(name.toLowerCase()));
  if (first === null || !same) {
    const received = first === null ? 'an empty line' : `"${String(first).slice(0, 100)}"`;
    throw new CollideError(
      'DATA_SOURCE',
      `Expected the names of the columns (${texts.join(', ')}) in the first line of ${shown}, received ${received}. Remove what stands above them: tail -n +2 ${shown} > rows.csv`,
    );
  }
  const twice = clean.findIndex((name, c) => {
    return name !== '' && clean.findIndex((other) => other.toLowerCase() === name.toLowerCase()) < c;
  });
  if (twice < 0) return;
  const other = clean.findIndex((name) => name.toLowerCase() === clean[twice]!.toLowerCase());
  throw new CollideError(
    'DATA_SOURCE',
    `Expected different names of columns in ${shown}, received "${clean[other]}" in column ${other + 1} and "${clean[twice]}" in column ${twice + 1} (case does not count). data.query can give them names: SELECT * FROM read_csv(${quoteText(shown)}, header = true, names = ['...', ...])`,
  );
}

/** Lenient, so that a broken line does not bend the guess; the strict reading finds it. */
async function sniff(engine: Engine, file: string, shown: (text: string) => string): Promise<Record<string, unknown>> {
  await checkEncoding(file, shown(file));
  const fixed = 'ignore_errors = true, header = true, skip = 0, all_varchar = true';
  try {
    return (await engine.rows(`SELECT * FROM sniff_csv(${quoteText(file)}, ${fixed})`))[0]!;
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    throw new CollideError('DATA_SOURCE', shown(encodingAdvice(cause.message, file) ?? unreadable(file, cause)), {
      cause,
    });
  }
}

/** The first lines only; DuckDB checks what it reads, but drops a header that it cannot read from its guess. */
async function checkEncoding(file: string, name: string): Promise<void> {
  if (/\.zst$/i.test(file)) return; // Node 20 cannot unpack it
  const start = await textHead(file);
  if (start.length === 0) throw new CollideError('DATA_SOURCE', `The file ${name} is empty (0 bytes)`);
  // The mark of UTF-16, or letters of two bytes of which one is 0.
  if (/^(\xff\xfe|\xfe\xff|[^\0]\0[^\0]\0|\0[^\0]\0[^\0])/.test(start.toString('latin1', 0, 4))) {
    throw new CollideError('DATA_SOURCE', notUtf8('UTF-16', name));
  }
  const lines = start.toString('latin1').split('\n');
  // The last may be cut within a letter.
  const broken = lines.slice(0, -1).findIndex((line) => !isUtf8(Buffer.from(line, 'latin1')));
  if (broken >= 0) throw new CollideError('DATA_SOURCE', notUtf8('WINDOWS-1252', name, String(broken + 1)));
}

function unreadable(file: string, cause: EngineError): string {
  return `Cannot read ${file} as text with a header line and columns (is it empty?): ${cause.message}`;
}

/** What to do where DuckDB says that a file is not UTF-8. */
export function encodingAdvice(message: string, file: string): string | undefined {
  if (!/not utf-8 encoded|Invalid unicode/i.test(message)) return undefined;
  return notUtf8('WINDOWS-1252', file, /on Line: (\d+)/i.exec(message)?.[1]);
}

function notUtf8(encoding: string, file: string, line?: string): string {
  const received = encoding === 'UTF-16' ? 'UTF-16' : `other bytes${line === undefined ? '' : ` in line ${line}`}`;
  const latin = encoding === 'UTF-16' ? '' : ' (WINDOWS-1252, a superset of Latin-1, is the most common; try others)';
  return `Expected UTF-8 in ${file}, received ${received}. Convert it${latin}: iconv -f ${encoding} -t UTF-8 ${file} > utf8.csv`;
}
