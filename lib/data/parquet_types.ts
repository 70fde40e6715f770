/** Several parquet files as one source: DuckDB takes the types of the first, and rounds the values of the others to fit. */
import { CollideError } from '../errors.ts';
import { type Engine, quoteText } from './engine.ts';

/** DuckDB fails where a whole number does not fit into a narrower type. */
const WHOLE = /^U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$/;

/**
 * @param where - for the message: `data.source`, `data.query`
 * @throws CollideError DATA_SOURCE when a column has another type in a later file
 * @throws EngineError a file that cannot be read
 */
export async function checkParquetTypes(engine: Engine, files: readonly string[], where: string): Promise<void> {
  const typesOf = async (file: string): Promise<Map<string, string>> => {
    const rows = await engine.rows(
      `DESCRIBE SELECT * FROM read_parquet(${quoteText(file)}, hive_partitioning = false)`,
    );
    return new Map(rows.map((row) => [String(row.column_name).toLowerCase(), String(row.column_type)]));
  };
  if (files.length < 2) return;
  const first = await typesOf(files[0]!);
  for (const file of files.slice(1)) {
    for (const [name, type] of await typesOf(file)) {
      const wanted = first.get(name);
      if (wanted === undefined || wanted === type || (WHOLE.test(wanted) && WHOLE.test(type))) continue;
      throw new CollideError(
        'DATA_SOURCE',
        `${where}: Expected one type for column "${name}" in all files, received ${wanted} in ${files[0]} and ${type} in ${file}. With data.query they can be read as one: SELECT * REPLACE (CAST("${name}" AS ...) AS "${name}") FROM ${quoteText(files[0]!)} UNION ALL BY NAME SELECT ...`,
      );
    }
  }
}
