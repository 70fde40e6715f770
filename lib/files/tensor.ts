/** The element types of our files, their typed arrays and shapes. */

/** Safetensors' names of the element types we read and write. */
export type TensorType = 'BOOL' | 'U8' | 'U16' | 'U32' | 'I32' | 'I64' | 'F16' | 'BF16' | 'F32' | 'F64';

export type TensorArray =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** The typed array of every element type; F16, BF16 and BOOL as their bits, since JavaScript has no arrays of them. */
export const TENSOR_ARRAYS = {
  U8: Uint8Array,
  U16: Uint16Array,
  U32: Uint32Array,
  I32: Int32Array,
  I64: BigInt64Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  F32: Float32Array,
  F64: Float64Array,
  BOOL: Uint8Array,
} as const satisfies Record<TensorType, unknown>;

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
