/**
 * Types for the columns of csv and JSON files, which are read as text.
 *
 * An expression that calculates or compares with a column needs its values: the column gets the one type that holds
 * every value of every file exactly, found in one pass over the data, or stays text. An expression that wants the text
 * (a feature that is the column, `||`, ...) gets it as it is written, so that 07 and 7 stay two ids.
 */
import { CollideError, suggestion } from '../errors.ts';
import { type ParsedExpression, parseExpression, type Use } from './column_uses.ts';
import type { CheckedConfig } from './config.ts';
import { type Engine, EngineError, quoteName, quoteText } from './engine.ts';
import { type Source, sourceError } from './source.ts';
import { askable, families, kindOf, type Typing, typeFor } from './text_kinds.ts';
import type { Written } from './written.ts';

export interface TypedSource {
  source: Source;
  expressions: readonly Written[];
  sqlOf(expression: Written): string;
  usesOf(expression: Written): readonly Use[];
  /** Why the columns in an expression are text, for a message. */
  why(expression: Pick<Written, 'written'>): Promise<string | undefined>;
}

interface Column {
  name: string;
  /** Bits of text_kinds.ts. */
  mask: number;
  typing: Typing;
}

/**
 * @throws CollideError DATA_SOURCE (unreadable, without rows, a value that is not of the type in `data.types`),
 * DATA_SQL (a column without one right type is used as a value), INVALID_CONFIG (`data.types` names no column), ABORTED
 */
export async function typeColumns(
  engine: Engine,
  source: Source,
  config: CheckedConfig,
  expressions: readonly Written[],
): Promise<TypedSource> {
  const asked = askedTypes(source, config);
  const parsed = new Map<Written, ParsedExpression>();
  for (const expression of expressions) {
    const root = expression.role === 'feature' ? 'text' : expression.role === 'order' ? 'order' : 'value';
    const tree = expression.plain ? undefined : await parseExpression(engine, expression.written, root);
    if (tree !== undefined) parsed.set(expression, tree);
  }
  const textName = new Map(source.texts.map((name) => [name.toLowerCase(), name]));
  const wanted = new Set(asked.keys());
  for (const { uses } of parsed.values()) {
    for (const use of uses) {
      const name = textName.get(use.column.toLowerCase());
      if (use.as !== 'text' && name !== undefined) wanted.add(name);
    }
  }
  const columns = await findTypes(engine, source, [...wanted], asked);
  for (const [expression, { uses }] of parsed) {
    for (const use of uses) await checkUse(engine, source, columns, expression, use);
  }

  const typed = [...columns.values()].filter(({ typing }) => typing.cast !== undefined);
  const twins = new Map(typed.map(({ name }, t) => [name.toLowerCase(), `collide_text_${t}`]));
  const casts = typed.map(({ name, typing }) => `${typing.cast!(quoteName(name))} AS ${quoteName(name)}`);
  const texts = typed.map(({ name }, t) => `${quoteName(name)} AS collide_text_${t}`);
  const sql = `(SELECT * REPLACE (${casts.join(', ')}), ${texts.join(', ')} FROM ${source.sql} AS collide_texts)`;
  return {
    source: typed.length === 0 ? source : { ...source, sql },
    expressions,
    sqlOf(expression) {
      const textOf = (column: string): string | undefined => twins.get(column.toLowerCase());
      if (expression.plain) return quoteName(textOf(expression.name) ?? expression.name);
      const tree = parsed.get(expression);
      const renamed = tree?.uses.some((use) => use.as === 'text' && textOf(use.column) !== undefined);
      return renamed ? tree!.rename(textOf) : expression.written;
    },
    usesOf: (expression) => parsed.get(expression)?.uses ?? [],
    async why({ written }) {
      const tree = [...parsed].find(([expression]) => expression.written === written)?.[1];
      const names = new Set(tree?.uses.map((use) => use.column.toLowerCase()));
      const reasons: string[] = [];
      for (const column of columns.values()) {
        if (!names.has(column.name.toLowerCase()) || column.typing.cast !== undefined) continue;
        reasons.push(await reason(engine, source, column));
      }
      return reasons.length === 0 ? undefined : reasons.join('. ');
    },
  };
}

/** `data.types` by the names that columns have. */
function askedTypes(source: Source, config: CheckedConfig): Map<string, string> {
  const entries = Object.entries(config.types ?? {});
  if (entries.length > 0 && source.kind !== 'csv' && source.kind !== 'json') {
    throw new CollideError(
      'INVALID_CONFIG',
      `Expected data.types only with csv and JSON files, received them with ${source.name}, whose columns have types. CAST(x AS ...) gives another one`,
    );
  }
  return new Map(
    entries.map(([name, type]) => {
      const known = source.texts.find((text) => text.toLowerCase() === name.toLowerCase());
      if (known !== undefined) return [known, type];
      throw new CollideError(
        'INVALID_CONFIG',
        `Expected columns of ${source.name} in data.types, received "${name}".${suggestion(name, source.texts)} Columns: ${source.texts.join(', ')}`,
      );
    }),
  );
}

