import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytesPerEntry,
  type HashFunction,
  hotBitmap,
  mappingBytes,
  nativeHash,
  packEntries,
  rowCount,
  rowOf,
  unpackEntries,
} from '../../lib/hashing/index.ts';
import { hashAndCardinality } from './arbitrary.ts';

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
    expect(packEntries(Uint32Array.of(0xfffffffe), 2 ** 32)).toEqual(Uint8Array.of(0xfe, 0xff, 0xff, 0xff));
  });

  it('unpacks to the same rows, for every width', () => {
    const rows = fc.oneof(
      fc.integer({ min: 1, max: 2 ** 32 }),
      fc.constantFrom(1, 256, 257, 65_536, 65_537, 2 ** 24, 2 ** 24 + 1, 2 ** 32),
    );
    const drawn = rows.chain((r) => fc.tuple(fc.constant(r), fc.array(fc.nat({ max: r - 1 }), { maxLength: 50 })));
    fc.assert(
      fc.property(drawn, ([height, entries]) => {
        const bytes = packEntries(Uint32Array.from(entries), height);
        expect(bytes.length).toBe(entries.length * bytesPerEntry(height));
        expect([...unpackEntries(bytes, height)]).toEqual(entries);
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

  it('refuses half an entry', () => {
    expect(() => unpackEntries(new Uint8Array(7), 70_000)).toThrowError(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('a multiple of 3 bytes') }),
    );
  });
});

describe('mappingBytes', () => {
  it('counts look-up tables and hot ids, nothing else', () => {
    expect(mappingBytes({ kind: 'identity' }, 1000)).toBe(0);
    expect(mappingBytes({ kind: 'modulo', rows: 10 }, 1000)).toBe(0);
    expect(mappingBytes({ kind: 'mixed', rows: 10, seed: 1 }, 1000)).toBe(0);
    expect(mappingBytes({ kind: 'quotient', divisor: 10 }, 1000)).toBe(0);
    expect(mappingBytes({ kind: 'table', rows: 10, entries: new Uint32Array(1000) }, 1000)).toBe(1000);
    expect(mappingBytes({ kind: 'table', rows: 70_000, entries: new Uint32Array(1000) }, 1000)).toBe(3000);
    // 32 words of bits, 2 ranks
    const hot: HashFunction = { kind: 'hot', rows: 10, ids: Uint32Array.of(3), tail: { kind: 'modulo' } };
    expect(mappingBytes(hot, 1000)).toBe(32 * 4 + 2 * 4);
  });

  it('is what the native form holds, and the ranks of hot ids', () => {
    fc.assert(
      fc.property(hashAndCardinality, ({ hash, cardinality }) => {
        const native = nativeHash(hash, cardinality);
        const ranks = native.bitmap === undefined ? 0 : Math.ceil(cardinality / 512) * 4;
        const held = (native.entries?.byteLength ?? 0) + (native.bitmap?.byteLength ?? 0);
        expect(mappingBytes(hash, cardinality)).toBe(held + ranks);
      }),
    );
  });
});

describe('nativeHash', () => {
  /** What native code is to do with the native form. */
  function nativeRow(hash: ReturnType<typeof nativeHash>, id: number, cardinality: number): number {
    switch (hash.kind) {
      case 'table': {
        const width = hash.bytesPerEntry!;
        return [...hash.entries!.subarray(id * width, (id + 1) * width)].reduceRight((row, b) => row * 256 + b, 0);
      }
      case 'hot': {
        const isHot = (i: number) => ((hash.bitmap![i >>> 5]! >>> (i & 31)) & 1) === 1;
        const rank = (end: number) => Array.from({ length: end }, (_, i) => i).filter(isHot).length;
        if (isHot(id)) return rank(id);
        const hot = rank(cardinality);
        const rows = hash.rows - hot;
        const tail: HashFunction =
          hash.tail === 'mixed' ? { kind: 'mixed', rows, seed: hash.seed! } : { kind: 'modulo', rows };
        return hot + rowOf(tail, id, cardinality);
      }
      default:
        return rowOf(hash as HashFunction, id, cardinality);
    }
  }

  it('says the same as the hash function, id by id', () => {
    fc.assert(
      fc.property(hashAndCardinality, fc.nat(), ({ hash, cardinality }, draw) => {
        const native = nativeHash(hash, cardinality);
        expect(native.rows).toBe(rowCount(hash, cardinality));
        for (const id of [0, cardinality - 1, draw % cardinality]) {
          expect(nativeRow(native, id, cardinality)).toBe(rowOf(hash, id, cardinality));
        }
      }),
    );
  });

  it('sets one bit per hot id', () => {
    expect(hotBitmap(Uint32Array.of(0, 31, 32, 70), 71)).toEqual(Uint32Array.of(0x80000001, 1, 1 << 6));
  });
});
