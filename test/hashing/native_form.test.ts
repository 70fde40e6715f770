import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type HashFunction,
  hotBitmap,
  mappingBytes,
  nativeHash,
  PRUNED,
  rowCount,
  rowOf,
} from '../../lib/hashing/index.ts';
import { hashAndCardinality } from './arbitrary.ts';
import { bitsAt } from './bits.ts';

/** The parts of a native form that these tests read. */
interface Parts {
  kind: string;
  rows: number;
  seed?: bigint;
  entries?: Uint8Array;
  bitsPerEntry?: number;
  bitmap?: Uint32Array;
  tail?: string;
}

const partsOf = (hash: HashFunction, cardinality: number): Parts => nativeHash(hash, cardinality);

describe('mappingBytes', () => {
  it('counts look-up tables and hot ids, nothing else', () => {
    expect(mappingBytes({ kind: 'identity' }, 1000)).toBe(0);
    expect(mappingBytes({ kind: 'modulo', rows: 10 }, 1000)).toBe(0);
    expect(mappingBytes({ kind: 'mixed', rows: 10, seed: 1 }, 1000)).toBe(0);
    expect(mappingBytes({ kind: 'quotient', divisor: 10 }, 1000)).toBe(0);
    expect(mappingBytes({ kind: 'mixed-radix', divisor: 10, rows: 10 }, 1000)).toBe(0);
    expect(mappingBytes({ kind: 'table', rows: 10, entries: new Uint32Array(1000) }, 1000)).toBe(1000);
    expect(mappingBytes({ kind: 'table', rows: 70_000, entries: new Uint32Array(1000) }, 1000)).toBe(3000);
    // 17 bits, the last byte filled up
    const bits: HashFunction = { kind: 'table', rows: 70_000, entries: new Uint32Array(1001), packing: 'bits' };
    expect(mappingBytes(bits, 1001)).toBe(Math.ceil((1001 * 17) / 8));
    // 3 lines of 64 bytes, each 448 bits and their ranks
    const hot: HashFunction = { kind: 'hot', rows: 10, ids: Uint32Array.of(3), tail: { kind: 'modulo' } };
    expect(mappingBytes(hot, 1000)).toBe(3 * 64);
  });

  it('counts one code more when an id is pruned', () => {
    const bytes = (rows: number, entry: number, packing: 'bytes' | 'bits') =>
      mappingBytes({ kind: 'table', rows, entries: new Int32Array(800).fill(entry), packing }, 800);
    expect([bytes(256, 0, 'bytes'), bytes(256, PRUNED, 'bytes')]).toEqual([800, 1600]);
    expect([bytes(256, 0, 'bits'), bytes(256, PRUNED, 'bits')]).toEqual([800, 900]);
    expect([bytes(1, 0, 'bits'), bytes(1, PRUNED, 'bits')]).toEqual([100, 100]);
  });

  it('is what the native form holds; hot ids in lines of 448', () => {
    fc.assert(
      fc.property(hashAndCardinality, ({ hash, cardinality }) => {
        const native = partsOf(hash, cardinality);
        const lines = native.bitmap === undefined ? 0 : Math.ceil(cardinality / 448);
        expect(mappingBytes(hash, cardinality)).toBe((native.entries?.byteLength ?? 0) + 64 * lines);
      }),
    );
  });
});

describe('nativeHash', () => {
  /** What native code is to do with the native form. */
  function nativeRow(hash: Parts, id: number, cardinality: number): number {
    switch (hash.kind) {
      case 'table': {
        const entry = bitsAt(hash.entries!, id * hash.bitsPerEntry!, hash.bitsPerEntry!);
        return entry === hash.rows ? PRUNED : entry;
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
        const native = partsOf(hash, cardinality);
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
