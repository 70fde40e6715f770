/**
 * A mapping for other programs: the row of every id of one feature, as csv or parquet, or npy (int32, or int64 beyond 2^31
 * rows: the row of each id). An id without a row has -1.
 *
 * csv and parquet have the columns `id` and `row`, and where the values of the data are known, `value` and `kind`: `value`,
 * `null` (SQL's NULL is a value with an id, too) or `unseen` (the id of all values that are not in the vocabulary). The
 * value is empty in csv, NULL in parquet for the last two; an empty text is `""` in csv. In csv a value is quoted where it
 * has to be; in parquet it has the type it had (numbers, booleans), or is text. npy has room for rows alone.
 */
import { extname } from 'node:path';
import { writeMappingParquet } from '../data/parquet.ts';
import type { ValueTexts } from '../data/value_texts.ts';
import type { VocabularyFeature } from '../data/vocabulary.ts';
import { CollideError, checkInteger, checkList, checkObject, checkText } from '../errors.ts';
import { writeFileAtomic, writeNpy } from '../files/index.ts';
import type { FeatureHashing } from '../hashing/feature_hashing.ts';
import { PRUNED, rowsOfAll } from '../hashing/index.ts';

/** The files that {@link writeMapping} writes. */
export type MappingFormat = 'csv' | 'npy' | 'parquet';

const FORMATS: Record<string, MappingFormat> = {
  '': 'csv',
  '.csv': 'csv',
  '.npy': 'npy',
  '.parquet': 'parquet',
  '.pq': 'parquet',
};

/**
 * The format that a file's name asks for; csv without an ending.
 *
 * @throws CollideError INVALID_ARGUMENT for another ending
 */
export function mappingFormat(path: string): MappingFormat {
  const format = FORMATS[extname(checkText(path, 'the path of a mapping')).toLowerCase()];
  if (format !== undefined) return format;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a .csv, .npy or .parquet file for a mapping, received "${path}"`,
  );
}

/**
 * Writes the rows of one internal table; the file's ending says how. Whole or not at all.
 *
 * @param table - index of the feature's hash function
 * @param known - what the ids mean. Default: nothing is known, and values are left out
 * @throws CollideError INVALID_ARGUMENT for another ending, FILE_IO
 * @example
 * ```ts
 * await writeMapping('movie.parquet', hashing.features[0]!, 0, hashing.vocabulary.features[0]);
 * ```
 */
export async function writeMapping(
  path: string,
  feature: FeatureHashing,
  table = 0,
  known?: VocabularyFeature,
): Promise<void> {
  const format = mappingFormat(path);
  checkObject(feature, 'the feature of a mapping, one of hashing.features,');
  const { hashes, cardinality } = feature;
  checkInteger(table, 0, checkList(hashes, 'hashes of a feature').length - 1, 'table of writeMapping');
  const rows = rowsOfAll(hashes[table]!, cardinality);
  const rowOf = (id: number) => (rows[id] === PRUNED >>> 0 ? PRUNED : rows[id]!);
  switch (format) {
    case 'csv':
      return writeFileAtomic(path, csv(cardinality, rowOf, known?.values));
    case 'npy': {
      const small = rows.every((row) => row < 2 ** 31 || row === PRUNED >>> 0);
      const array = small
        ? Int32Array.from(rows, (_, id) => rowOf(id))
        : BigInt64Array.from({ length: cardinality }, (_, id) => BigInt(rowOf(id)));
      return writeNpy(path, array, [cardinality]);
    }
    case 'parquet':
      return writeMappingParquet(path, cardinality, rowOf, known);
  }
}

/** Pieces of a few hundred kilobytes, so that a mapping of many ids is never one string. */
function* csv(ids: number, rowOf: (id: number) => number, values: ValueTexts | undefined): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let text = values === undefined ? 'id,row\n' : 'id,row,value,kind\n';
  for (let id = 0; id < ids; id++) {
    text += `${id},${rowOf(id)}${values === undefined ? '' : `,${csvValue(values, id)}`}\n`;
    if (text.length < 1 << 18) continue;
    yield encoder.encode(text);
    text = '';
  }
  yield encoder.encode(text);
}

/** The columns value and kind. */
function csvValue(values: ValueTexts, id: number): string {
  if (id >= values.length) return ',unseen';
  const value = values.at(id);
  if (value === null) return ',null';
  return `${/^$|[",\r\n]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value},value`;
}
