/** Numbers as people read them: shares, bytes, counts, seconds, means with their spread. */
import type { Spread } from '../compare/statistics.ts';

/** Stands for a number that there is none of. */
const NONE = '–';

/** `0.1` as `10 %`, three significant digits. */
export function percent(share: number | undefined): string {
  return share === undefined || Number.isNaN(share) ? NONE : `${Number((100 * share).toPrecision(3))} %`;
}

/** Bytes in decimal units: `12.3 MB` is 12,300,000 bytes. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  // 999.5 would be shown as 1000
  for (; count >= 999.5 && unit < units.length - 1; unit++) count /= 1000;
  return `${unit === 0 ? Math.round(count) : Number(count.toPrecision(3))} ${units[unit]}`;
}

/** `1234567` as `1,234,567`. */
export function integer(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** `0.53 s`, `12 s`, `3 min 5 s`, `2 h 10 min`. */
export function seconds(s: number): string {
  if (s < 9.95) return `${Number(s.toPrecision(2))} s`;
  const whole = Math.round(s);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(s / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A metric with four digits, `2.71e+27` from a million; `∞` and `–` for what is infinite or does not exist. */
export function metric(value: number): string {
  if (Number.isNaN(value)) return NONE;
  if (!Number.isFinite(value)) return '∞';
  return Math.abs(value) < 1e6 ? value.toFixed(4) : value.toExponential(2);
}

/** `0.7451 ± 0.0003`; without the spread for a single seed. */
export function meanSpread({ mean, sd }: Spread): string {
  return sd === undefined || !Number.isFinite(mean) ? metric(mean) : `${metric(mean)} ± ${metric(sd)}`;
}

/** `+0.0086 ± 0.0004`, with a true minus sign. */
export function difference({ mean, sd }: Spread): string {
  if (!Number.isFinite(mean)) return NONE;
  const size = metric(Math.abs(mean));
  const sign = Number(size) === 0 ? '±' : mean > 0 ? '+' : '−';
  return sd === undefined ? sign + size : `${sign}${size} ± ${metric(sd)}`;
}

/** Distinct values that belong to one figure: `0.02`, or `0.02, 0.05` where seeds differ. */
export function list(values: readonly number[]): string {
  return values.join(', ');
}

/** `a`, `a and b`, `a, b and c`. */
export function enumerate(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
