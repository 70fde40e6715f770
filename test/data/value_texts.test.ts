import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ValueIndex } from '../../lib/data/value_index.ts';
import { TextBuilder, type ValueTexts } from '../../lib/data/value_texts.ts';

function textsOf(values: readonly (string | null)[]): ValueTexts {
  const builder = new TextBuilder(values.length);
  for (const value of values) builder.append(value);
  return builder.finish();
}

/** Different values, among them maybe NULL, the empty text and a byte order mark. */
const values = fc.uniqueArray(
  fc.oneof(fc.string({ unit: 'binary', maxLength: 6 }), fc.constantFrom(null, '', '\ufeff', 'ab', 'a')),
  { maxLength: 40 },
);
const encoder = new TextEncoder();

describe('texts of values', () => {
  test('come back as they were, by number and by a selection of numbers', () => {
    fc.assert(
      fc.property(values, fc.infiniteStream(fc.nat()), (list, random) => {
        const texts = textsOf(list);
        expect(Array.from(list, (_, k) => texts.at(k))).toEqual(list);
        const picked = Uint32Array.from(list.slice(1), () => random.next().value! % list.length);
        // A list holds NULL once at most.
        const positions = picked.filter((k, i) => picked.indexOf(k) === i);
        const selected = texts.select(positions);
        expect(Array.from(positions, (_, k) => selected.at(k))).toEqual(Array.from(positions, (k) => list[k]));
      }),
    );
  });

  test('the first difference is that of the lists', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const first = Array.from({ length: Math.max(a.length, b.length) }, (_, k) => a[k] === b[k]).indexOf(false);
        expect(textsOf(a).firstDifference(textsOf(b))).toBe(first);
        expect(textsOf(a).firstDifference(textsOf(a))).toBe(-1);
        expect(textsOf(a).firstDifference(textsOf([...a, 'one more text']))).toBe(a.length);
      }),
    );
  });

  test('an index finds every value, and no other', () => {
    fc.assert(
      fc.property(values, values, (list, others) => {
        const texts = textsOf(list);
        const index = new ValueIndex(texts);
        for (const text of [...list, ...others]) {
          if (text !== null) expect(index.find(encoder.encode(text))).toBe(list.indexOf(text));
        }
      }),
    );
  });

  test('an index of many values that are alike', () => {
    const list = Array.from({ length: 100_000 }, (_, k) => `user-${k}`);
    const index = new ValueIndex(textsOf(list));
    const wrong = list.filter((text, k) => index.find(encoder.encode(text)) !== k);
    expect(wrong).toEqual([]);
    expect(index.find(encoder.encode('user-100000'))).toBe(-1);
  });

  test('more text than a block holds, and a text larger than a block', () => {
    const list = ['a', 'x'.repeat(40 * 2 ** 20), 'b', 'y'.repeat(30 * 2 ** 20), null, 'z'.repeat(70 * 2 ** 20), 'c'];
    const texts = textsOf(list);
    expect(texts.firsts).toEqual([0, 3, 5, 6]);
    expect(list.map((text, k) => texts.at(k) === text)).toEqual(list.map(() => true));
    expect(texts.firstDifference(textsOf(list))).toBe(-1);
    expect(texts.firstDifference(textsOf([...list.slice(0, 6), 'd']))).toBe(6);
  });
});
