/** What a feature says of its row source: checked, and put into native form. */
import { CollideError, checkInteger, checkNumber, checkObject, checkOptions, describe } from '../../errors.ts';
import type { NativeSource } from '../../native.ts';
import { optionNames } from '../../option_names.ts';
import { rowSources } from './index.ts';
import type { RowSource, SourcedFeature, SourceOptions, SourceTable } from './row_source.ts';

const TABLE = optionNames<SourceTable>({ part: true, rows: true, width: true, exact: true, init: true });

/**
 * The source that a feature names. The values of its options are checked when its dim is known.
 *
 * @param hashes - number of the feature's hash functions
 * @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION naming the feature
 */
export function checkSource(options: SourceOptions, hashes: number, combine: string, where: string): RowSource {
  checkObject(options, `source of ${where}`);
  const source = rowSources.get(options.kind, `source kind of ${where}`);
  checkOptions(options, source.options, `source "${source.name}" of ${where}`);
  if (hashes === 1 && combine === 'sum') return source;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected one hash function and combine "sum" beside source "${source.name}" of ${where}, received ${hashes} and "${combine}"`,
  );
}

/** @throws CollideError INVALID_ARGUMENT unless the options of a source come back from a file as they are */
export function checkSavedSource(options: SourceOptions, where: string): void {
  const isSaved = (value: unknown): boolean =>
    Array.isArray(value)
      ? value.every(isSaved)
      : typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
  for (const [name, value] of Object.entries(options)) {
    if (isSaved(value)) continue;
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a text, number, boolean or list of them for ${name} in the source of ${where}, received ${describe(value)}`,
    );
  }
}

/**
 * The source of a feature as native code takes it.
 *
 * @throws CollideError INVALID_ARGUMENT naming the feature and what its source cannot use
 */
export function completeSource(source: RowSource, options: SourceOptions, feature: SourcedFeature): NativeSource {
  const { where, rows, dim } = feature;
  const { name, makeRows, backward } = source;
  const { tables, numbers = {} } = source.describe(options, feature);
  if (!Array.isArray(tables) || tables.length === 0) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected at least one table for source "${name}" of ${where}, received ${describe(tables)}`,
    );
  }
  if ((makeRows === undefined) !== (backward === undefined)) {
    throw new CollideError('INVALID_ARGUMENT', `Expected both makeRows and backward, or neither, for source "${name}"`);
  }
  for (const [key, value] of Object.entries(numbers)) checkNumber(value, -1e300, 1e300, `${key} of source "${name}"`);
  return {
    kind: makeRows === undefined ? (source.native ?? name) : name,
    rows,
    dim,
    tables: tables.map((table, t) => completeTable(table, `tables[${t}] of source "${name}" of ${where}`)),
    numbers,
    ...(makeRows &&
      backward && {
        makeRows: (tables, rows) => makeRows.call(source, tables, rows, numbers),
        backward: (tables, rows, gradient) => backward.call(source, tables, rows, gradient, numbers),
      }),
  };
}

function completeTable(table: SourceTable, where: string): NativeSource['tables'][number] {
  checkOptions(table, TABLE, where);
  const { part = '', rows, width, exact = false, init = { scale: 0 } } = table;
  return {
    part,
    rows: checkInteger(rows, 1, 0xffff_ffff, `rows of ${where}`),
    width: checkInteger(width, 1, 65_536, `width of ${where}`),
    exact,
    initCenter: checkNumber(init.center ?? 0, -1e30, 1e30, `init center of ${where}`),
    initScale: checkNumber(init.scale, 0, 1e30, `init scale of ${where}`),
  };
}
