import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashText, rankCodes } from '../../lib/data/encode.ts';
import { dealRows } from '../../lib/data/splits.ts';

describe('rankCodes', () => {
  test('renumbering the codes changes nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 60 }),
        fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 10, maxLength: 10 }),
        fc.constantFrom('frequency' as const, 'appearance' as const),
        fc.integer({ min: 1, max: 4 }),
        (values, renumber, order, minCount) => {
          const rows = Uint32Array.from({ length: values.length }, (_, row) => row).filter((row) => row % 3 !== 0);
          const rank = (codes: number[]): number[] => [
            ...rankCodes({ codeCount: 10, codes: Uint32Array.from(codes), offsets: null }, rows, order, minCount),
          ];
          const ranked = rank(values);
          expect(rank(values.map((value) => renumber[value]!))).toEqual(ranked.map((code) => renumber[code]));
          // The slow way
          const counts = new Map<number, number>();
          for (const row of rows) counts.set(values[row]!, (counts.get(values[row]!) ?? 0) + 1);
          const entries = [...counts].filter(([, count]) => count >= minCount);
          if (order === 'frequency') entries.sort((a, b) => b[1] - a[1]);
          expect(ranked).toEqual(entries.map(([code]) => code));
        },
      ),
    );
  });
});

describe('hashText', () => {
  test('pinned: a model that is served depends on it', () => {
    expect(['', 'a', 'user 7', 'ä'].map((text) => hashText(text, 1000))).toMatchInlineSnapshot(`
      [
        275,
        626,
        781,
        986,
      ]
    `);
    expect(hashText(null, 1000)).toBe(hashText('', 1000));
    expect(hashText('anything', 1)).toBe(0);
  });

  test('spreads similar texts evenly', () => {
    const counts = new Uint32Array(64);
    for (let i = 0; i < 64_000; i++) counts[hashText(`item-${i}`, 64)]! += 1;
    let chiSquare = 0;
    for (const count of counts) chiSquare += (count - 1000) ** 2 / 1000;
    // 63 degrees of freedom: mean 63, standard deviation 11.2; five of them either way.
    expect(chiSquare).toBeGreaterThan(7);
    expect(chiSquare).toBeLessThan(119);
  });

  test('few of many texts collide', () => {
    const seen = new Set<number>();
    for (let i = 0; i < 50_000; i++) seen.add(hashText(`u${i}`, 2 ** 32 - 1));
    // Expected collisions at 32 bits: 0.3
    expect(seen.size).toBeGreaterThan(49_990);
  });
});

describe('dealRows', () => {
  test('without a validation split every 20th student row, in row order, leaves for it', () => {
    const order = Uint32Array.from({ length: 100 }, (_, k) => 99 - k);
    const splitOf = Uint8Array.from({ length: 100 }, (_, row) => (row >= 60 ? 0 : row >= 10 ? 1 : 2));
    const { members, vocabularyRows } = dealRows(order, splitOf, ['teacher', 'student', 'evaluation']);
    // Student rows in order: 59, 58, ... 10. The 20th is 40, the 40th is 20.
    expect([...members.get('validation')!]).toEqual([40, 20]);
    expect(members.get('student')).toHaveLength(48);
    expect([...members.get('evaluation')!]).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect([...vocabularyRows]).toEqual([...order].filter((row) => row >= 10 && row !== 40 && row !== 20));
  });
});
