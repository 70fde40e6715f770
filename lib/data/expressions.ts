/**
 * The SQL expressions of a config, bound one by one against an empty copy of the source, so that a mistake is reported
 * with the field it stands in, before a row is read.
 */
import { CollideError, suggestion } from '../errors.ts';
import { type Engine, EngineError } from './engine.ts';
import { type Source, sourceError } from './source.ts';
import type { TypedSource } from './text_columns.ts';
import type { SplitName } from './types.ts';
import type { Written } from './written.ts';

export interface Expression extends Written {
  /** What runs: `written`, with another column where it wants the text of one that has a type. */
  sql: string;
}

export interface Expressions {
  label: Expression;
  features: (Expression & { list: boolean; type: string })[];
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
export async function bindExpressions(engine: Engine, typed: TypedSource): Promise<Expressions> {
  const { source } = typed;
  const columns = await describeSource(engine, source);
  const bound = { features: [], dense: [], splits: [], order: [] } as unknown as Expressions;
  for (const written of typed.expressions) {
    if (written.plain) checkColumn(written.name, [...columns.keys()], source);
    const expression: Expression = { ...written, sql: typed.sqlOf(written) };
    const type = await bind(engine, expression, typed, [...columns.keys()]);
    await checkEqualities(written, typed, columns);
    const refuse = async (expected: string): Promise<never> =>
      refuseType(expression, expected, type, await typed.why(written));
    switch (written.role) {
      case 'label':
        if (!labelType.test(type)) {
          throw new CollideError('INVALID_LABEL', `Expected 0, 1 or a boolean for data.label, received type ${type}`);
        }
        bound.label = expression;
        break;
      case 'feature': {
        const element = type.replace(/\[\d*\]$/, '');
        if (nested.test(element)) await refuse('a plain value or a list of plain values');
        // A fixed-size array is a list to everything that follows.
        const fixed = /\[\d+\]$/.test(type);
        const sql = fixed ? `CAST((${expression.sql}\n) AS ${element}[])` : expression.sql;
        bound.features.push({ ...expression, sql, list: element !== type, type: element });
        break;
      }
      case 'dense':
        if (!numeric.test(type)) await refuse('a number');
        bound.dense.push(expression);
        break;
      case 'split':
        if (type !== 'BOOLEAN') await refuse('a boolean');
        bound.splits.push(expression as Expression & { name: SplitName });
        break;
      case 'order':
        if (nested.test(type)) await refuse('a plain value (for several keys, a list of expressions)');
        bound.order.push(expression);
    }
  }
  return bound;
}

/** DuckDB takes 3.5 for 4 where a text is tested to be equal to a whole number. */
async function checkEqualities(
  expression: Written,
  typed: TypedSource,
  columns: ReadonlyMap<string, string>,
): Promise<void> {
  const typeOf = (name: string): string => {
    return [...columns].find(([column]) => column.toLowerCase() === name.toLowerCase())?.[1] ?? '';
  };
  for (const { column, equals } of typed.usesOf(expression)) {
    if (equals === undefined || typeOf(column) !== 'VARCHAR') continue;
    if (equals !== 'number' && !numeric.test(typeOf(equals.column))) continue;
    const why = await typed.why(expression);
    throw new CollideError(
      'DATA_SQL',
      `${expression.where}: Expected a text to compare the text column "${column}" with, received a number: write '7', or TRY_CAST(${column} AS DOUBLE) to compare numbers (in: ${expression.written})${why === undefined ? '' : `. ${why}`}`,
    );
  }
}

/** Makes the table `shape`, one row of NULLs with the source's columns; gives their names and types. */
async function describeSource(engine: Engine, source: Source): Promise<Map<string, string>> {
  const empty = `SELECT s.* FROM (VALUES (1)) AS one(x) LEFT JOIN (SELECT * FROM ${source.sql} AS t LIMIT 0) AS s ON true`;
  try {
    await engine.run(`CREATE TEMP TABLE shape AS ${empty}`);
  } catch (cause) {
    throw sourceError(cause, source);
  }
  const columns = (await engine.rows('DESCRIBE shape')).map((row) => {
    return [String(row.column_name), String(row.column_type)] as const;
  });
  return new Map(columns.filter(([name]) => !name.startsWith('collide_text_')));
}

/** The type of an expression. */
async function bind(
  engine: Engine,
  expression: Expression,
  typed: TypedSource,
  columns: readonly string[],
): Promise<string> {
  let type: string;
  let width: number;
  try {
    // rowid beside it, so that an aggregate is refused here
    const rows = await engine.rows(`DESCRIBE SELECT (${expression.sql}\n) AS x, rowid FROM shape`);
    type = String(rows[0]!.column_type);
    width = rows.length - 1;
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    const why = (await explain(cause.message, expression, typed, columns)) ?? cause.message;
    throw new CollideError('DATA_SQL', `${expression.where}: ${why} (in: ${expression.written})`, { cause });
  }
  if (width !== 1) {
    throw new CollideError(
      'DATA_SQL',
      `${expression.where}: Expected one value a row, received an expression of ${width} columns, such as * or COLUMNS(...) (in: ${expression.written})`,
    );
  }
  await checkOneRow(engine, expression);
  return type;
}

/** What a mistake is that DuckDB words for those who see the whole SELECT. */
async function explain(
  message: string,
  { written, role }: Expression,
  typed: TypedSource,
  columns: readonly string[],
): Promise<string | undefined> {
  const missing = /Referenced column "(.*?)" not found/.exec(message)?.[1];
  if (missing !== undefined) {
    return `there is no column "${missing}".${suggestion(missing, columns)} Columns: ${columns.join(', ')}`;
  }
  if (/must appear in the GROUP BY clause/.test(message)) {
    return 'Expected one value a row, received an aggregate such as max(x), one value of all rows. With OVER () behind it, it is given to every row';
  }
  const descending = role === 'order' && /^([\s\S]*?)\s+(DESC|ASC)\b[\w\s]*$/i.exec(written);
  if (descending) {
    const [, key] = descending;
    return `Expected an expression, without ASC or DESC. For descending order: -${key} of a number, row_number() OVER (ORDER BY ${key} DESC) of anything`;
  }
  const reason = /VARCHAR/.test(message) ? await typed.why({ written }) : undefined;
  return reason === undefined ? undefined : `${message}. ${reason}`;
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
    `${expression.where}: Expected one value a row, received an expression that makes several rows of one. A list value is a bag as it is, without unnest() (in: ${expression.written})`,
  );
}

function checkColumn(name: string, columns: readonly string[], source: Source): void {
  if (columns.some((column) => column.toLowerCase() === name.toLowerCase())) return;
  throw new CollideError(
    'DATA_SQL',
    `feature "${name}": there is no column "${name}" in ${source.name}.${suggestion(name, columns)} Columns: ${columns.join(', ')}. An SQL expression is written { name: ..., expr: ... }`,
  );
}

function refuseType(expression: Expression, expected: string, received: string, reason?: string): never {
  throw new CollideError(
    'DATA_SQL',
    `${expression.where}: Expected ${expected}, received type ${received} (in: ${expression.written})${reason === undefined ? '' : `. ${reason}`}`,
  );
}
