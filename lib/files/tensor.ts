/** The element types of our files, their typed arrays and shapes. */
import { CollideError } from '../errors.ts';

/** Safetensors' names of the element types we read and write. */
export type TensorType =
  | 'BOOL'
  | 'U8'
  | 'I8'
  | 'F8_E4M3'
  | 'F8_E5M2'
  | 'U16'
  | 'I16'
  | 'F16'
  | 'BF16'
  | 'U32'
  | 'I32'
  | 'F32'
  | 'U64'
  | 'I64'
  | 'F64';

/** The arrays that tensors are read into. */
export type TensorArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** The typed array of every element type; small floats and BOOL as their bits, since JavaScript has no arrays of them. */
export const TENSOR_ARRAYS = {
  U8: Uint8Array,
  I8: Int8Array,
  U16: Uint16Array,
  I16: Int16Array,
  U32: Uint32Array,
  I32: Int32Array,
  U64: BigUint64Array,
  I64: BigInt64Array,
  F8_E4M3: Uint8Array,
  F8_E5M2: Uint8Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  F32: Float32Array,
  F64: Float64Array,
  BOOL: Uint8Array,
} as const satisfies Record<TensorType, unknown>;

export type TensorArrayOf<T extends TensorType> = InstanceType<(typeof TENSOR_ARRAYS)[T]>;

export function isDtype(value: unknown): value is TensorType {
  return typeof value === 'string' && Object.hasOwn(TENSOR_ARRAYS, value);
}

/** Bytes of one element. */
export function byteWidth(dtype: TensorType): number {
  return TENSOR_ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/** The element type of a typed array (U8 for a Uint8Array, U16 for a Uint16Array), or undefined for anything else. */
export function dtypeOf(data: unknown): TensorType | undefined {
  const types = Object.keys(TENSOR_ARRAYS) as TensorType[];
  return types.find((dtype) => data instanceof TENSOR_ARRAYS[dtype]);
}

/** The product of a shape, or undefined when it is no shape or its elements cannot be counted exactly. */
export function elementCount(shape: unknown): number | undefined {
  if (!Array.isArray(shape)) return undefined;
  let count = 1;
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0) return undefined;
    count *= extent;
  }
  return Number.isSafeInteger(count) ? count : undefined;
}

/**
 * A new array of `count` elements, zeroed.
 *
 * @param what - for the message
 * @throws CollideError OUT_OF_MEMORY, also for more elements than this Node's arrays have (2^32 in Node 20)
 */
export function newArray<T extends TensorType>(dtype: T, count: number, what: string): TensorArrayOf<T> {
  try {
    return new TENSOR_ARRAYS[dtype](count) as TensorArrayOf<T>;
  } catch (cause) {
    const bytes = count * byteWidth(dtype);
    const limit = count > 2 ** 32 ? `; Node ${process.version} may not have arrays of ${count} elements` : '';
    throw new CollideError('OUT_OF_MEMORY', `Could not allocate ${bytes} bytes for ${what}${limit}`, { cause });
  }
}

/** The bytes of `data` from byte `begin` to `end`, not copied. */
export function bytesOf(data: TensorArray, begin = 0, end: number = data.byteLength): Uint8Array {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset + begin, end - begin);
}
