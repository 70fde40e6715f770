/**
 * Reads the source once into the table `data` (one column an expression, rows of no split left out), checks splits,
 * labels and dense values, and gives the row order.
 *
 * Rows are known by DuckDB's rowid, 0 .. rows - 1; nothing relies on the order that a parallel query returns them in.
 */
import { CollideError } from '../errors.ts';
import { type Engine, EngineError, quoteText } from './engine.ts';
import type { Expression, Expressions } from './expressions.ts';
import { type Source, sourceError } from './source.ts';
import { dealRows, type SplitRows } from './splits.ts';
import { validationEvery } from './types.ts';

/** Members and vocabulary rows are rowids. */
export interface Rows extends SplitRows {
  count: number;
  /** [count] number of each row in the source, from 1. */
  sourceRow: Float64Array;
  /** [count] */
  labels: Float32Array;
  /** [count, dense columns] */
  dense: Float32Array;
}

/** A float32 ends at 3.4e38; means, differences and weighted sums of dense values need room below. */
const MOST_DENSE = 1e30;

/** Creates the table `data`: source_row, mask (bit s: in split s), label, ordering, d0.., f0.. */
export async function createTable(engine: Engine, source: Source, expressions: Expressions): Promise<void> {
  const { label, features, dense, splits, order } = expressions;
  const mask = splits.map((split, s) => `CASE WHEN (${split.sql}\n) THEN ${1 << s} ELSE 0 END`).join(' + ');
  // Long names: an expression may name its neighbours, and must not meet one by accident.
  const selected = [
    'collide_source_row',
    `CAST(${mask} AS UTINYINT) AS collide_mask`,
    `(${label.sql}\n) AS collide_label`,
    ...order.map((key, k) => `(${key.sql}\n) AS collide_order_${k}`),
    ...dense.map((column, d) => `CAST((${column.sql}\n) AS DOUBLE) AS collide_dense_${d}`),
    ...features.map((feature, f) => `(${feature.sql}\n) AS collide_feature_${f}`),
  ];
  // The innermost row_number() streams: it numbers rows as the source gives them.
  const numbered = `SELECT *, row_number() OVER () AS collide_source_row FROM ${source.sql} AS collide_source`;
  const evaluated = `SELECT ${selected.join(', ')} FROM (${numbered}) AS collide_source`;
  try {
    await engine.run(`CREATE TABLE data AS SELECT * FROM (${evaluated}) WHERE collide_mask > 0`);
  } catch (cause) {
    throw cause instanceof EngineError ? await blame(engine, source, expressions, cause) : cause;
  }
}

/** Finds what a failure while reading comes from: the source, or the first expression that fails on it alone. */
async function blame(engine: Engine, source: Source, expressions: Expressions, cause: EngineError): Promise<unknown> {
  const fails = async (sql: string): Promise<EngineError | undefined> => {
    try {
      await engine.run(sql);
      return undefined;
    } catch (error) {
      if (error instanceof EngineError) return error;
      throw error;
    }
  };
  const from = `FROM ${source.sql} AS collide_source`;
  // Not count(): parquet answers that from its statistics.
  const broken = await fails(`SELECT max(hash(COLUMNS(*))) ${from}`);
  if (broken !== undefined) return sourceError(broken, source);
  const { label, features, dense, splits, order } = expressions;
  const all: Expression[] = [label, ...features, ...dense, ...splits, ...order];
  for (const expression of all) {
    const casted = dense.includes(expression) ? `CAST((${expression.sql}\n) AS DOUBLE)` : `(${expression.sql}\n)`;
    const error = await fails(`SELECT count(x) FROM (SELECT ${casted} AS x ${from})`);
    if (error === undefined) continue;
    return new CollideError('DATA_SQL', `${expression.where}: ${error.message} (in: ${expression.written})`, { cause });
  }
  return sourceError(cause, source);
}

/**
 * @throws CollideError SPLIT_OVERLAP, EMPTY_SPLIT, INVALID_LABEL, DATA_SQL (a dense value that is NULL or not finite)
 */
export async function readRows(engine: Engine, source: Source, expressions: Expressions): Promise<Rows> {
  const names = expressions.splits.map((split) => split.name);
  await checkSplits(engine, source, expressions);

  const count = Number((await engine.rows('SELECT count(*) AS n FROM data'))[0]!.n);
  if (count >= 2 ** 32) throw new CollideError('DATA_SOURCE', `Expected fewer than 2^32 rows, received ${count}`);
  const width = expressions.dense.length;
  const sourceRow = new Float64Array(count);
  const labels = new Float32Array(count);
  const dense = new Float32Array(count * width);
  const splitOf = new Uint8Array(count);
  const fixed = [
    'CAST(rowid AS UINTEGER)',
    'CAST(collide_source_row AS DOUBLE)',
    'collide_mask',
    'TRY_CAST(collide_label AS DOUBLE)',
  ];
  const columns = [...fixed, ...expressions.dense.map((_, d) => `collide_dense_${d}`)];
  let badLabel = false;
  let badDense = -1;
  await engine.stream(`SELECT ${columns.join(', ')} FROM data`, (vectors, rows) => {
    const [id, number, mask, label] = vectors;
    for (let i = 0; i < rows; i++) {
      const row = id!.getItem(i) as number;
      sourceRow[row] = number!.getItem(i) as number;
      splitOf[row] = 31 - Math.clz32(mask!.getItem(i) as number);
      const value = label!.getItem(i);
      if (value !== 0 && value !== 1) badLabel = true;
      labels[row] = value as number;
    }
    for (let d = 0; d < width; d++) {
      const vector = vectors[fixed.length + d]!;
      for (let i = 0; i < rows; i++) {
        const value = (vector.getItem(i) ?? Number.NaN) as number;
        if (!(Math.abs(value) <= MOST_DENSE)) badDense = d;
        dense[(id!.getItem(i) as number) * width + d] = value;
      }
    }
  });
  if (badLabel) throw await labelError(engine, expressions.label);
  if (badDense >= 0) throw await denseError(engine, expressions.dense[badDense]!, badDense);

  const order = await rowOrder(engine, expressions.order.length, sourceRow);
  return { count, sourceRow, labels, dense, ...dealRows(order, splitOf, names) };
}

