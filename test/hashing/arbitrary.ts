import fc from 'fast-check';
import { type HashFunction, type OwnHashFunctions, PRUNED } from '../../lib/hashing/index.ts';

const seed = fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));

const packing = fc.constantFrom(undefined, 'bytes' as const, 'bits' as const);

/** The kinds of this package. */
export type Kind = Exclude<HashFunction['kind'], keyof OwnHashFunctions>;

const height = (cardinality: number) =>
  fc.oneof(fc.integer({ min: 1, max: 2 * cardinality }), fc.constantFrom(256, 257, 70_000, 2 ** 24 + 1));

const divisor = (cardinality: number) => fc.integer({ min: 1, max: 2 * cardinality });

/** Any valid hash function of each kind, for so many ids. */
export const hashOfKind: { [K in Kind]: (cardinality: number) => fc.Arbitrary<HashFunction> } = {
  identity: () => fc.constant({ kind: 'identity' }),
  modulo: (ids) => height(ids).map((rows) => ({ kind: 'modulo', rows })),
  mixed: (ids) => fc.tuple(height(ids), seed).map(([rows, s]) => ({ kind: 'mixed', rows, seed: s })),
  quotient: (ids) => divisor(ids).map((by) => ({ kind: 'quotient', divisor: by })),
  'mixed-radix': (ids) =>
    fc.tuple(divisor(ids), height(ids)).map(([by, rows]) => ({ kind: 'mixed-radix', divisor: by, rows })),
  table: (ids) =>
    fc.tuple(height(ids), fc.boolean(), packing).chain(([rows, prunes, form]) =>
      fc
        .array(fc.integer({ min: prunes ? PRUNED : 0, max: rows - 1 }), { minLength: ids, maxLength: ids })
        .map((entries) => {
          const typed = prunes ? Int32Array.from(entries) : Uint32Array.from(entries);
          return { kind: 'table', rows, entries: typed, ...(form === undefined ? {} : { packing: form }) };
        }),
    ),
  hot: (ids) =>
    fc
      .record({
        hot: fc.uniqueArray(fc.nat({ max: ids - 1 }), { maxLength: ids }),
        extra: fc.integer({ min: 1, max: 50 }),
        tail: fc.oneof(
          fc.constant({ kind: 'modulo' as const }),
          seed.map((s) => ({ kind: 'mixed' as const, seed: s })),
        ),
      })
      .map(({ hot, extra, tail }) => ({
        kind: 'hot',
        rows: hot.length + (hot.length < ids ? extra : 0),
        ids: Uint32Array.from(hot).sort(),
        tail,
      })),
};

/** Any valid hash function with its cardinality. */
export const hashAndCardinality: fc.Arbitrary<{ hash: HashFunction; cardinality: number }> = fc
  .integer({ min: 1, max: 700 })
  .chain((cardinality) =>
    fc.oneof(...Object.values(hashOfKind).map((of) => of(cardinality))).map((hash) => ({ hash, cardinality })),
  );
