/**
 * Reading and writing npy files, NumPy's format of one array: a magic number, a version, a header that is a Python
 * dictionary of dtype, order and shape, then the elements. We write version 1.0 and read all (1.0, 2.0, 3.0), row-major and
 * little-endian only. A reader trusts nothing in a file: a damaged one is refused, never half read. O(bytes).
 */
import { type FileHandle, open } from 'node:fs/promises';
import { CollideError, describe } from '../errors.ts';
import { fileError, writeFileAtomic } from './atomic.ts';
import type { Tensor } from './safetensors.ts';
import { byteWidth, dtypeOf, elementCount, TENSOR_ARRAYS, type TensorArray, type TensorType } from './tensor.ts';

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const MOST_HEADER_BYTES = 1 << 20;
/** Most bytes per read call: one takes less than 2 GiB. */
const PIECE = 2 ** 26;

/** NumPy's name of every element type that both sides have. */
const DESCRIPTIONS = {
  BOOL: '|b1',
  U8: '|u1',
  U16: '<u2',
  U32: '<u4',
  I32: '<i4',
  I64: '<i8',
  F16: '<f2',
  F32: '<f4',
  F64: '<f8',
} as const satisfies Partial<Record<TensorType, string>>;

/**
 * Writes an array to an npy file, atomically (see {@link writeFileAtomic}).
 *
 * @param data - row-major, as many elements as the product of the shape; must not be changed until the promise settles
 * @throws CollideError INVALID_ARGUMENT for data that does not fit its shape, FILE_IO when writing fails
 * @example
 * ```ts
 * await writeNpy('mapping.npy', Int32Array.of(0, 0, 1), [3]); // numpy.load('mapping.npy')
 * ```
 */
export async function writeNpy(path: string, data: TensorArray, shape: readonly number[]): Promise<void> {
  const dtype = dtypeOf(data) as keyof typeof DESCRIPTIONS | undefined;
  if (dtype === undefined || elementCount(shape) !== data.length) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a typed array of as many elements as the shape [${shape}] has for "${path}", received ${describe(data)}`,
    );
  }
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${DESCRIPTIONS[dtype]}', 'fortran_order': False, 'shape': (${extents}), }`;
  // The elements begin at a multiple of 64 bytes; the header ends with a line feed.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const head = Buffer.alloc(10 + length, ' ');
  MAGIC.copy(head);
  head.writeUInt8(1, 6);
  head.writeUInt8(0, 7);
  head.writeUInt16LE(length, 8);
  head.write(text, 10, 'latin1');
  head.write('\n', 10 + length - 1, 'latin1');
  await writeFileAtomic(path, [head, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}

/**
 * Reads a whole npy file.
 *
 * @throws CollideError FILE_FORMAT for a file that is truncated, damaged, of another kind, big-endian, column-major or of
 * a type outside {@link DESCRIPTIONS}; FILE_IO when it cannot be read; OUT_OF_MEMORY
 * @example
 * ```ts
 * const { dtype, shape, data } = await readNpy('vectors.npy'); // 'F32', [1000, 2], Float32Array(2000)
 * ```
 */
export async function readNpy(path: string): Promise<Tensor> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    const { dtype, shape, dataStart } = await readHeader(file, size, path);
    const bytes = elementCount(shape)! * byteWidth(dtype);
    if (size !== dataStart + bytes) {
      throw broken(
        path,
        `type ${dtype} and shape [${shape}] take ${bytes} bytes, but ${size - dataStart} follow its header`,
      );
    }
    const content = allocate(bytes, path);
    await readFully(file, content, dataStart, path);
    if (dtype === 'BOOL' && content.some((b) => b > 1)) throw broken(path, 'it has a boolean other than 0 and 1');
    return { dtype, shape, data: new TENSOR_ARRAYS[dtype](content.buffer as ArrayBuffer) };
  } catch (error) {
    throw fileError('read', path, error);
  } finally {
    await file?.close();
  }
}