async function checkSplits(engine: Engine, source: Source, expressions: Expressions): Promise<void> {
  const { splits } = expressions;
  const counts = new Map<number, number>();
  for (const row of await engine.rows(
    'SELECT collide_mask AS mask, count(*) AS n FROM data GROUP BY ALL ORDER BY ALL',
  )) {
    counts.set(Number(row.mask), Number(row.n));
  }
  for (const [mask, n] of counts) {
    const inside = splits.filter((_, s) => mask & (1 << s)).map((split) => split.name);
    if (inside.length < 2) continue;
    throw new CollideError(
      'SPLIT_OVERLAP',
      `Expected every row in one split at most, ${n} rows are in ${inside.join(' and ')}`,
    );
  }
  for (const [s, split] of splits.entries()) {
    if (counts.has(1 << s)) continue;
    const rows = Number((await engine.rows(`SELECT count(*) AS n FROM ${source.sql} AS s`))[0]!.n);
    throw new CollideError(
      'EMPTY_SPLIT',
      `Expected rows in split ${split.name}, none of the ${rows} rows of ${source.name} satisfies: ${split.written}`,
    );
  }
  const taken = splits.some(({ name }) => name === 'validation')
    ? -1
    : splits.findIndex(({ name }) => name === 'student');
  const student = taken < 0 ? validationEvery : counts.get(1 << taken)!;
  if (student < validationEvery) {
    throw new CollideError(
      'EMPTY_SPLIT',
      `Expected rows in split validation: every ${validationEvery}th student row is taken for it, and there are only ${student}. Give data.splits.validation`,
    );
  }
}

async function labelError(engine: Engine, label: Expression): Promise<CollideError> {
  const bad = 'coalesce(TRY_CAST(collide_label AS DOUBLE) NOT IN (0, 1), true)';
  const select =
    'SELECT collide_source_row AS row, typeof(collide_label) AS type, CAST(collide_label AS VARCHAR) AS value';
  const [first] = await engine.rows(`${select} FROM data WHERE ${bad} ORDER BY collide_source_row LIMIT 1`);
  const value = first!.value === null ? 'NULL' : String(first!.value);
  const text = first!.type === 'VARCHAR' && first!.value !== null;
  const shown = value.length > 100 ? `${value.slice(0, 100)}...` : value;
  const example = quoteText(shown);
  const advice = text ? `. Compare texts: ${label.written} = ${example} is true where the label is 1` : '';
  return new CollideError(
    'INVALID_LABEL',
    `Expected 0, 1 or a boolean for data.label, received ${text ? `the text ${example}` : value} in row ${first!.row} of the source (in: ${label.written})${advice}`,
  );
}

async function denseError(engine: Engine, expression: Expression, d: number): Promise<CollideError> {
  const column = `collide_dense_${d}`;
  const bad = `(${column} IS NULL OR isnan(${column}) OR abs(${column}) > ${MOST_DENSE})`;
  const select = `SELECT collide_source_row AS row, CAST(${column} AS VARCHAR) AS value`;
  const [first] = await engine.rows(`${select} FROM data WHERE ${bad} ORDER BY collide_source_row LIMIT 1`);
  const value = first!.value === null ? 'NULL' : String(first!.value);
  const large = value !== 'NULL' && !/nan/i.test(value);
  const advice = large
    ? `. Smaller units, its logarithm or least(greatest(${expression.written}, -1e6), 1e6) fit`
    : `. To put a number in its place: coalesce(${value === 'NULL' ? expression.written : `nullif(${expression.written}, 'nan')`}, 0)`;
  return new CollideError(
    'DATA_SQL',
    `${expression.where}: Expected a number from -1e30 to 1e30, received ${value} in row ${first!.row} of the source${advice}`,
  );
}

/** The rowids in row order. */
async function rowOrder(engine: Engine, keys: number, sourceRow: Float64Array): Promise<Uint32Array> {
  const order = new Uint32Array(sourceRow.length);
  // Window functions may have moved rows on their way into the table.
  let moved = false;
  for (let row = 0; row < order.length; row++) {
    order[row] = row;
    if (row > 0 && sourceRow[row]! < sourceRow[row - 1]!) moved = true;
  }
  if (keys === 0 && !moved) return order;
  const by = [...Array.from({ length: keys }, (_, k) => `collide_order_${k}`), 'collide_source_row'].join(', ');
  let next = 0;
  await engine.stream(`SELECT CAST(rowid AS UINTEGER) FROM data ORDER BY ${by}`, ([id], rows) => {
    for (let i = 0; i < rows; i++) order[next++] = id!.getItem(i) as number;
  });
  return order;
}
