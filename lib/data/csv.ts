/**
 * csv files as a FROM item of text columns.
 *
 * The dialect (delimiter, quote, escape) is found in the first file, leniently; then every file is read strictly with
 * exactly that, so that a broken line is an error with its number instead of another guess at the dialect. No type is
 * guessed: every column is text as the file has it, and an empty field is NULL.
 */
import { isUtf8 } from 'node:buffer';
import { CollideError } from '../errors.ts';
import { type Engine, EngineError, quoteText } from './engine.ts';
import { textHead } from './gzip.ts';

/** @throws CollideError DATA_SOURCE (no header, differing headers, not UTF-8) */
export async function openCsv(
  engine: Engine,
  files: readonly string[],
  shown: (text: string) => string,
): Promise<{ sql: string; sqlWithFile: string; kind: 'csv'; texts: string[] }> {
  const first = await sniff(engine, files[0]!, '', shown);
  const texts = namesOf(first);
  for (const file of files.slice(1)) {
    const names = namesOf(await sniff(engine, file, ', sample_size = 1', shown));
    if (names.join('\n') === texts.join('\n')) continue;
    throw new CollideError(
      'DATA_SOURCE',
      `Expected the columns of ${shown(files[0]!)} (${texts.join(', ')}) in ${shown(file)}, received ${names.join(', ')}`,
    );
  }
  const given = (value: unknown, otherwise: string): string => {
    return typeof value === 'string' && value !== '' && value !== '(empty)' ? value : otherwise;
  };
  const options = [
    'auto_detect = false',
    'header = true',
    'skip = 0',
    'strict_mode = true',
    `columns = {${texts.map((name) => `${quoteText(name)}: 'VARCHAR'`).join(', ')}}`,
    `delim = ${quoteText(given(first.Delimiter, ','))}`,
    `quote = ${quoteText(given(first.Quote, '"'))}`,
    `escape = ${quoteText(given(first.Escape, '"'))}`,
  ];
  const read = `read_csv([${files.map(quoteText).join(', ')}], ${options.join(', ')}`;
  return { sql: `${read})`, sqlWithFile: `${read}, filename = 'collide_file')`, kind: 'csv', texts };
}

function namesOf(sniffed: Record<string, unknown>): string[] {
  return (sniffed.Columns as { name: string }[]).map((column) => column.name);
}

/** Lenient, so that a broken line does not bend the guess; the strict reading finds it. */
async function sniff(
  engine: Engine,
  file: string,
  options: string,
  shown: (text: string) => string,
): Promise<Record<string, unknown>> {
  await checkEncoding(file, shown(file));
  const fixed = 'ignore_errors = true, header = true, skip = 0, all_varchar = true';
  try {
    return (await engine.rows(`SELECT * FROM sniff_csv(${quoteText(file)}, ${fixed}${options})`))[0]!;
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    throw new CollideError('DATA_SOURCE', shown(encodingAdvice(cause.message, file) ?? unreadable(file, cause)), {
      cause,
    });
  }
}

/** The first lines only; DuckDB checks what it reads, but drops a header that it cannot read from its guess. */
async function checkEncoding(file: string, name: string): Promise<void> {
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
