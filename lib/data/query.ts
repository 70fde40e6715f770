/**
 * Makes DuckDB look at whole files that `data.query` reads. Left alone it guesses types from the first rows, and rounds
 * what comes later to fit.
 */
import { CollideError } from '../errors.ts';
import { type Engine, quoteName, quoteText } from './engine.ts';

type Node = Record<string, unknown> & { type?: string };

interface Edit {
  from: number;
  to: number;
  text: string;
}

const READERS = /^(read_csv|read_csv_auto|read_json|read_json_auto|read_ndjson|read_ndjson_auto)$/i;
const CSV_FILE = /\.(csv|tsv)(\.(gz|zst))?$/i;
const JSON_FILE = /\.(json|jsonl|ndjson)(\.(gz|zst))?$/i;
const WHOLE = 'sample_size = -1';

/**
 * The query without a semicolon at its end, and with `sample_size = -1` wherever it reads csv or JSON and says nothing
 * else of types.
 *
 * @throws CollideError DATA_SQL (another `sample_size`)
 */
export async function wholeFiles(engine: Engine, query: string): Promise<string> {
  const sql = query.replace(/(\s*;)+\s*$/, '');
  const [row] = await engine.rows(`SELECT json_serialize_sql(${quoteText(sql)}) AS tree`);
  const tree = JSON.parse(String(row!.tree)) as { error: boolean };
  // A mistake is told when the query runs.
  if (tree.error) return sql;
  const edits = new Map<number, Edit>();
  visit(tree, sql, edits);
  return [...edits.values()]
    .sort((a, b) => b.from - a.from)
    .reduce((text, { from, to, text: piece }) => text.slice(0, from) + piece + text.slice(to), sql);
}

function visit(node: Node | object, sql: string, edits: Map<number, Edit>): void {
  const { type, query_location: location } = node as Node;
  if (type === 'BASE_TABLE' || type === 'TABLE_FUNCTION') {
    // The location counts bytes.
    const at = Buffer.from(sql).toString('utf8', 0, Number(location)).length;
    const edit = type === 'BASE_TABLE' ? readerOf(node as Node, sql, at) : sampled(node as Node, sql, at);
    if (edit !== undefined) edits.set(edit.from, edit);
  }
  for (const child of Object.values(node)) if (typeof child === 'object' && child !== null) visit(child, sql, edits);
}

/** `'a.csv'` as the call of a reader, which goes by the same name. */
function readerOf({ table_name: name, alias }: Node, sql: string, from: number): Edit | undefined {
  const file = String(name);
  if (!CSV_FILE.test(file) && !JSON_FILE.test(file)) return undefined;
  const token = /^(?:'(?:[^']|'')*'|"(?:[^"]|"")*")/.exec(sql.slice(from))?.[0];
  if (token === undefined) return undefined;
  const reader = CSV_FILE.test(file) ? 'read_csv' : 'read_json';
  const as = alias === '' ? ` AS ${quoteName(file.replace(/^.*[/\\]/, '').replace(/\..*$/, ''))}` : '';
  return { from, to: from + token.length, text: `${reader}(${quoteText(file)}, ${WHOLE})${as}` };
}

function sampled({ function: called }: Node, sql: string, from: number): Edit | undefined {
  const { function_name: name, children } = called as { function_name: string; children: Node[] };
  if (!READERS.test(name)) return undefined;
  for (const { type, left, right } of children) {
    if (type !== 'COMPARE_EQUAL') continue;
    const option = (left as { column_names?: string[] }).column_names?.[0]?.toLowerCase();
    if (option === 'all_varchar' || option === 'columns') return undefined;
    if (option !== 'sample_size') continue;
    const { value } = ((right as Node).value ?? {}) as { value?: unknown };
    if (value === -1) return undefined;
    throw new CollideError(
      'DATA_SQL',
      `data.query: Expected ${WHOLE} (or none) in ${name}, received another: values behind the sample are rounded to the types guessed from it`,
    );
  }
  const end = closing(sql, sql.indexOf('(', from));
  return end === undefined ? undefined : { from: end, to: end, text: `, ${WHOLE}` };
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
