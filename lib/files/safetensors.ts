/**
 * Safetensors files: 8 bytes of header length, a JSON header of tensor names with dtype, shape and byte range, then the
 * tensors' bytes, row-major and little-endian, without holes. Any tool that knows the format can open our files.
 *
 * Ours carry a checksum (CRC-32) of the whole file in the metadata, at a fixed place of the header; while it is computed,
 * its own eight digits count as zeros. A reader checks it before it gives anything away. Files without one, of other
 * programs, are read too.
 */
import { crc32 } from 'node:zlib';
import { CollideError } from '../errors.ts';
import type { TensorArray, TensorType } from './tensor.ts';

/** A named array of a file. */
export interface Tensor {
  dtype: TensorType;
  /** Whole numbers; [] is a scalar. */
  shape: readonly number[];
  /** Row-major, as many elements as the product of the shape; BOOL is a Uint8Array of 0 and 1, small floats are their bits. */
  data: TensorArray;
}

/** A tensor to write: `dtype` follows from `data` when left out (BOOL and floats below 32 bits have to be said). */
export type TensorInput = Omit<Tensor, 'dtype'> & { dtype?: TensorType };

/** A tensor to write that need never be in memory as a whole. */
export interface TensorPieces {
  dtype: TensorType;
  shape: readonly number[];
  /**
   * All its elements, in order and in arrays of any length; one that was taken may be reused for the next. Called twice
   * (for the checksum, then to write): both times it has to yield the same.
   */
  pieces(): Iterable<TensorArray> | AsyncIterable<TensorArray>;
}

export const METADATA = '__metadata__';

/** The metadata key of the checksum; readers of this package take it out. */
export const CHECKSUM = 'learn-to-collide.crc32';

/** The format's own limit of the header. */
export const MOST_HEADER_BYTES = 100_000_000;

/** What a header with a checksum begins with; its digits follow. */
export const CHECKSUM_START: Buffer = Buffer.from(`{"${METADATA}":{"${CHECKSUM}":"`);

/** The checksum of a file, fed in order: first its head (length and header), then its data. */
export class Checksum {
  #value: number;

  /** @param head - the first 8 bytes and the header; the digits of its checksum, if any, are taken as zeros */
  constructor(head: Uint8Array) {
    const copy = Buffer.from(head);
    copy.subarray(8 + CHECKSUM_START.length, 8 + CHECKSUM_START.length + 8).fill('0');
    this.#value = crc32(copy);
  }

  add(bytes: Uint8Array): void {
    this.#value = crc32(bytes, this.#value);
  }

  /** Eight hexadecimal digits. */
  get digits(): string {
    return this.#value.toString(16).padStart(8, '0');
  }
}

/** Tensors are copied as they lie in memory; on a big-endian machine every number would silently be wrong. */
export function checkLittleEndian(): void {
  if (new Uint8Array(Uint16Array.of(1).buffer)[0] === 1) return;
  throw new CollideError('FILE_IO', 'Safetensors files are supported on little-endian machines only');
}
