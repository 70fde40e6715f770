/**
 * Reading and writing npy files, NumPy's format of one array: a magic number, a version, a header that is a Python
 * dictionary of dtype, order and shape, then the elements. We write version 1.0, little-endian, and read all versions
 * (1.0, 2.0, 3.0) and both byte orders, row-major only. A reader trusts nothing in a file: a damaged one is refused, never
 * half read. The format has no place for a checksum, so a damaged element is not noticed. O(bytes).
 */
import { type FileHandle, open } from 'node:fs/promises';
import { CollideError, checkText, describe } from '../errors.ts';
import { writeFileAtomic } from './atomic.ts';
import { fileError } from './errors.ts';
import { readFully } from './read_fully.ts';
import type { Tensor } from './safetensors.ts';
import { bytesOf, byteWidth, dtypeOf, elementCount, newArray, type TensorArray, type TensorType } from './tensor.ts';

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const MOST_HEADER_BYTES = 1 << 20;

/** NumPy's name of every element type that both sides have, without the byte order. */
const NAMES = {
  BOOL: 'b1',
  U8: 'u1',
  I8: 'i1',
  U16: 'u2',
  I16: 'i2',
  U32: 'u4',
  I32: 'i4',
  U64: 'u8',
  I64: 'i8',
  F16: 'f2',
  F32: 'f4',
  F64: 'f8',
} as const satisfies Partial<Record<TensorType, string>>;

/**
 * Writes an array to an npy file, atomically (see `writeFileAtomic`).
 *
 * @param data - row-major, as many elements as the product of the shape; must not be changed until the promise settles
 * @throws CollideError INVALID_ARGUMENT for data that does not fit its shape, FILE_IO when writing fails
 * @example
 * ```ts
 * await writeNpy('mapping.npy', Int32Array.of(0, 0, 1), [3]); // numpy.load('mapping.npy')
 * ```
 */
export async function writeNpy(path: string, data: TensorArray, shape: readonly number[]): Promise<void> {
  const dtype = dtypeOf(data) as keyof typeof NAMES | undefined;
  if (dtype === undefined || elementCount(shape) !== data.length) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a typed array of as many elements as the shape [${shape}] has for "${path}", received ${describe(data)}`,
    );
  }
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const order = byteWidth(dtype) === 1 ? '|' : '<';
  const text = `{'descr': '${order}${NAMES[dtype]}', 'fortran_order': False, 'shape': (${extents}), }`;
  // The elements begin at a multiple of 64 bytes; the header ends with a line feed.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const head = Buffer.alloc(10 + length, ' ');
  MAGIC.copy(head);
  head.writeUInt8(1, 6);
  head.writeUInt8(0, 7);
  head.writeUInt16LE(length, 8);
  head.write(text, 10, 'latin1');
  head.write('\n', 10 + length - 1, 'latin1');
  const pieces = function* () {
    yield head;
    for (let at = 0; at < data.byteLength; at += 2 ** 30) {
      yield bytesOf(data, at, Math.min(data.byteLength, at + 2 ** 30));
    }
  };
  await writeFileAtomic(path, pieces());
}

/**
 * Reads a whole npy file.
 *
 * @throws CollideError FILE_FORMAT for a file that is truncated, damaged, of another kind, column-major or of a type that
 * is none of {@link NAMES}; FILE_IO when it cannot be read; OUT_OF_MEMORY
 * @example
 * ```ts
 * const { dtype, shape, data } = await readNpy('vectors.npy'); // 'F32', [1000, 2], Float32Array(2000)
 * ```
 */
export async function readNpy(path: string): Promise<Tensor> {
  checkText(path, 'the path of an npy file');
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    const { dtype, swapped, shape, dataStart } = await readHeader(file, size, path);
    const bytes = elementCount(shape)! * byteWidth(dtype);
    if (size !== dataStart + bytes) {
      throw broken(
        path,
        `type ${dtype} and shape [${shape}] take ${bytes} bytes, but ${size - dataStart} follow its header`,
      );
    }
    const data = newArray(dtype, elementCount(shape)!, `"${path}"`);
    await readFully(file, data, dataStart, (end) => becameShorter(path, end));
    if (dtype === 'BOOL' && (data as Uint8Array).some((b) => b > 1))
      throw broken(path, 'it has a boolean other than 0 and 1');
    if (swapped) swapBytes(data);
    return { dtype, shape, data };
  } catch (error) {
    throw fileError('read', path, error);
  } finally {
    await file?.close();
  }
}

interface Header {
  dtype: TensorType;
  /** Whether its elements are big-endian. */
  swapped: boolean;
  shape: number[];
}

async function readHeader(file: FileHandle, size: number, path: string): Promise<Header & { dataStart: number }> {
  const start = Buffer.alloc(Math.min(size, 12));
  await readFully(file, start, 0, (end) => becameShorter(path, end));
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
  await readFully(file, text, begin, (end) => becameShorter(path, end));
  return { ...parseHeader(text.toString('latin1'), path), dataStart: begin + length };
}

/** A dictionary of just these three entries, in any order, as NumPy writes it. */
function parseHeader(header: string, path: string): Header {
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
  const [, byteOrder, type] = /^'([<>=|]?)(\w+)'$/.exec(descr) ?? [];
  const known = Object.entries(NAMES) as [TensorType, string][];
  const dtype = known.find(([, name]) => name === type)?.[0];
  if (dtype === undefined || (byteOrder === '|' && byteWidth(dtype) > 1)) {
    const names = known.map(([, name]) => name).join(', ');
    throw broken(
      path,
      `its type is ${descr}; supported are ${names}, little- or big-endian: astype() makes one of them`,
    );
  }
  const extents = shapeOf(shape, path);
  if (order === 'True' && extents.length > 1) {
    throw broken(path, 'it is column-major (fortran_order); save numpy.ascontiguousarray() of it');
  }
  return { dtype, swapped: byteOrder === '>', shape: extents };
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

/** Turns the bytes of every element around. */
function swapBytes(data: TensorArray): void {
  const width = data.BYTES_PER_ELEMENT;
  if (width === 1) return;
  // Some whole elements at a time: a Buffer has at most 2^32 bytes in Node 20.
  for (let at = 0; at < data.byteLength; at += 2 ** 30) {
    const { buffer, byteOffset, length } = bytesOf(data, at, Math.min(data.byteLength, at + 2 ** 30));
    const piece = Buffer.from(buffer as ArrayBuffer, byteOffset, length);
    if (width === 2) piece.swap16();
    else if (width === 4) piece.swap32();
    else piece.swap64();
  }
}

const clip = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}...` : text.trimEnd());

const becameShorter = (path: string, end: number) =>
  broken(path, `it ends at byte ${end}; it became shorter while being read`);

function broken(path: string, problem: string): CollideError {
  return new CollideError('FILE_FORMAT', `"${path}" is not a whole npy file: ${problem}`);
}
