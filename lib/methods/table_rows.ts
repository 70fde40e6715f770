/** How many rows a table gets, and which tables stay whole. */
import type { FeatureInfo } from '../data/feature_info.ts';
import { CollideError, checkInteger, checkNumber } from '../errors.ts';
import { type FeatureHashing, isWholeTable } from '../hashing/feature_hashing.ts';
import { bytesPerEntry } from '../hashing/pack.ts';

/**
 * Tables of fewer ids stay whole unless `minRows` says otherwise, wherever tables are compressed. At width 16 such a table
 * is at most 32 kB: compressing it saves next to nothing and costs quality. "Learning to Collide" leaves tables of fewer
 * than 100,000 ids whole, on data of hundreds of millions of ids; `minRows: 100_000` does as the paper does.
 */
export const DEFAULT_MIN_ROWS = 500;

/** What decides about the rows of a table. */
export interface RowOptions {
  /** Rows of a compressed table as a share of its ids, above 0, at most 1. */
  size: number;
  /** Features with fewer ids stay whole. Default 500. */
  minRows?: number;
}

/** Rows a feature gets: all of them below the cutoff, otherwise its share, at least one. */
export function targetRows(cardinality: number, { size, minRows = DEFAULT_MIN_ROWS }: RowOptions): number {
  checkNumber(size, Number.MIN_VALUE, 1, 'size');
  checkInteger(minRows, 0, 2 ** 32, 'minRows');
  return cardinality < minRows ? cardinality : Math.max(1, Math.ceil(cardinality * size));
}

type Table = Pick<FeatureInfo, 'name' | 'cardinality'>;

/** Names of the features that get fewer rows than they have ids. */
export function compressedTables(features: readonly Table[], options: RowOptions): string[] {
  return features.filter(({ cardinality }) => targetRows(cardinality, options) < cardinality).map(({ name }) => name);
}

/**
 * Names of the features whose learned table would take at least the bytes of the whole one: its mapping costs what its
 * rows save, as with narrow rows or a large share of them. The whole table is then smaller, or as small, and exact.
 *
 * @param dim - width of the student's rows, float32
 */
export function dearTables(features: readonly Table[], { dim, ...options }: RowOptions & { dim: number }): string[] {
  const dear = ({ cardinality }: Table) => {
    const rows = targetRows(cardinality, options);
    const width = dim * Float32Array.BYTES_PER_ELEMENT;
    return rows < cardinality && rows * width + cardinality * bytesPerEntry(rows) >= cardinality * width;
  };
  return features.filter(dear).map(({ name }) => name);
}

/** Bytes of all tables with learned hash functions at most: mappings count, and a table that is smaller whole is whole. */
function bytesAtMost(features: readonly Table[], { dim, ...options }: RowOptions & { dim: number }): number {
  const width = dim * Float32Array.BYTES_PER_ELEMENT;
  return features.reduce((sum, { cardinality }) => {
    const rows = targetRows(cardinality, options);
    const learned = rows * width + cardinality * bytesPerEntry(rows);
    return sum + Math.min(cardinality * width, learned);
  }, 0);
}

/**
 * The largest `size` whose tables, mappings included, take no more than a share of the bytes of full tables.
 *
 * @throws CollideError INVALID_ARGUMENT for a share that even one row a table exceeds
 */
export function sizeForBytes(
  features: readonly Table[],
  { bytes, ...options }: { bytes: number; minRows: number; dim: number },
): number {
  checkNumber(bytes, Number.MIN_VALUE, 1, 'bytes of trainAuto');
  const most = bytes * bytesAtMost(features, { ...options, size: 1 });
  const fits = (size: number) => bytesAtMost(features, { ...options, size }) <= most;
  if (fits(1)) return 1;
  let [low, high] = [Number.MIN_VALUE, 1];
  if (!fits(low)) {
    const least = bytesAtMost(features, { ...options, size: low }) / bytesAtMost(features, { ...options, size: 1 });
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected at least ${Math.ceil(least * 1e4) / 1e4} for bytes of trainAuto (small tables whole, a row for each other table and the mappings), received ${bytes}`,
    );
  }
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** The rows of those tables, all of theirs, as `rows` of learnHashing takes them. */
export function allRows(features: readonly Table[], names: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    features.filter(({ name }) => names.includes(name)).map(({ name, cardinality }) => [name, cardinality]),
  );
}

/** Most tables that a sentence names. */
const NAMED = 20;

/** Tables with their ids, as a sentence names them: `user (300 ids), item (20 ids)`. */
export function namedTables(tables: readonly Table[]): string {
  const names = tables.slice(0, NAMED).map(({ name, cardinality }) => `${name} (${cardinality} ids)`);
  return names.join(', ') + (tables.length > NAMED ? ` and ${tables.length - NAMED} more` : '');
}

/** Which tables of a hashing stayed whole, and why, in a line for people; no line where none did. */
export function wholeTables(
  features: readonly (Table & Pick<FeatureHashing, 'hashes' | 'source'>)[],
  minRows: number,
): string[] {
  const whole = features.filter(isWholeTable);
  const small = whole.filter(({ cardinality }) => cardinality < minRows);
  const others = whole.filter(({ cardinality }) => cardinality >= minRows);
  const all = whole.length === features.length ? 'nothing was compressed; ' : '';
  return [
    ...(small.length > 0 ? [`${all}whole, with fewer ids than minRows ${minRows}: ${namedTables(small)}`] : []),
    ...(others.length > 0 ? [`${small.length > 0 ? '' : all}whole: ${namedTables(others)}`] : []),
  ];
}