async function findTypes(
  engine: Engine,
  source: Source,
  names: readonly string[],
  asked: ReadonlyMap<string, string>,
): Promise<Map<string, Column>> {
  const columns = new Map<string, Column>();
  if (source.texts.length === 0) return columns;
  const masks = names.map((name, c) => `bit_or(${kindOf(quoteName(name))}) AS k${c}`);
  let row: Record<string, unknown>;
  try {
    row = (await engine.rows(`SELECT ${['count(*) AS n', ...masks].join(', ')} FROM ${source.sql} AS t`))[0]!;
  } catch (cause) {
    throw sourceError(cause, source);
  }
  if (Number(row.n) === 0) {
    const what = source.kind === 'csv' ? 'rows below the header line' : 'records';
    throw new CollideError('DATA_SOURCE', `Expected ${what} in ${source.name}, received none`);
  }
  for (const [c, name] of names.entries()) {
    const mask = Number(row[`k${c}`] ?? 0);
    const type = asked.get(name);
    const column = { name, mask, typing: type === undefined ? typeFor(mask) : askable[type]! };
    if (type !== undefined && (mask & ~askable[type]!.fits) !== 0) {
      const odd = await findOdd(engine, source, name, askable[type]!.fits);
      throw new CollideError('DATA_SOURCE', `Expected ${type} for column "${name}" (data.types), received ${odd}`);
    }
    columns.set(name.toLowerCase(), column);
  }
  return columns;
}

/** Refuses a use that would give a wrong answer without an error of DuckDB. */
async function checkUse(
  engine: Engine,
  source: Source,
  columns: ReadonlyMap<string, Column>,
  { where, written }: Written,
  use: Use,
): Promise<void> {
  const column = columns.get(use.column.toLowerCase());
  if (use.as === 'text' || column === undefined || column.typing.cast !== undefined) return;
  const refuse = (text: string): never => {
    throw new CollideError('DATA_SQL', `${where}: ${text} (in: ${written})`);
  };
  const { name, mask, typing } = column;
  if (typing.conflict !== undefined) {
    refuse(
      `Expected one type for column "${name}", which ${typing.conflict}. Say what is meant: data.types: { ${name}: VARCHAR } takes it as text, another type there or an expression such as strptime(${name}, '%d/%m/%Y') as a value`,
    );
  }
  // Rows sorted by the text of what are mostly numbers would be sorted wrong.
  if (use.as === 'order' && families.filter(([, bits]) => mask & bits).length > 1) {
    const why = await reason(engine, source, column);
    refuse(
      `Expected values of one kind in column "${name}". ${why}. CAST(${name} AS VARCHAR) sorts and compares as text`,
    );
  }
}

/** Why a column is text. */
async function reason(engine: Engine, source: Source, { name, mask, typing }: Column): Promise<string> {
  if (mask === 0) return `Column "${name}" has no value in any row`;
  if (typing.conflict !== undefined) return `Column "${name}" is read as text: it ${typing.conflict}`;
  const present = families.filter(([, bits]) => mask & bits);
  if (present.length === 1 && present[0]![0] !== 'text') return `Column "${name}" is text, as data.types says`;
  const kind = kindOf(quoteName(name));
  const counts = families.map(([, bits], f) => `count(*) FILTER ((${kind}) & ${bits} <> 0) AS f${f}`);
  const [row] = await engine.rows(`SELECT ${counts.join(', ')} FROM ${source.sql} AS t`);
  const most = families.reduce((best, _, f) => (Number(row![`f${f}`]) > Number(row![`f${best}`]) ? f : best), 0);
  const [family, bits] = families[most]!;
  if (family === 'text') return `Column "${name}" is text: ${await findOdd(engine, source, name, ~bits)}`;
  const odd = await findOdd(engine, source, name, bits);
  return `Column "${name}" is read as text, because a value is not ${family} like most others: ${odd}. TRY_CAST(${name} AS DOUBLE) (or DATE, ...) makes such values NULL`;
}

/** The first value of other kinds than `fits`, with its place. */
async function findOdd(engine: Engine, source: Source, name: string, fits: number): Promise<string> {
  const numbered = `(SELECT *, row_number() OVER () AS collide_n FROM ${source.sqlWithFile} AS s)`;
  const column = quoteName(name);
  const [odd] = await engine.rows(
    `SELECT collide_file AS file, collide_n AS n, ${column} AS value FROM ${numbered} AS t
     WHERE (${kindOf(column)}) & ~(${fits}) <> 0 ORDER BY n LIMIT 1`,
  );
  const file = String(odd!.file);
  const breaks = source.texts.map((text) => {
    const field = `coalesce(${quoteName(text)}, '')`;
    return `length(${field}) - length(replace(${field}, chr(10), ''))`;
  });
  const before = `FROM ${numbered} AS t WHERE collide_file = ${quoteText(file)} AND collide_n < ${odd!.n}`;
  const lines = source.kind === 'csv' ? ['count(*) + 2', `coalesce(sum(${breaks.join(' + ')}), 0)`] : ['count(*) + 1'];
  const [place] = await engine.rows(`SELECT ${lines.join(' + ')} AS line ${before}`);
  const line = source.kind === 'csv' ? await physicalLine(engine, file, Number(place!.line)) : place!.line;
  const text = String(odd!.value);
  const shown = text.length > 100 ? `${text.slice(0, 100)}...` : text;
  return `"${shown}" in ${source.kind === 'csv' ? 'line' : 'record'} ${line} of ${source.shown(file)}`;
}

/** The number, as an editor counts, of the line that is `line`-th when empty lines, which DuckDB skips, are left out. */
async function physicalLine(engine: Engine, file: string, line: number): Promise<number> {
  const raw = `read_csv(${quoteText(file)}, auto_detect = false, header = false, columns = {'l': 'VARCHAR'}, delim = '\u0001', quote = '', escape = '')`;
  const numbered = `(SELECT l, row_number() OVER () AS n FROM ${raw})`;
  const wanted = `SELECT n FROM ${numbered} WHERE l IS NOT NULL ORDER BY n LIMIT 1 OFFSET ${line - 1}`;
  try {
    return Number((await engine.rows(wanted))[0]?.n ?? line);
  } catch (cause) {
    // Line ends of two kinds, which are fine within quotes, cannot be read as lines.
    if (cause instanceof EngineError) return line;
    throw cause;
  }
}
