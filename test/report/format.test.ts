import { describe, expect, it } from 'vitest';
import { bytes, difference, enumerate, integer, meanSpread, percent, seconds } from '../../lib/report/format.ts';

describe('numbers as text', () => {
  it.each([
    [0.05, '5 %'],
    [0.1128, '11.3 %'],
    [0.00123, '0.123 %'],
    [1, '100 %'],
    [0.1 + 0.2, '30 %'],
    [undefined, '–'],
    [Number.NaN, '–'],
  ])('the share %d is %s', (share, text) => {
    expect(percent(share)).toBe(text);
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [1234, '1.23 kB'],
    [999_499, '999 kB'],
    [999_500, '1 MB'],
    [12_345_678, '12.3 MB'],
    [5.4e9, '5.4 GB'],
    [7e15, '7000 TB'],
  ])('%d bytes are %s', (count, text) => {
    expect(bytes(count)).toBe(text);
  });

  it.each([
    [0, '0 s'],
    [0.123, '0.12 s'],
    [9.94, '9.9 s'],
    [9.96, '10 s'],
    [59.4, '59 s'],
    [59.6, '1 min 0 s'],
    [185, '3 min 5 s'],
    [3599.6, '1 h 0 min'],
    [7800, '2 h 10 min'],
    [7199, '2 h 0 min'],
  ])('%d seconds are %s', (s, text) => {
    expect(seconds(s)).toBe(text);
  });

  it('groups thousands', () => {
    expect(integer(1_234_567)).toBe('1,234,567');
    expect(integer(12.6)).toBe('13');
  });

  it('shows a mean with its spread when there is one', () => {
    expect(meanSpread({ mean: 0.74512, sd: 0.00034, n: 3 })).toBe('0.7451 ± 0.0003');
    expect(meanSpread({ mean: 0.74512, sd: undefined, n: 1 })).toBe('0.7451');
    expect(meanSpread({ mean: Number.NaN, sd: undefined, n: 1 })).toBe('–');
  });

  it('signs a difference', () => {
    expect(difference({ mean: 0.0086, sd: 0.0004, n: 3 })).toBe('+0.0086 ± 0.0004');
    expect(difference({ mean: -0.0086, sd: undefined, n: 1 })).toBe('−0.0086');
    expect(difference({ mean: -0.00001, sd: 0.0002, n: 3 })).toBe('±0.0000 ± 0.0002');
    expect(difference({ mean: Number.NaN, sd: undefined, n: 1 })).toBe('–');
  });

  it('joins words', () => {
    expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(enumerate)).toEqual(['', 'a', 'a and b', 'a, b and c']);
  });
});
