/**
 * The texts of a feature's values, compact: UTF-8 in blocks of at most 64 MiB (a longer text has a block of its own), and
 * where each text ends in its block. 4 bytes a value beside the text itself; any number of bytes in all. One value may
 * be NULL.
 *
 * How texts are dealt to blocks depends on the texts alone, so equal lists have equal blocks.
 */
import type { Engine } from './engine.ts';

const BLOCK_BYTES = 2 ** 26;
const FIRST_BYTES = 2 ** 12;
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });
const ENCODER = new TextEncoder();

export interface TextParts {
  readonly blocks: readonly Uint8Array[];
  /** The number of the first value of each block, ascending from 0. */
  readonly firsts: readonly number[];
  /** [values] where each text ends within its block */
  readonly ends: Uint32Array;
  /** The number of the value that is NULL; -1 for none. */
  readonly nullAt: number;
}

/** A list of texts, in the order they were appended. */
export class ValueTexts {
  readonly blocks: readonly Uint8Array[];
  readonly firsts: readonly number[];
  readonly ends: Uint32Array;
  readonly nullAt: number;

  /** @internal `restoreVocabulary` and `Texts` make them. */
  constructor({ blocks, firsts, ends, nullAt }: TextParts) {
    this.blocks = blocks;
    this.firsts = firsts;
    this.ends = ends;
    this.nullAt = nullAt;
  }

  /** @internal The values of the table `vocabulary` that `encodeFeature` left, by code. `text` is SQL over `value`. */
  static async read(engine: Engine, count: number, text = 'CAST(value AS VARCHAR)'): Promise<ValueTexts> {
    const builder = new TextBuilder(count);
    // As bytes: no strings are made, and a byte order mark at the start of a text stays.
    await engine.stream(`SELECT encode(${text}) FROM vocabulary ORDER BY code`, ([value], rows) => {
      for (let i = 0; i < rows; i++) {
        const bytes = value!.getItem(i) as { bytes: Uint8Array } | null;
        if (bytes === null) builder.append(null);
        else builder.appendBytes(bytes.bytes);
      }
    });
    return builder.finish();
  }

  /** How many values there are. */
  get length(): number {
    return this.ends.length;
  }

  /** The text of value k, null for NULL. */
  at(k: number): string | null {
    return k === this.nullAt ? null : DECODER.decode(this.bytesAt(k));
  }

  /** The UTF-8 of value k, empty for NULL: a view. */
  bytesAt(k: number): Uint8Array {
    const block = this.#blockOf(k);
    return this.blocks[block]!.subarray(k === this.firsts[block] ? 0 : this.ends[k - 1], this.ends[k]);
  }

  /** The values at these positions, in this order. */
  select(positions: Uint32Array): ValueTexts {
    const builder = new TextBuilder(positions.length);
    for (const k of positions) {
      if (k === this.nullAt) builder.append(null);
      else builder.appendBytes(this.bytesAt(k));
    }
    return builder.finish();
  }

  /** The first position at which two lists differ, -1 for none. Compares blocks; O(1) for the same list. */
  firstDifference(other: ValueTexts): number {
    if (other === this) return -1;
    const length = Math.min(this.length, other.length);
    for (const [block, first] of this.firsts.entries()) {
      const end = Math.min(this.firsts[block + 1] ?? this.length, length);
      if (this.#sameBlock(other, block, end)) continue;
      for (let k = first; k < end; k++) {
        const same = (k === this.nullAt) === (k === other.nullAt);
        if (!same || Buffer.compare(this.bytesAt(k), other.bytesAt(k)) !== 0) return k;
      }
    }
    return this.length === other.length ? -1 : length;
  }

  #sameBlock(other: ValueTexts, block: number, end: number): boolean {
    const [mine, its] = [this.blocks[block]!, other.blocks[block]];
    if (this.nullAt !== other.nullAt || its === undefined || other.firsts[block] !== this.firsts[block]) return false;
    if (Buffer.compare(mine, its) !== 0) return false;
    for (let k = this.firsts[block]!; k < end; k++) if (this.ends[k] !== other.ends[k]) return false;
    return true;
  }

  #blockOf(k: number): number {
    let [low, high] = [0, this.firsts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.firsts[middle]! <= k) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Puts texts together, one after the other. */
export class TextBuilder {
  readonly #blocks: Uint8Array[] = [];
  readonly #firsts: number[] = [];
  readonly #ends: Uint32Array;
  #block = new Uint8Array(0);
  #used = 0;
  #length = 0;
  #nullAt = -1;

  /** @param capacity - most values */
  constructor(capacity: number) {
    this.#ends = new Uint32Array(capacity);
  }

  append(text: string | null): void {
    if (text === null) this.#nullAt = this.#length;
    const bytes = text === null ? 0 : Buffer.byteLength(text);
    const into = this.#room(bytes);
    if (bytes > 0) ENCODER.encodeInto(text!, into);
    this.#end(bytes);
  }

  appendBytes(text: Uint8Array): void {
    this.#room(text.length).set(text);
    this.#end(text.length);
  }

  finish(): ValueTexts {
    this.#closeBlock();
    const ends = this.#length === this.#ends.length ? this.#ends : this.#ends.slice(0, this.#length);
    return new ValueTexts({ blocks: this.#blocks, firsts: this.#firsts, ends, nullAt: this.#nullAt });
  }

  /** Where the next text goes. */
  #room(bytes: number): Uint8Array {
    const wanted = this.#used + bytes;
    if (this.#firsts.length === 0 || (wanted > BLOCK_BYTES && this.#used > 0)) {
      this.#closeBlock();
      this.#firsts.push(this.#length);
      this.#block = new Uint8Array(Math.max(FIRST_BYTES, bytes));
      this.#used = 0;
    } else if (wanted > this.#block.length) {
      const larger = new Uint8Array(Math.max(wanted, Math.min(BLOCK_BYTES, 2 * this.#block.length)));
      larger.set(this.#block.subarray(0, this.#used));
      this.#block = larger;
    }
    return this.#block.subarray(this.#used, this.#used + bytes);
  }

  #end(bytes: number): void {
    this.#used += bytes;
    this.#ends[this.#length++] = this.#used;
  }

  #closeBlock(): void {
    if (this.#firsts.length > 0) this.#blocks.push(this.#block.slice(0, this.#used));
  }
}
