/** Reading a known number of bytes at a known place of a file. */
import type { FileHandle } from 'node:fs/promises';
import { bytesOf, type TensorArray } from './tensor.ts';

/** Most bytes per read call: one takes less than 2 GiB, and an array may have more bytes than a Uint8Array can show. */
const PIECE = 2 ** 26;

/**
 * Fills an array from `position` of the file on.
 *
 * @param shorter - makes the error to throw when the file ends before, at the byte given
 */
export async function readFully(
  file: FileHandle,
  into: TensorArray,
  position: number,
  shorter: (end: number) => Error,
): Promise<void> {
  for (let at = 0; at < into.byteLength; ) {
    const piece = bytesOf(into, at, Math.min(into.byteLength, at + PIECE));
    const { bytesRead } = await file.read(piece, 0, piece.length, position + at);
    if (bytesRead === 0) throw shorter(position + at);
    at += bytesRead;
  }
}
