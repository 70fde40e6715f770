import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitsPerEntry, bytesPerEntry, MOST_ROWS, PRUNED, packEntries, unpackEntries } from '../../lib/hashing/index.ts';
import { bitsAt } from './bits.ts';

describe('packed entries', () => {
  it.each([
    [1, 1],
    [256, 1],
    [257, 2],
    [65_536, 2],
    [65_537, 3],
    [2 ** 24, 3],
    [2 ** 24 + 1, 4],
    [2 ** 32, 4],
  ])('a table of %d rows takes %d bytes per entry', (rows, bytes) => {
    expect(bytesPerEntry(rows)).toBe(bytes);
  });

  it('is little-endian', () => {
    expect(packEntries(Uint32Array.of(0x0102), 70_000)).toEqual(Uint8Array.of(2, 1, 0));
    expect(packEntries(Uint8Array.of(7), 300)).toEqual(Uint8Array.of(7, 0));
    expect(packEntries(Uint32Array.of(0xfffffffe), MOST_ROWS)).toEqual(Uint8Array.of(0xfe, 0xff, 0xff, 0xff));
  });

  it.each([
    [1, 1],
    [2, 1],
    [3, 2],
    [4, 2],
    [5, 3],
    [1000, 10],
    [1024, 10],
    [1025, 11],
    [2 ** 31, 31],
    [2 ** 31 + 1, 32],
    [2 ** 32, 32],
  ])('%d codes take %d bits', (codes, bits) => {
    expect(bitsPerEntry(codes, 'bits')).toBe(bits);
    expect(bitsPerEntry(codes, 'bytes')).toBe(8 * bytesPerEntry(codes));
  });

  it('is a little-endian stream of bits', () => {
    expect(packEntries(Uint8Array.of(1, 2, 3), 4, 'bits')).toEqual(Uint8Array.of(0b111001));
    expect(packEntries(Uint16Array.of(0x3ff, 0, 0x155), 1024, 'bits')).toEqual(Uint8Array.of(0xff, 0x03, 0x50, 0x15));
  });

  it('writes the number of rows for a pruned id', () => {
    expect(packEntries(Int32Array.of(255, PRUNED), 256)).toEqual(Uint8Array.of(255, 0, 0, 1));
    expect(packEntries(Int32Array.of(255, 0), 256)).toEqual(Uint8Array.of(255, 0));
    expect(packEntries(Int32Array.of(PRUNED, 2, 0), 3, 'bits')).toEqual(Uint8Array.of(0b001011));
  });

  const heights = fc.oneof(
    fc.integer({ min: 1, max: MOST_ROWS }),
    fc.integer({ min: 0, max: 31 }).map((bits) => 2 ** bits),
    fc.constantFrom(3, 255, 257, 65_535, 65_537, 2 ** 24 - 1, 2 ** 24 + 1, MOST_ROWS),
  );
  const packings = fc.constantFrom('bytes' as const, 'bits' as const);

  it('holds the entries where the definition looks for them, and unpacks to the same, for every width', () => {
    const drawn = heights.chain((rows) =>
      fc.tuple(fc.constant(rows), fc.array(fc.nat({ max: rows - 1 }), { maxLength: 50 }), packings),
    );
    fc.assert(
      fc.property(drawn, ([rows, entries, packing]) => {
        const bits = bitsPerEntry(rows, packing);
        const bytes = packEntries(Uint32Array.from(entries), rows, packing);
        expect(bytes.length).toBe(Math.ceil((entries.length * bits) / 8));
        entries.forEach((entry, id) => {
          expect(bitsAt(bytes, id * bits, bits)).toBe(entry);
        });
        expect([...unpackEntries(bytes, rows, { packing, count: entries.length })]).toEqual(entries);
        if (packing === 'bytes') expect([...unpackEntries(bytes, rows)]).toEqual(entries);
      }),
      { numRuns: 500 },
    );
  });

  it('unpacks pruned ids to an Int32Array', () => {
    const drawn = fc
      .integer({ min: 1, max: 2 ** 31 })
      .chain((rows) =>
        fc.tuple(
          fc.constant(rows),
          fc.array(fc.integer({ min: PRUNED, max: rows - 1 }), { minLength: 1, maxLength: 50 }),
          packings,
        ),
      );
    fc.assert(
      fc.property(drawn, ([rows, some, packing]) => {
        const entries = Int32Array.from([PRUNED, ...some]);
        const bytes = packEntries(entries, rows, packing);
        expect(unpackEntries(bytes, rows, { packing, prunes: true, count: entries.length })).toEqual(entries);
      }),
    );
  });

  it('makes fresh arrays', () => {
    const entries = Uint8Array.of(1, 2, 3);
    const packed = packEntries(entries, 10);
    packed[0] = 9;
    const unpacked = unpackEntries(packed, 10);
    packed[1] = 9;
    expect([...entries]).toEqual([1, 2, 3]);
    expect([...unpacked]).toEqual([9, 2, 3]);
  });

  it('refuses half an entry, too few and too many bytes, and rows that no Int32Array holds', () => {
    const refusal = (message: string) =>
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) });
    expect(() => unpackEntries(new Uint8Array(7), 70_000)).toThrowError(refusal('a multiple of 3 bytes'));
    for (const length of [2, 4]) {
      expect(() => unpackEntries(new Uint8Array(length), 8, { packing: 'bits', count: 8 })).toThrowError(
        refusal(`Expected 3 bytes for 8 ids of packed entries for 8 rows, received Uint8Array of length ${length}`),
      );
    }
    expect(() => unpackEntries(new Uint8Array(4), 2 ** 31 + 1, { prunes: true })).toThrowError(
      refusal('from 1 to 2147483648'),
    );
    expect(() => unpackEntries(new Uint8Array(4), 0)).toThrowError(refusal('rows of packed entries'));
  });
});
