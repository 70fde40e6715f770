/**
 * Orders of ids, as permutations in a Uint32Array: for the layout of a mapping. Radix sorts of 16-bit digits,
 * O(n), in turns of the event loop: a million ids take about 0.1 s. Deterministic.
 */
import { inTurns } from '../turns.ts';

/** Below this many ids a comparison sort beats the 65,536 buckets of a radix pass. */
const FEW = 4096;

/** Index of a double's high word within its two 32-bit words on this machine. */
const HIGH = new Uint32Array(Float64Array.of(1).buffer)[1] === 0 ? 0 : 1;

/** One stable pass: `from` reordered into `to` by 16 bits of `words[id]`. False: they are all equal, nothing written. */
async function radixPass(
  words: Uint32Array,
  shift: 0 | 16,
  from: Uint32Array,
  to: Uint32Array,
  signal?: AbortSignal,
): Promise<boolean> {
  const starts = new Uint32Array(0x1_0000);
  const count = (begin: number, end: number) => {
    for (let i = begin; i < end; i++) starts[(words[from[i]!]! >>> shift) & 0xffff]!++;
  };
  await inTurns(from.length, count, signal);
  if (starts[(words[from[0]!]! >>> shift) & 0xffff] === from.length) return false;
  let start = 0;
  for (let digit = 0; digit < starts.length; digit++) {
    const count = starts[digit]!;
    starts[digit] = start;
    start += count;
  }
  const place = (begin: number, end: number) => {
    for (let i = begin; i < end; i++) {
      const id = from[i]!;
      to[starts[(words[id]! >>> shift) & 0xffff]!++] = id;
    }
  };
  await inTurns(from.length, place, signal);
  return true;
}

/** Least significant word first. `order` is consumed. */
async function radixSort(
  wordsLowFirst: readonly Uint32Array[],
  order: Uint32Array,
  signal?: AbortSignal,
): Promise<Uint32Array> {
  let from: Uint32Array = order;
  let to: Uint32Array = new Uint32Array(order.length);
  for (const words of wordsLowFirst) {
    for (const shift of [0, 16] as const) {
      if (await radixPass(words, shift, from, to, signal)) [from, to] = [to, from];
    }
  }
  return from;
}

/** 0, 1, .., n - 1. */
export function identityOrder(n: number): Uint32Array {
  const order = new Uint32Array(n);
  for (let id = 0; id < n; id++) order[id] = id;
  return order;
}

/**
 * `start` reordered by ascending key, equal keys as they stand in `start` (-0 equals 0).
 *
 * @param keys - one per id, no NaN
 * @param start - a permutation of the ids; not changed
 * @throws CollideError ABORTED
 */
export async function orderByKeys(keys: Float64Array, start: Uint32Array, signal?: AbortSignal): Promise<Uint32Array> {
  const n = keys.length;
  if (n <= FEW) return start.slice().sort((a, b) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : 0));
  const low = new Uint32Array(n);
  const high = new Uint32Array(n);
  const value = new Float64Array(1);
  const words = new Uint32Array(value.buffer);
  const split = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) {
      value[0] = keys[id]! + 0; // -0 becomes 0
      // Unsigned integers in the order of the doubles: negative ones reversed, below the others.
      const flip = words[HIGH]! >>> 31 === 1 ? 0xffff_ffff : 0;
      low[id] = words[1 - HIGH]! ^ flip;
      high[id] = words[HIGH]! ^ (flip | 0x8000_0000);
    }
  };
  await inTurns(n, split, signal);
  return radixSort([low, high], start.slice(), signal);
}
