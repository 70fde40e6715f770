/**
 * Rows as records, for reading them in random order. A column of millions of values is larger than the cache, so every
 * value gathered from it costs a cache miss; with a row's ids, label and dense values side by side a row costs one.
 * About 4 times faster at 8 features, for a copy of the split's arrays (list features excepted) that lives as long as
 * the split does.
 */
import type { Split } from './types.ts';

export interface Records {
  /** Features that are not lists: feature plain[i] is word i of a record. The label follows, then the dense values. */
  readonly plain: readonly number[];
  /** Words of 4 bytes per record. */
  readonly stride: number;
  /** [rows, stride] */
  readonly words: Uint32Array;
  /** The same memory. */
  readonly floats: Float32Array;
}

const cache = new WeakMap<Split, Records>();

/** Rows gathered by one pass of each kernel before the next: their records stay in the cache. */
const chunk = 1024;

/** The records of a split, made at the first call. */
export function recordsOf(split: Split): Records {
  const known = cache.get(split);
  if (known !== undefined) return known;
  const plain = split.features.flatMap((info, feature) => (info.list ? [] : [feature]));
  const stride = plain.length + 1 + split.denseCount;
  const words = new Uint32Array(split.rows * stride);
  const floats = new Float32Array(words.buffer);
  const columns = plain.map((feature) => split.ids(feature).ids);
  const { labels, dense, denseCount, rows } = split;
  for (let start = 0; start < rows; start += chunk) {
    const end = Math.min(start + chunk, rows);
    columns.forEach((column, i) => {
      for (let r = start; r < end; r++) words[r * stride + i] = column[r]!;
    });
    for (let r = start; r < end; r++) {
      const at = r * stride + plain.length;
      floats[at] = labels[r]!;
      for (let d = 0; d < denseCount; d++) floats[at + 1 + d] = dense[r * denseCount + d]!;
    }
  }
  const records = { plain, stride, words, floats };
  cache.set(split, records);
  return records;
}

/**
 * Writes rows order[start] .. order[start + count - 1]: the ids of feature f to `indices` from bases[f] on, labels and
 * dense values from 0 on.
 */
export function gatherRecords(
  records: Records,
  order: Uint32Array,
  start: number,
  count: number,
  out: { indices: Uint32Array; bases: readonly number[]; labels: Float32Array; dense: Float32Array },
): void {
  const { plain, stride, words, floats } = records;
  const bases = plain.map((feature) => out.bases[feature]!);
  const denseCount = stride - plain.length - 1;
  for (let from = 0; from < count; from += chunk) {
    const to = Math.min(from + chunk, count);
    let word = 0;
    for (; word + 8 <= plain.length; word += 8)
      gather8(words, stride, word, order, start, from, to, out.indices, bases);
    for (; word < plain.length; word++) {
      const base = bases[word]!;
      for (let r = from; r < to; r++) out.indices[base + r] = words[order[start + r]! * stride + word]!;
    }
    for (let r = from; r < to; r++) out.labels[r] = floats[order[start + r]! * stride + word]!;
    for (let d = 0; d < denseCount; d++) {
      for (let r = from; r < to; r++) {
        out.dense[r * denseCount + d] = floats[order[start + r]! * stride + word + 1 + d]!;
      }
    }
  }
}

/** Eight words of each record. Written out because the engine does not unroll the loop (twice the speed). */
function gather8(
  words: Uint32Array,
  stride: number,
  word: number,
  order: Uint32Array,
  start: number,
  from: number,
  to: number,
  indices: Uint32Array,
  bases: readonly number[],
): void {
  const a = bases[word]!;
  const b = bases[word + 1]!;
  const c = bases[word + 2]!;
  const d = bases[word + 3]!;
  const e = bases[word + 4]!;
  const f = bases[word + 5]!;
  const g = bases[word + 6]!;
  const h = bases[word + 7]!;
  for (let r = from; r < to; r++) {
    const at = order[start + r]! * stride + word;
    indices[a + r] = words[at]!;
    indices[b + r] = words[at + 1]!;
    indices[c + r] = words[at + 2]!;
    indices[d + r] = words[at + 3]!;
    indices[e + r] = words[at + 4]!;
    indices[f + r] = words[at + 5]!;
    indices[g + r] = words[at + 6]!;
    indices[h + r] = words[at + 7]!;
  }
}