async function readHeader(
  file: FileHandle,
  size: number,
  path: string,
): Promise<{ dtype: TensorType; shape: number[]; dataStart: number }> {
  const start = Buffer.alloc(Math.min(size, 12));
  await readFully(file, start, 0, path);
  if (size < 10 || !start.subarray(0, 6).equals(MAGIC)) throw broken(path, 'it does not begin as one');
  const [major, minor] = [start[6]!, start[7]!];
  if (major < 1 || major > 3 || minor !== 0)
    throw broken(path, `its version is ${major}.${minor}; known are 1.0, 2.0 and 3.0`);
  const begin = major === 1 ? 10 : 12;
  if (size < begin) throw broken(path, `it ends within its first ${begin} bytes`);
  const length = major === 1 ? start.readUInt16LE(8) : start.readUInt32LE(8);
  if (length > MOST_HEADER_BYTES || begin + length > size) {
    throw broken(path, `its header claims ${length} bytes, but ${size - begin} follow; the file may be truncated`);
  }
  const text = Buffer.alloc(length);
  await readFully(file, text, begin, path);
  return { ...parseHeader(text.toString('latin1'), path), dataStart: begin + length };
}

/** A dictionary of just these three entries, in any order, as NumPy writes it. */
function parseHeader(header: string, path: string): { dtype: TensorType; shape: number[] } {
  const entry = /\s*'(descr|fortran_order|shape)'\s*:\s*('[^']*'|True|False|\([\d,\s]*\))\s*(,|$)/y;
  const body = /^\{(.*)\}\s*$/s.exec(header)?.[1];
  const found = new Map<string, string>();
  const text = body?.trimEnd() ?? '';
  for (let at = 0; at < text.length; at = entry.lastIndex) {
    entry.lastIndex = at;
    const match = entry.exec(text);
    if (match === null || found.has(match[1]!)) throw broken(path, `its header is ${clip(header)}`);
    found.set(match[1]!, match[2]!);
  }
  const [descr, order, shape] = ['descr', 'fortran_order', 'shape'].map((key) => found.get(key));
  if (!descr?.startsWith("'") || !(order === 'True' || order === 'False') || !shape?.startsWith('(')) {
    throw broken(path, `its header is ${clip(header)}`);
  }
  const known = Object.entries(DESCRIPTIONS) as [TensorType, string][];
  const dtype = known.find(([, name]) => `'${name}'` === descr)?.[0];
  if (dtype === undefined) {
    const names = known.map(([, name]) => name).join(', ');
    throw broken(path, `its type is ${descr}; supported are ${names}: astype() makes one of them`);
  }
  const extents = shapeOf(shape, path);
  if (order === 'True' && extents.length > 1) {
    throw broken(path, 'it is column-major (fortran_order); save numpy.ascontiguousarray() of it');
  }
  return { dtype, shape: extents };
}

/** `()`, `(3,)`, `(3, 2)`, ... */
function shapeOf(text: string, path: string): number[] {
  const inner = text.slice(1, -1).trim();
  const parts = inner === '' ? [] : inner.replace(/,$/, '').split(',');
  const shape = parts.map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : Number.NaN));
  const isTuple = shape.length !== 1 || inner.endsWith(',');
  if (!isTuple || elementCount(shape) === undefined) throw broken(path, `its shape is ${clip(text)}`);
  return shape;
}

async function readFully(file: FileHandle, bytes: Uint8Array, position: number, path: string): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, Math.min(PIECE, bytes.length - at), position + at);
    if (bytesRead === 0) throw broken(path, `it ends at byte ${position + at}; it became shorter while being read`);
    at += bytesRead;
  }
}

function allocate(bytes: number, path: string): Uint8Array {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    throw new CollideError('OUT_OF_MEMORY', `Could not allocate ${bytes} bytes for "${path}"`, { cause });
  }
}

const clip = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}...` : text.trimEnd());

function broken(path: string, problem: string): CollideError {
  return new CollideError('FILE_FORMAT', `"${path}" is not a whole npy file: ${problem}`);
}
