import fc from 'fast-check';
import { type HashFunction, PRUNED } from '../../lib/hashing/index.ts';

const seed = fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));

const packing = fc.constantFrom(undefined, 'bytes' as const, 'bits' as const);

/** Any valid hash function with its cardinality. */
export const hashAndCardinality: fc.Arbitrary<{ hash: HashFunction; cardinality: number }> = fc
  .integer({ min: 1, max: 700 })
  .chain((cardinality) => {
    const rows = fc.oneof(fc.integer({ min: 1, max: 2 * cardinality }), fc.constantFrom(256, 257, 70_000, 2 ** 24 + 1));
    const table = fc.tuple(rows, fc.boolean(), packing).chain(([height, prunes, form]) =>
      fc
        .array(fc.integer({ min: prunes ? PRUNED : 0, max: height - 1 }), {
          minLength: cardinality,
          maxLength: cardinality,
        })
        .map((entries): HashFunction => {
          const typed = prunes ? Int32Array.from(entries) : Uint32Array.from(entries);
          return { kind: 'table', rows: height, entries: typed, ...(form === undefined ? {} : { packing: form }) };
        }),
    );
    const hot = fc
      .record({
        ids: fc.uniqueArray(fc.nat({ max: cardinality - 1 }), { maxLength: cardinality }),
        extra: fc.integer({ min: 1, max: 50 }),
        tail: fc.oneof(
          fc.constant({ kind: 'modulo' as const }),
          seed.map((s) => ({ kind: 'mixed' as const, seed: s })),
        ),
      })
      .map(
        ({ ids, extra, tail }): HashFunction => ({
          kind: 'hot',
          rows: ids.length + (ids.length < cardinality ? extra : 0),
          ids: Uint32Array.from(ids).sort(),
          tail,
        }),
      );
    const hash = fc.oneof(
      fc.constant<HashFunction>({ kind: 'identity' }),
      rows.map((r): HashFunction => ({ kind: 'modulo', rows: r })),
      fc.tuple(rows, seed).map(([r, s]): HashFunction => ({ kind: 'mixed', rows: r, seed: s })),
      fc.integer({ min: 1, max: 2 * cardinality }).map((divisor): HashFunction => ({ kind: 'quotient', divisor })),
      fc
        .tuple(fc.integer({ min: 1, max: 2 * cardinality }), rows)
        .map(([divisor, r]): HashFunction => ({ kind: 'mixed-radix', divisor, rows: r })),
      table,
      hot,
    );
    return hash.map((h) => ({ hash: h, cardinality }));
  });
