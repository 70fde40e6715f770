/** Arrays for the outputs of lookups. Large ones come from native memory in huge pages, which is used again. */
import { CollideError, describe } from '../errors.ts';
import { native } from '../native.ts';

/** From so many bytes on an array from native memory is faster than one of JavaScript's own. */
const LARGE = 65_536;

/**
 * An array for an output, on a 64-byte boundary so that no row of it shares a cache line needlessly. Its values are
 * anything.
 *
 * @throws CollideError OUT_OF_MEMORY
 */
export function takeOutput(length: number): Float32Array<ArrayBuffer> {
  const output = 4 * length < LARGE ? undefined : native().takeOutput(length);
  if (output === undefined) return alignedFloats(length);
  Object.defineProperties(output.buffer, moves);
  return output;
}

/**
 * Hands an output back, so that the next one can use its memory at once. The array is empty afterwards.
 *
 * @throws CollideError INVALID_ARGUMENT for what is no Float32Array
 */
export function giveBack(output: Float32Array): void {
  if (!(output instanceof Float32Array)) {
    throw new CollideError('INVALID_ARGUMENT', `Expected an output to give back, received ${describe(output)}`);
  }
  native().giveOutputBack(output); // of any other array there is nothing to use again
}

/**
 * Moving a buffer would leave its memory to another buffer, which nobody could see being collected. It is copied instead,
 * and then given back: the caller sees no difference. (structuredClone and postMessage copy such a buffer by themselves,
 * or refuse to move it.)
 */
function copyAndGiveBack(this: ArrayBuffer, length = this.byteLength): ArrayBuffer {
  const copy = new ArrayBuffer(length);
  const bytes = new Uint8Array(this, 0, Math.min(length, this.byteLength));
  new Uint8Array(copy).set(bytes);
  giveBack(new Float32Array(this));
  return copy;
}
const moves = { transfer: { value: copyAndGiveBack }, transferToFixedLength: { value: copyAndGiveBack } };

function alignedFloats(length: number): Float32Array<ArrayBuffer> {
  let buffer: ArrayBuffer;
  try {
    buffer = new ArrayBuffer(4 * length + 60);
  } catch (cause) {
    throw new CollideError('OUT_OF_MEMORY', `Could not allocate ${4 * length} bytes for an output`, { cause });
  }
  return new Float32Array(buffer, (64 - native().addressModulo64(buffer)) % 64, length);
}
