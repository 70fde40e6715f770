/**
 * A mapping for other programs: the row of every id of one feature, as csv or parquet (columns id, row) or npy (int32, or
 * int64 beyond 2^31 rows: the row of each id). An id without a row has -1.
 */
import { extname } from 'node:path';
import { writeMappingParquet } from '../data/parquet.ts';
import { CollideError, checkInteger, checkList, checkObject, checkText } from '../errors.ts';
import { writeFileAtomic, writeNpy } from '../files/index.ts';
import { PRUNED, rowsOfAll } from '../hashing/index.ts';
import type { FeatureHashing } from './hashing.ts';

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
 * @throws CollideError INVALID_ARGUMENT for another ending, FILE_IO
 * @example
 * ```ts
 * await writeMapping('movie.parquet', hashing.features[0]!);
 * ```
 */
export async function writeMapping(path: string, feature: FeatureHashing, table = 0): Promise<void> {
  const format = mappingFormat(path);
  checkObject(feature, 'the feature of a mapping, one of hashing.features,');
  const { hashes, cardinality } = feature;
  checkInteger(table, 0, checkList(hashes, 'hashes of a feature').length - 1, 'table of writeMapping');
  const rows = rowsOfAll(hashes[table]!, cardinality);
  const rowOf = (id: number) => (rows[id] === PRUNED >>> 0 ? PRUNED : rows[id]!);
  switch (format) {
    case 'csv':
      return writeFileAtomic(path, csv(cardinality, rowOf));
    case 'npy': {
      const small = rows.every((row) => row < 2 ** 31 || row === PRUNED >>> 0);
      const array = small
        ? Int32Array.from(rows, (_, id) => rowOf(id))
        : BigInt64Array.from({ length: cardinality }, (_, id) => BigInt(rowOf(id)));
      return writeNpy(path, array, [cardinality]);
    }
    case 'parquet':
      return writeMappingParquet(path, cardinality, rowOf);
  }
}

/** Pieces of a few hundred kilobytes, so that a mapping of many ids is never one string. */
function* csv(ids: number, rowOf: (id: number) => number): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let text = 'id,row\n';
  for (let id = 0; id < ids; id++) {
    text += `${id},${rowOf(id)}\n`;
    if (text.length < 1 << 18) continue;
    yield encoder.encode(text);
    text = '';
  }
  yield encoder.encode(text);
}
