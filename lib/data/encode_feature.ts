/**
 * The part of dictionary encoding that DuckDB does: it numbers the distinct values of a feature (codes, in no particular
 * order) and encodes every row with them. Nothing depends on the order in which it returns rows.
 *
 * Cost for a feature of n values: one hash aggregate and one hash join, about 0.2 us a value.
 */
import type { Codes } from './encode.ts';
import type { Engine } from './engine.ts';

/** Encodes column `collide_feature_<feature>` of the table `data`; leaves the table `vocabulary` (code, value). */
export async function encodeFeature(engine: Engine, feature: number, list: boolean, rows: number): Promise<Codes> {
  const column = `collide_feature_${feature}`;
  const values = list
    ? `(SELECT rowid AS r, unnest(${column}) AS value, generate_subscripts(${column}, 1) AS k FROM data)`
    : `(SELECT rowid AS r, ${column} AS value FROM data)`;
  const numbered = 'SELECT value, CAST(row_number() OVER () - 1 AS UINTEGER) AS code';
  await engine.run(
    `CREATE OR REPLACE TEMP TABLE vocabulary AS ${numbered} FROM (SELECT DISTINCT value FROM ${values})`,
  );
  const codeCount = Number((await engine.rows('SELECT count(*) AS n FROM vocabulary'))[0]!.n);
  const joined = `FROM ${values} AS v JOIN vocabulary ON v.value IS NOT DISTINCT FROM vocabulary.value`;

  if (!list) {
    const codes = new Uint32Array(rows);
    await engine.stream(`SELECT CAST(r AS UINTEGER), code ${joined}`, ([row, code], count) => {
      for (let i = 0; i < count; i++) codes[row!.getItem(i) as number] = code!.getItem(i) as number;
    });
    return { codeCount, codes, offsets: null };
  }

  const offsets = new Uint32Array(rows + 1);
  const lengths = `SELECT CAST(rowid AS UINTEGER), CAST(coalesce(len(${column}), 0) AS UINTEGER) FROM data`;
  await engine.stream(lengths, ([row, length], count) => {
    for (let i = 0; i < count; i++) offsets[(row!.getItem(i) as number) + 1] = length!.getItem(i) as number;
  });
  for (let row = 0; row < rows; row++) offsets[row + 1]! += offsets[row]!;
  const codes = new Uint32Array(offsets[rows]!);
  await engine.stream(`SELECT CAST(r AS UINTEGER), CAST(k AS UINTEGER), code ${joined}`, ([row, k, code], count) => {
    for (let i = 0; i < count; i++) {
      codes[offsets[row!.getItem(i) as number]! + (k!.getItem(i) as number) - 1] = code!.getItem(i) as number;
    }
  });
  return { codeCount, codes, offsets };
}
