/**
 * What the texts of a csv or JSON column are: whole numbers, decimals, dates, ... A value's kind is one bit; the bits of
 * all values of a column, over all rows of all files, decide its type, so that no value is rounded to fit the type of
 * others.
 */

const kinds = {
  zeroOrOne: 1,
  integer: 2,
  hugeint: 4,
  bignum: 8,
  /** Comes with a whole number that a double cannot hold exactly. */
  inexact: 16,
  decimal: 32,
  truth: 64,
  date: 128,
  timestamp: 256,
  nanoseconds: 512,
  zoned: 1024,
  time: 2048,
  monthFirst: 4096,
  dayFirst: 8192,
  /** 03/04/2001: March or April. */
  eitherFirst: 16384,
  /** Comes with a date of the three kinds above that has a time. */
  withTime: 32768,
  other: 65536,
} as const;

const wholes = kinds.zeroOrOne | kinds.integer | kinds.inexact;
const numbers = wholes | kinds.hugeint | kinds.bignum | kinds.decimal;
const isoTimes = kinds.date | kinds.timestamp | kinds.nanoseconds;
const slashed = kinds.monthFirst | kinds.dayFirst | kinds.eitherFirst | kinds.withTime;

const SPACE = '\\s*';
const DATE = '\\d{4}[-/]\\d{1,2}[-/]\\d{1,2}';
const CLOCK = '\\d{1,2}:\\d{2}(:\\d{2}(\\.\\d{1,6})?)?';
const SLASHED = '(\\d{1,2})[-/.](\\d{1,2})[-/.](\\d{4})';

/** SQL: the text of a date such as 24.12.2001 in the order year, month, day. */
function reordered(column: string, order: 'month' | 'day'): string {
  return `regexp_replace(${column}, '^${SLASHED}', '${order === 'month' ? '\\3-\\1-\\2' : '\\3-\\2-\\1'}')`;
}

