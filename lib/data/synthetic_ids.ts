/**
 * Which id each row of a synthetic feature holds: ranks by Zipf's law, ids that die and are replaced from day to day, and
 * a share of ids that come only once.
 *
 * Ids are codes, [rows]; rows are in time order, each day has as many. Deterministic in the generator's state. O(rows *
 * log cardinality + days * cardinality).
 */
import { CollideError } from '../errors.ts';
import type { Random } from './random.ts';

export interface IdLaw {
  rows: number;
  /** Ids alive at a time: one a rank of Zipf's law. */
  cardinality: number;
  zipf: number;
  days: number;
  /** Probability that a rank passes to a new id from one day to the next. */
  newIdsPerDay: number;
  /** Rows from here on hold an id of `fresh` others, which no row before does, with this probability. */
  newIdsShare: number;
  newIdsFrom: number;
  fresh: number;
  /** Rows that make the vocabulary, ascending, and the share of the ids in them that have one row there; null: as drawn. */
  vocabularyRows: Uint32Array;
  onceShare: number | null;
}

export interface DrawnIds {
  codeCount: number;
  /** [rows] */
  codes: Uint32Array;
}

/** The day of a row, 0 to days - 1. */
export function dayOf(row: number, { rows, days }: { rows: number; days: number }): number {
  return Math.floor((row * days) / rows);
}

/** @throws CollideError INVALID_ARGUMENT when there are too few rows for `onceShare`; `where` names it */
export function drawIds(random: Random, law: IdLaw, where: string): DrawnIds {
  const { rows, cardinality, newIdsFrom, newIdsShare, fresh } = law;
  const cumulative = new Float64Array(cardinality);
  let total = 0;
  for (let k = 0; k < cardinality; k++) {
    total += (k + 1) ** -law.zipf;
    cumulative[k] = total;
  }
  const holder = Uint32Array.from({ length: cardinality }, (_, rank) => rank);
  let codeCount = cardinality + fresh;
  let day = 0;
  const codes = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    for (; day < dayOf(row, law); day++) {
      if (law.newIdsPerDay === 0) continue;
      for (let rank = 0; rank < cardinality; rank++) {
        if (random.uniform() < law.newIdsPerDay) holder[rank] = codeCount++;
      }
    }
    const isNew = row >= newIdsFrom && fresh > 0 && random.uniform() < newIdsShare;
    codes[row] = isNew
      ? cardinality + random.integer(fresh)
      : holder[firstAbove(cumulative, random.uniform() * total)]!;
  }
  return law.onceShare === null
    ? { codeCount, codes }
    : withOnceShare(random, law, law.onceShare, codes, codeCount, where);
}

/** The first position whose value is above x; the values ascend and the last is. */
function firstAbove(values: Float64Array, x: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! > x) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Makes `share` of the vocabulary's ids come once there: rows of other ids get ids of their own, or ids that come once
 * give their row to the id of the next row whose id comes more often. `codes` are changed.
 */
function withOnceShare(
  random: Random,
  { vocabularyRows, rows }: IdLaw,
  share: number,
  codes: Uint32Array,
  codeCount: number,
  where: string,
): DrawnIds {
  const counts = new Uint32Array(codeCount);
  for (const row of vocabularyRows) counts[codes[row]!]! += 1;
  let distinct = 0;
  let once = 0;
  let spare = 0; // rows that their ids can lose without coming once
  for (const count of counts) {
    if (count > 0) distinct += 1;
    if (count === 1) once += 1;
    spare += Math.max(0, count - 2);
  }
  const wanted = Math.round((share * distinct - once) / (1 - share));
  if (wanted > spare || (wanted < 0 && once === distinct)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected more rows or fewer ids for onceShare ${share} of ${where}: of ${distinct} ids in ${vocabularyRows.length} rows ${once} come once`,
    );
  }
  if (wanted < 0) {
    const ones = vocabularyRows.filter((row) => counts[codes[row]!] === 1);
    for (let left = -wanted, i = ones.length; left > 0; left--) {
      const pick = random.integer(i--);
      let row = ones[pick]!;
      ones[pick] = ones[i]!;
      const given = row;
      while (!(counts[codes[row]!]! > 1)) row = (row + 1) % rows;
      codes[given] = codes[row]!;
    }
    return { codeCount, codes };
  }
  for (let left = wanted; left > 0; ) {
    const row = vocabularyRows[random.integer(vocabularyRows.length)]!;
    if (!(counts[codes[row]!]! > 2)) continue;
    counts[codes[row]!]! -= 1;
    codes[row] = codeCount++;
    left -= 1;
  }
  // The other rows have new ids at the same rate.
  let known = 0;
  for (let row = 0; row < rows; row++) {
    if (vocabularyRows[known] === row) known += 1;
    else if (random.uniform() < wanted / vocabularyRows.length) codes[row] = codeCount++;
  }
  return { codeCount, codes };
}
