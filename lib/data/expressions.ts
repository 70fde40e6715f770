/**
 * The SQL expressions of a config, bound one by one against an empty copy of the source, so that a mistake is reported
 * with the field it stands in, before a row is read.
 */
import { CollideError, suggestion } from '../errors.ts';
import type { CheckedConfig } from './config.ts';
import { type Engine, EngineError, quoteName } from './engine.ts';
import type { Source } from './source.ts';
import { type SplitName, splitNames } from './types.ts';

export interface Expression {
  /** What it is, for messages: `feature "route"`. */
  where: string;
  name: string;
  sql: string;
}

export interface Expressions {
  label: Expression;
  features: (Expression & { list: boolean; written: string; type: string })[];
  dense: Expression[];
  splits: (Expression & { name: SplitName })[];
  order: Expression[];
}

/** What an expression must be: a test of its DuckDB type, and its name in messages. */
const numeric = /^(BOOLEAN|U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|BIGNUM|DECIMAL\(.*\)|FLOAT|DOUBLE)$/;
const labelType = /^(VARCHAR|BOOLEAN|U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|BIGNUM|DECIMAL\(.*\)|FLOAT|DOUBLE)$/;
const nested = /(\]|^STRUCT\(.*|^MAP\(.*|^UNION\(.*|^VARIANT)$/;

/**
 * @throws CollideError DATA_SOURCE (the source cannot be opened), DATA_SQL (a mistake in an expression or a value of
 * the wrong type; names the field), INVALID_LABEL (a label type that cannot be 0 or 1)
 */
export async function bindExpressions(engine: Engine, source: Source, config: CheckedConfig): Promise<Expressions> {
  const columns = await describeSource(engine, source);
  const named = (entry: string | { name: string; expr: string }): { name: string; expr: string } => {
    return typeof entry === 'string' ? { name: entry, expr: entry } : entry;
  };

  const label = { where: 'data.label', name: 'label', sql: config.label };
  const labelGiven = await bind(engine, label, columns);
  if (!labelType.test(labelGiven)) {
    throw new CollideError('INVALID_LABEL', `Expected 0, 1 or a boolean for data.label, received type ${labelGiven}`);
  }

  const features: Expressions['features'] = [];
  for (const entry of config.features) {
    const { name, expr } = named(entry);
    if (typeof entry === 'string') checkColumn(entry, columns, source);
    const expression = { where: `feature "${name}"`, name, sql: typeof entry === 'string' ? quoteName(entry) : expr };
    const type = await bind(engine, expression, columns);
    const element = type.replace(/\[\d*\]$/, '');
    if (nested.test(element)) refuseType(expression, 'a plain value or a list of plain values', type);
    // A fixed-size array is a list to everything that follows.
    const sql = /\[\d+\]$/.test(type) ? `CAST((${expression.sql}\n) AS ${element}[])` : expression.sql;
    features.push({ ...expression, sql, list: element !== type, written: expression.sql, type: element });
  }

  const dense: Expression[] = [];
  for (const entry of config.dense) {
    const { name, expr } = named(entry);
    const expression = { where: `dense column "${name}"`, name, sql: expr };
    const type = await bind(engine, expression, columns);
    if (!numeric.test(type)) refuseType(expression, 'a number', type);
    dense.push(expression);
  }

  const splits: Expressions['splits'] = [];
  for (const name of splitNames) {
    const sql = config.splits[name];
    if (sql === undefined) continue;
    const expression = { where: `data.splits.${name}`, name, sql };
    const type = await bind(engine, expression, columns);
    if (type !== 'BOOLEAN') refuseType(expression, 'a boolean', type);
    splits.push(expression);
  }

  const order: Expression[] = [];
  const keys = config.order ?? [];
  for (const sql of typeof keys === 'string' ? [keys] : keys) {
    const expression = { where: 'data.order', name: 'order', sql };
    const type = await bind(engine, expression, columns);
    if (nested.test(type)) refuseType(expression, 'a plain value (for several keys, a list of expressions)', type);
    order.push(expression);
  }
  return { label, features, dense, splits, order };
}

/** Makes the table `shape`, one row of NULLs with the source's columns; gives their names. */
async function describeSource(engine: Engine, source: Source): Promise<string[]> {
  const empty = `SELECT s.* FROM (VALUES (1)) AS one(x) LEFT JOIN (SELECT * FROM ${source.sql} AS t LIMIT 0) AS s ON true`;
  try {
    await engine.run(`CREATE TEMP TABLE shape AS ${empty}`);
  } catch (cause) {
    throw sourceError(cause, source);
  }
  return (await engine.rows('DESCRIBE shape')).map((row) => String(row.column_name));
}

/** A failure while opening or reading the source as an error of this package. */
export function sourceError(cause: unknown, source: Source): unknown {
  if (!(cause instanceof EngineError)) return cause;
  if (source.kind === 'query' && /^(Parser|Binder|Catalog|Syntax)$/.test(cause.kind)) {
    return new CollideError('DATA_SQL', `data.query: ${cause.message}`, { cause });
  }
  const advice = /Could not convert string/.test(cause.message)
    ? '. Column types are taken from the first 20,480 lines; to set them, give data.query with read_csv(..., types = {...})'
    : '';
  return new CollideError('DATA_SOURCE', `Cannot read ${source.name}: ${cause.message}${advice}`, { cause });
}

/** The type of an expression. */
async function bind(engine: Engine, expression: Expression, columns: readonly string[]): Promise<string> {
  let type: string;
  try {
    // rowid beside it, so that an aggregate is refused here
    const rows = await engine.rows(`DESCRIBE SELECT (${expression.sql}\n) AS x, rowid FROM shape`);
    type = String(rows[0]!.column_type);
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    const missing = /Referenced column "(.*?)" not found/.exec(cause.message)?.[1];
    const hint = missing === undefined ? '' : `${suggestion(missing, columns)} Columns: ${columns.join(', ')}`;
    const why = missing === undefined ? cause.message : `there is no column "${missing}".${hint}`;
    throw new CollideError('DATA_SQL', `${expression.where}: ${why} (in: ${expression.sql})`, { cause });
  }
  await checkOneRow(engine, expression);
  return type;
}

/** Refuses unnest() and its like: they would repeat labels. */
async function checkOneRow(engine: Engine, expression: Expression): Promise<void> {
  let count: number;
  try {
    const rows = await engine.rows(`SELECT count(*) AS n FROM (SELECT (${expression.sql}\n) AS x, rowid FROM shape)`);
    count = Number(rows[0]!.n);
  } catch (cause) {
    // Evaluating it on NULLs may fail where the data has none.
    if (cause instanceof EngineError) return;
    throw cause;
  }
  if (count === 1) return;
  throw new CollideError(
    'DATA_SQL',
    `${expression.where}: Expected one value a row, received an expression that makes several rows of one. A list value is a bag as it is, without unnest() (in: ${expression.sql})`,
  );
}

function checkColumn(name: string, columns: readonly string[], source: Source): void {
  if (columns.some((column) => column.toLowerCase() === name.toLowerCase())) return;
  throw new CollideError(
    'DATA_SQL',
    `feature "${name}": there is no column "${name}" in ${source.name}.${suggestion(name, columns)} Columns: ${columns.join(', ')}. An SQL expression is written { name: ..., expr: ... }`,
  );
}

function refuseType(expression: Expression, expected: string, received: string): never {
  throw new CollideError(
    'DATA_SQL',
    `${expression.where}: Expected ${expected}, received type ${received} (in: ${expression.sql})`,
  );
}