/** SQL: the kind of a text, NULL for NULL. The frequent kinds come first and are cheap. */
export function kindOf(column: string): string {
  const is = (pattern: string): string => `regexp_full_match(${column}, '${pattern}')`;
  const as = (type: string): string => `TRY_CAST(${column} AS ${type})`;
  const whole = (kind: number, type: string): string => {
    const exact = `CAST(${as(type)} AS HUGEINT) BETWEEN -9007199254740992 AND 9007199254740992 OR CAST(CAST(${as(type)} AS DOUBLE) AS BIGNUM) = CAST(${as(type)} AS BIGNUM)`;
    return `CASE WHEN ${exact} THEN ${kind} ELSE ${kind | kinds.inexact} END`;
  };
  const dateOf = (order: 'month' | 'day'): string => `TRY_CAST(${reordered(column, order)} AS TIMESTAMP) IS NOT NULL`;
  const timed = `CASE WHEN ${is(SLASHED)} THEN 0 ELSE ${kinds.withTime} END`;
  return `CASE WHEN ${column} IS NULL THEN NULL
    WHEN ${column} IN ('0', '1') THEN ${kinds.zeroOrOne}
    WHEN ${column} = CAST(${as('BIGINT')} AS VARCHAR) THEN ${whole(kinds.integer, 'BIGINT')}
    WHEN ${is('-?\\d{1,15}\\.\\d{1,15}')} THEN ${kinds.decimal}
    WHEN NOT regexp_matches(${column}, '^${SPACE}[-+.0-9tTfF]') THEN ${kinds.other}
    WHEN ${is(`${SPACE}[-+]?\\d+${SPACE}`)} THEN CASE
      WHEN ${as('BIGINT')} IS NOT NULL THEN ${whole(kinds.integer, 'BIGINT')}
      WHEN ${as('HUGEINT')} IS NOT NULL THEN ${whole(kinds.hugeint, 'HUGEINT')}
      ELSE ${kinds.bignum | kinds.inexact} END
    WHEN ${is(`${SPACE}[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?${SPACE}`)}
      THEN CASE WHEN isfinite(${as('DOUBLE')}) THEN ${kinds.decimal} ELSE ${kinds.other} END
    WHEN lower(${column}) IN ('true', 'false') THEN ${kinds.truth}
    WHEN ${is(DATE)} AND ${as('DATE')} IS NOT NULL THEN ${kinds.date}
    WHEN ${is(`${DATE}[ T]${CLOCK}`)} AND ${as('TIMESTAMP')} IS NOT NULL THEN ${kinds.timestamp}
    WHEN ${is(`${DATE}[ T]\\d{1,2}:\\d{2}:\\d{2}\\.\\d{7,9}`)} AND ${as('TIMESTAMP_NS')} IS NOT NULL THEN ${kinds.nanoseconds}
    WHEN ${is(`${DATE}[ T]${CLOCK} ?(Z|UTC|GMT|[-+]\\d{2}(:?\\d{2})?)`)} AND ${as('TIMESTAMPTZ')} IS NOT NULL THEN ${kinds.zoned}
    WHEN ${is(CLOCK)} AND ${as('TIME')} IS NOT NULL THEN ${kinds.time}
    WHEN ${is(`${SLASHED}([ T]${CLOCK})?`)} AND (${dateOf('month')} OR ${dateOf('day')}) THEN ${timed} | CASE
      WHEN NOT ${dateOf('day')} THEN ${kinds.monthFirst}
      WHEN NOT ${dateOf('month')} THEN ${kinds.dayFirst}
      ELSE ${kinds.eitherFirst} END
    ELSE ${kinds.other} END`;
}

/** A type for a column of texts. */
export interface Typing {
  /** SQL: the column as that type. `undefined`: it stays text. */
  cast?: (column: string) => string;
  /** Why no type is right though all values are of one family; a sentence's end. */
  conflict?: string;
}

const plainCast =
  (type: string) =>
  (column: string): string =>
    `CAST(${column} AS ${type})`;

/** The type that holds every value of a column exactly; `mask` has the bits of all kinds that it has. */
export function typeFor(mask: number): Typing {
  const only = (allowed: number): boolean => (mask & ~allowed) === 0;
  if (mask === 0) return {};
  if (only(wholes)) return { cast: plainCast('BIGINT') };
  if (only(wholes | kinds.hugeint)) return { cast: plainCast('HUGEINT') };
  if (only(wholes | kinds.hugeint | kinds.bignum)) return { cast: plainCast('BIGNUM') };
  if (only(numbers)) {
    if ((mask & kinds.inexact) === 0) return { cast: plainCast('DOUBLE') };
    return { conflict: 'has decimals beside whole numbers that no DOUBLE holds exactly' };
  }
  if (only(kinds.truth | kinds.zeroOrOne)) return { cast: plainCast('BOOLEAN') };
  if (only(kinds.date)) return { cast: plainCast('DATE') };
  if (only(kinds.date | kinds.timestamp)) return { cast: plainCast('TIMESTAMP') };
  if (only(isoTimes)) return { cast: plainCast('TIMESTAMP_NS') };
  if (only(kinds.zoned)) return { cast: plainCast('TIMESTAMPTZ') };
  if (only(isoTimes | kinds.zoned)) return { conflict: 'has times with a zone beside times without' };
  if (only(kinds.time)) return { cast: plainCast('TIME') };
  if (!only(slashed)) return {};
  const months = (mask & kinds.monthFirst) !== 0;
  if (months === ((mask & kinds.dayFirst) !== 0)) {
    return {
      conflict: `has dates that ${months ? 'begin with the month and others that begin' : 'may begin with the month or'} with the day`,
    };
  }
  const type = mask & kinds.withTime ? 'TIMESTAMP' : 'DATE';
  return { cast: (column) => `CAST(${reordered(column, months ? 'month' : 'day')} AS ${type})` };
}

/** The families of kinds, for a message about the one value that is not like the others. */
export const families: readonly [string, number][] = [
  ['a number', numbers],
  ['true or false', kinds.truth],
  ['a date or time', isoTimes | kinds.zoned | slashed],
  ['a time', kinds.time],
  ['text', kinds.other],
];

/** What `data.types` may ask for: the kinds that fit, and the SQL of the value. */
export const askable: Record<string, { fits: number; cast?: (column: string) => string }> = {
  VARCHAR: { fits: -1 },
  BOOLEAN: { fits: kinds.truth | kinds.zeroOrOne, cast: plainCast('BOOLEAN') },
  BIGINT: { fits: wholes, cast: plainCast('BIGINT') },
  HUGEINT: { fits: wholes | kinds.hugeint, cast: plainCast('HUGEINT') },
  DOUBLE: { fits: numbers, cast: plainCast('DOUBLE') },
  DATE: { fits: kinds.date, cast: plainCast('DATE') },
  TIME: { fits: kinds.time, cast: plainCast('TIME') },
  TIMESTAMP: { fits: kinds.date | kinds.timestamp, cast: plainCast('TIMESTAMP') },
  TIMESTAMPTZ: { fits: kinds.date | kinds.timestamp | kinds.zoned, cast: plainCast('TIMESTAMPTZ') },
};
