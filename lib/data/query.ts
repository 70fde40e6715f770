/**
 * Makes DuckDB look at whole files that `data.query` reads. Left alone it guesses types from the first rows, and rounds
 * what comes later to fit.
 */
import { CollideError } from '../errors.ts';
import { type Engine, EngineError, quoteName, quoteText } from './engine.ts';
import { checkParquetTypes } from './parquet_types.ts';

type Node = Record<string, unknown> & { type?: string };

interface Edit {
  from: number;
  to: number;
  text: string;
}

const READERS = /^(read_csv|read_csv_auto|read_json|read_json_auto|read_ndjson|read_ndjson_auto)$/i;
const CSV_FILE = /\.(csv|tsv)(\.(gz|zst))?$/i;
const JSON_FILE = /\.(json|jsonl|ndjson)(\.(gz|zst))?$/i;
const PARQUET_READERS = /^(read_parquet|parquet_scan)$/i;
const PARQUET_FILE = /\.(parquet|pq)$/i;
const WHOLE = 'sample_size = -1';
/** Of JSON, DuckDB looks into the first 32 files only. */
const ALL_FILES = 'maximum_sample_files = 2147483647';

/**
 * The query without a semicolon at its end, and with `sample_size = -1` wherever it reads csv or JSON and says nothing
 * else of types.
 *
 * @throws CollideError DATA_SQL (another `sample_size`), DATA_SOURCE (parquet files of different types)
 */
export async function wholeFiles(engine: Engine, query: string): Promise<string> {
  const sql = query.replace(/(\s*;)+\s*$/, '');
  const [row] = await engine.rows(`SELECT json_serialize_sql(${quoteText(sql)}) AS tree`);
  const tree = JSON.parse(String(row!.tree)) as { error: boolean };
  // A mistake is told when the query runs.
  if (tree.error) return sql;
  const edits = new Map<number, Edit>();
  const parquet: string[][] = [];
  visit(tree, sql, edits, parquet);
  for (const patterns of parquet) await checkParquet(engine, patterns);
  return [...edits.values()]
    .sort((a, b) => b.from - a.from)
    .reduce((text, { from, to, text: piece }) => text.slice(0, from) + piece + text.slice(to), sql);
}

function visit(node: Node | object, sql: string, edits: Map<number, Edit>, parquet: string[][]): void {
  const { type, query_location: location } = node as Node;
  if (type === 'BASE_TABLE' || type === 'TABLE_FUNCTION') {
    // The location counts bytes.
    const at = Buffer.from(sql).toString('utf8', 0, Number(location)).length;
    const edit = type === 'BASE_TABLE' ? readerOf(node as Node, sql, at) : sampled(node as Node, sql, at);
    if (edit !== undefined) edits.set(edit.from, edit);
    parquet.push(parquetOf(node as Node));
  }
  for (const child of Object.values(node)) {
    if (typeof child === 'object' && child !== null) visit(child, sql, edits, parquet);
  }
}

/** The files and patterns of parquet that a table or function reads, where they are written as texts. */
function parquetOf({ table_name: name, function: called }: Node): string[] {
  if (called === undefined) return PARQUET_FILE.test(String(name)) ? [String(name)] : [];
  const { function_name: reader, children } = called as { function_name: string; children: Node[] };
  if (!PARQUET_READERS.test(reader) || children.some((child) => optionOf(child) === 'union_by_name')) return [];
  const [files] = children;
  const texts = (files?.children ?? [files]) as Node[];
  return texts.map((text) => (text?.value as { value?: unknown })?.value).filter((text) => typeof text === 'string');
}

async function checkParquet(engine: Engine, patterns: readonly string[]): Promise<void> {
  try {
    const files: string[] = [];
    for (const pattern of patterns) {
      files.push(
        ...(await engine.rows(`FROM glob(${quoteText(pattern)}) ORDER BY file`)).map((row) => String(row.file)),
      );
    }
    await checkParquetTypes(engine, files, 'data.query');
  } catch (cause) {
    // What cannot be read is told when the query runs.
    if (!(cause instanceof EngineError)) throw cause;
  }
}

/** The name of an option of a reader. */
function optionOf({ type, left }: Node): string | undefined {
  return type === 'COMPARE_EQUAL' ? (left as { column_names?: string[] }).column_names?.[0]?.toLowerCase() : undefined;
}

/** `'a.csv'` as the call of a reader, which goes by the same name. */
function readerOf({ table_name: name, alias }: Node, sql: string, from: number): Edit | undefined {
  const file = String(name);
  if (!CSV_FILE.test(file) && !JSON_FILE.test(file)) return undefined;
  const token = /^(?:'(?:[^']|'')*'|"(?:[^"]|"")*")/.exec(sql.slice(from))?.[0];
  if (token === undefined) return undefined;
  const reader = CSV_FILE.test(file) ? 'read_csv' : 'read_json';
  const options = CSV_FILE.test(file) ? WHOLE : `${WHOLE}, ${ALL_FILES}`;
  const as = alias === '' ? ` AS ${quoteName(file.replace(/^.*[/\\]/, '').replace(/\..*$/, ''))}` : '';
  return { from, to: from + token.length, text: `${reader}(${quoteText(file)}, ${options})${as}` };
}

function sampled({ function: called }: Node, sql: string, from: number): Edit | undefined {
  const { function_name: name, children } = called as { function_name: string; children: Node[] };
  if (!READERS.test(name)) return undefined;
  const added = new Set([WHOLE, ...(/json/i.test(name) ? [ALL_FILES] : [])]);
  for (const child of children) {
    const option = optionOf(child);
    if (option === 'all_varchar' || option === 'columns') return undefined;
    const wanted = [...added].find((text) => text.startsWith(`${option} `));
    if (wanted === undefined) continue;
    const { value } = ((child.right as Node).value ?? {}) as { value?: unknown };
    added.delete(wanted);
    if (`${option} = ${value}` === wanted) continue;
    throw new CollideError(
      'DATA_SQL',
      `data.query: Expected ${wanted} (or none) in ${name}, received another: values behind the sample are rounded to the types guessed from it`,
    );
  }
  if (added.size === 0) return undefined;
  const end = closing(sql, sql.indexOf('(', from));
  return end === undefined ? undefined : { from: end, to: end, text: `, ${[...added].join(', ')}` };
}

/** Where the parenthesis that opens at `from` closes. */
function closing(sql: string, from: number): number | undefined {
  let depth = 0;
  for (const found of sql.slice(from).matchAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--.*|\/\*[\s\S]*?\*\/|[()]/g)) {
    if (found[0] === '(') depth += 1;
    if (found[0] === ')' && --depth === 0) return from + found.index;
  }
  return undefined;
}
