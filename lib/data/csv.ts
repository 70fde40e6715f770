/**
 * csv files as a FROM item of text columns.
 *
 * The dialect (delimiter, quote, escape) is found in the first file, leniently; then every file is read strictly with
 * exactly that, so that a broken line is an error with its number instead of another guess at the dialect. No type is
 * guessed: every column is text as the file has it, and an empty field is NULL.
 */
import { CollideError } from '../errors.ts';
import { type Engine, EngineError, quoteText } from './engine.ts';
import { head } from './gzip.ts';

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
  const start = await head(file, 2);
  if (start.length === 0) throw new CollideError('DATA_SOURCE', `The file ${shown(file)} is empty (0 bytes)`);
  const utf16 = /^(\xff\xfe|\xfe\xff)/.test(start.toString('latin1'));
  if (utf16) throw new CollideError('DATA_SOURCE', notUtf8('UTF-16', shown(file)));
  const fixed = 'ignore_errors = true, header = true, skip = 0, all_varchar = true';
  try {
    const [found] = await engine.rows(`SELECT * FROM sniff_csv(${quoteText(file)}, ${fixed}${options})`);
    if (!namesOf(found!).some((name) => name.includes('\0'))) return found!;
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    throw new CollideError('DATA_SOURCE', shown(encodingAdvice(cause.message, file) ?? unreadable(file, cause)), {
      cause,
    });
  }
  throw new CollideError('DATA_SOURCE', notUtf8('UTF-16', shown(file)));
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
