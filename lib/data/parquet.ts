/**
 * Parquet files of single tables: vectors with counts in, a mapping out. DuckDB reads and writes them; what a file says is
 * checked before it is believed.
 */
import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CollideError } from '../errors.ts';
import { writeFileAtomic } from '../files/index.ts';
import { Engine, EngineError, quoteText } from './engine.ts';
import type { VocabularyFeature } from './vocabulary.ts';

/** Vectors and access counts of one table, by id. */
export interface VectorTable {
  /** Of each vector, 1 to 4096. */
  dim: number;
  /** [ids * dim] */
  vectors: Float32Array;
  /** [ids] */
  counts: Float64Array;
}

const WHOLE = /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/;
const VECTOR = /^(FLOAT|DOUBLE|DECIMAL\(.*\)|U?(TINY|SMALL|BIG)?INT(EGER)?)\[\d*\]$/;
const MOST_DIMENSIONS = 4096;

/**
 * Reads the columns `id` (0 .. n - 1, each once, in any order), `count` (whole numbers from 0) and `vector` (a list of as
 * many numbers for every id); other columns are left alone.
 *
 * @throws CollideError FILE_IO (no such file), FILE_FORMAT (not parquet, damaged, or other columns and contents), ABORTED
 */
export async function readVectorsParquet(path: string, signal?: AbortSignal): Promise<VectorTable> {
  if (!existsSync(path)) throw new CollideError('FILE_IO', `Could not read "${path}": no such file or folder`);
  const engine = await Engine.open({ signal });
  try {
    const source = `read_parquet(${quoteText(path)})`;
    await checkColumns(engine, source, path);
    const { ids, dim } = await checkContents(engine, source, path);
    const table = { dim, vectors: new Float32Array(ids * dim), counts: new Float64Array(ids) };
    const values = Array.from({ length: dim }, (_, d) => `CAST(vector[${d + 1}] AS FLOAT)`);
    await engine.stream(
      `SELECT CAST(id AS UINTEGER), CAST("count" AS DOUBLE), ${values.join(', ')} FROM ${source}`,
      ([id, count, ...axes], rows) => {
        for (let i = 0; i < rows; i++) {
          const at = id!.getItem(i) as number;
          table.counts[at] = count!.getItem(i) as number;
          for (let d = 0; d < dim; d++) table.vectors[at * dim + d] = axes[d]!.getItem(i) as number;
        }
      },
    );
    return table;
  } catch (cause) {
    if (cause instanceof EngineError) throw broken(path, cause.message, cause);
    throw cause;
  } finally {
    engine.close();
  }
}

async function checkColumns(engine: Engine, source: string, path: string): Promise<void> {
  const columns = await engine.rows(`DESCRIBE SELECT * FROM ${source}`);
  const types = new Map(columns.map(({ column_name: name, column_type: type }) => [String(name), String(type)]));
  for (const [name, kind, meaning] of [
    ['id', WHOLE, 'whole numbers'],
    ['count', WHOLE, 'whole numbers'],
    ['vector', VECTOR, 'lists of numbers'],
  ] as const) {
    const type = types.get(name);
    if (type !== undefined && kind.test(type)) continue;
    const received = type === undefined ? `the columns ${[...types.keys()].join(', ')}` : type;
    throw broken(path, `expected a column "${name}" of ${meaning}, received ${received}`);
  }
}

async function checkContents(engine: Engine, source: string, path: string): Promise<{ ids: number; dim: number }> {
  const [row] = await engine.rows(
    `SELECT count(*) AS ids, count(DISTINCT id) AS "distinct", min(id) AS first, max(id) AS last,
       count(*) FILTER (id IS NULL OR "count" IS NULL OR vector IS NULL) AS missing, min("count") AS least,
       min(len(vector)) AS narrowest, max(len(vector)) AS widest,
       count(*) FILTER (list_contains(list_transform(vector, lambda x: x IS NULL), true)) AS holes
     FROM (SELECT id, "count", CAST(vector AS DOUBLE[]) AS vector FROM ${source})`,
  );
  const of = (name: string) => Number(row![name]);
  const ids = of('ids');
  if (ids === 0) throw broken(path, 'expected at least one row');
  if (of('missing') > 0 || of('holes') > 0) throw broken(path, 'expected a value in every row, received NULL');
  if (of('distinct') !== ids || of('first') !== 0 || of('last') !== ids - 1) {
    throw broken(
      path,
      `expected the ids 0 to ${ids - 1}, each once (one per row), received ${of('distinct')} different ones from ${of('first')} to ${of('last')}`,
    );
  }
  if (of('least') < 0) throw broken(path, `expected counts from 0, received ${of('least')}`);
  const dim = of('widest');
  if (of('narrowest') !== dim || dim < 1 || dim > MOST_DIMENSIONS) {
    throw broken(
      path,
      `expected vectors of one length, 1 to ${MOST_DIMENSIONS}, received lengths from ${of('narrowest')} to ${dim}`,
    );
  }
  return { ids, dim };
}

/** Types that a parquet file can hold as they are. */
const KEPT_TYPE = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT)|FLOAT|DOUBLE|DECIMAL\(\d+,\d+\)|BOOLEAN|DATE)$/;

/**
 * Writes a mapping as a parquet file with the columns `id` and `row` (-1 for an id without a row), by ascending id, and
 * `value` and `kind` (value, null or unseen) where the values are known; whole or not at all.
 *
 * @throws CollideError FILE_IO, ABORTED
 */
export async function writeMappingParquet(
  path: string,
  ids: number,
  rowOf: (id: number) => number,
  { values, type = 'VARCHAR' }: Pick<VocabularyFeature, 'values' | 'type'> = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'learn-to-collide-'));
  const engine = await Engine.open();
  try {
    const columns = values === undefined ? '' : ', value VARCHAR, kind VARCHAR';
    await engine.run(`CREATE TABLE mapping (id UINTEGER, "row" BIGINT${columns})`);
    await engine.append('mapping', ids, (begin, end) => {
      const piece = Array.from({ length: end - begin }, (_, k) => begin + k);
      const rows = [piece, piece.map((id) => BigInt(rowOf(id)))];
      if (values === undefined) return rows;
      const texts = piece.map((id) => (id < values.length ? values.at(id) : null));
      const kinds = texts.map((text, k) => (text !== null ? 'value' : piece[k] === values.nullAt ? 'null' : 'unseen'));
      return [...rows, texts, kinds];
    });
    const file = join(folder, 'mapping.parquet');
    const typed = values !== undefined && KEPT_TYPE.test(type) ? ` REPLACE (CAST(value AS ${type}) AS value)` : '';
    await engine.run(`COPY (SELECT *${typed} FROM mapping ORDER BY id) TO ${quoteText(file)} (FORMAT parquet)`);
    await writeFileAtomic(path, createReadStream(file, { highWaterMark: 1 << 20 }));
  } catch (cause) {
    if (cause instanceof EngineError)
      throw new CollideError('FILE_IO', `Could not write "${path}": ${cause.message}`, { cause });
    throw cause;
  } finally {
    engine.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function broken(path: string, problem: string, cause?: unknown): CollideError {
  return new CollideError('FILE_FORMAT', `"${path}" is not a parquet file of vectors: ${problem}`, { cause });
}
