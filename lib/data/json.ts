/**
 * JSON files (an object a line, or a list of objects) as a FROM item.
 *
 * Keys are found over all files. Plain values (numbers, texts, booleans) are text columns, so that "07" and "7" differ;
 * lists and objects keep their structure, and nothing in them is taken for a date.
 */
import { CollideError } from '../errors.ts';
import { type Engine, EngineError, quoteText } from './engine.ts';

/** @throws CollideError DATA_SOURCE (malformed, no objects, keys that differ in case alone) */
export async function openJson(
  engine: Engine,
  files: readonly string[],
  shown: (text: string) => string,
): Promise<{ sql: string; sqlWithFile: string; kind: 'json'; texts: string[] }> {
  const list = `[${files.map(quoteText).join(', ')}]`;
  const format = files.every((file) => /\.(jsonl|ndjson)(\.\w+)?$/i.test(file)) ? 'newline_delimited' : 'auto';
  const fixed = `format = '${format}', records = true`;
  const whole = 'sample_size = -1, maximum_sample_files = 2147483647, union_by_name = true';
  let rows: Record<string, unknown>[];
  try {
    rows = await engine.rows(`DESCRIBE SELECT * FROM read_json(${list}, ${fixed}, ${whole})`);
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    // DuckDB counts one line too many.
    const message = cause.message.replace(/in line (\d+)/, (_, line) => `in line ${Number(line) - 1}`);
    throw new CollideError('DATA_SOURCE', shown(`Cannot read ${files.join(', ')} as JSON: ${message}`), { cause });
  }
  await checkKeys(
    engine,
    list,
    format,
    rows.map((row) => String(row.column_name)),
    shown,
  );
  const columns = rows.map((row) => {
    return { name: String(row.column_name), type: faithful(String(row.column_type)) };
  });
  const types = columns.map(({ name, type }) => `${quoteText(name)}: ${quoteText(type)}`);
  const read = `read_json(${list}, ${fixed}, columns = {${types.join(', ')}}`;
  return {
    sql: `${read})`,
    sqlWithFile: `${read}, filename = 'collide_file')`,
    kind: 'json',
    texts: columns.filter(({ type }) => type === 'VARCHAR').map(({ name }) => name),
  };
}

/** Of keys that differ in case alone, DuckDB calls one `x` and the next `X_1`, a key that no object has. */
async function checkKeys(
  engine: Engine,
  list: string,
  format: string,
  names: readonly string[],
  shown: (text: string) => string,
): Promise<void> {
  const lower = new Set(names.map((name) => name.toLowerCase()));
  if (!names.some((name) => /_\d+$/.test(name) && lower.has(name.replace(/_\d+$/, '').toLowerCase()))) return;
  const objects = `read_json_objects(${list}, format = '${format}')`;
  const [pair] = await engine.rows(
    `SELECT min(key) AS a, max(key) AS b FROM (SELECT DISTINCT unnest(json_keys(json)) AS key FROM ${objects})
     GROUP BY lower(key) HAVING count(*) > 1 ORDER BY a LIMIT 1`,
  );
  if (pair === undefined) return;
  throw new CollideError(
    'DATA_SOURCE',
    shown(
      `Expected keys that differ in more than case in ${list}, received "${pair.a}" and "${pair.b}". Rename one of them`,
    ),
  );
}

/** The type that a column is read as so that different values stay different. */
function faithful(type: string): string {
  const [, element = type, list = ''] = /^([^([]*)(\[\])$/.exec(type) ?? [];
  if (list !== '') return /^(BOOLEAN|BIGINT)$/.test(element) ? type : 'VARCHAR[]';
  if (!/^(STRUCT|MAP)\(|\]$/.test(type)) return 'VARCHAR';
  // The types of an object's fields, not their names.
  return type.replaceAll(/"(?:[^"]|"")*"|(?<= )(?:DATE|TIME|TIMESTAMP|UUID|JSON)(?=[,)[]|$)/g, (word) => {
    return word.startsWith('"') ? word : 'VARCHAR';
  });
}
