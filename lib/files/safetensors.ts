/**
 * Reading and writing safetensors files: 8 bytes of header length, a JSON header of tensor names with dtype, shape and
 * byte range, then the tensors' bytes, row-major and little-endian, without holes. Any tool that knows the format can
 * open our files. A reader trusts nothing in a file: a damaged one is refused, never half read.
 *
 * Writing is deterministic: the same tensors and metadata give the same bytes. Both copy tensors once, O(bytes).
 */
import { type FileHandle, open } from 'node:fs/promises';
import { CollideError, describe } from '../errors.ts';
import { fileError, writeFileAtomic } from './atomic.ts';
import { type Header, parseHeader, type TensorEntry } from './safetensors_header.ts';
import {
  byteWidth,
  dtypeOf,
  elementCount,
  isDtype,
  TENSOR_ARRAYS,
  type TensorArray,
  type TensorType,
} from './tensor.ts';

/** A named array of a file. */
export interface Tensor {
  dtype: TensorType;
  /** Whole numbers; [] is a scalar. */
  shape: readonly number[];
  /** Row-major, as many elements as the product of the shape; BOOL is a Uint8Array of 0 and 1, F16 and BF16 their bits. */
  data: TensorArray;
}

/** A tensor to write: `dtype` follows from `data` when left out (BOOL, F16 and BF16 have to be said). */
export type TensorInput = Omit<Tensor, 'dtype'> & { dtype?: TensorType };

export interface Safetensors {
  /** By name; an object without prototype, so that no name means anything else. */
  tensors: Record<string, Tensor>;
  /** Free text by name; JSON in a string where more structure is needed. */
  metadata: Record<string, string>;
}

const METADATA = '__metadata__';

/** The format's own limit of the header. */
const MOST_HEADER_BYTES = 100_000_000;

/** Most bytes per read call: one takes less than 2 GiB. */
const PIECE = 2 ** 26;

/**
 * Writes tensors and metadata to a file, atomically (see {@link writeFileAtomic}).
 *
 * @param tensors - must not be changed until the promise settles
 * @throws CollideError INVALID_ARGUMENT for a tensor whose data does not fit its shape or dtype, FILE_IO when writing
 * fails
 * @example
 * ```ts
 * const rows = new Float32Array(20);
 * await writeSafetensors('rows.safetensors', { movie: { shape: [10, 2], data: rows } }, { dim: '2' });
 * ```
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, TensorInput>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  checkLittleEndian();
  const named = Object.entries(tensors).map(([name, tensor]) => {
    const checked = checkTensor(name, tensor);
    return { name, ...checked, bytes: checked.data.byteLength };
  });
  // Widest first, so that every tensor is aligned to its element without holes between them.
  named.sort((a, b) => byteWidth(b.dtype) - byteWidth(a.dtype) || (a.name < b.name ? -1 : 1));
  const entries: [string, unknown][] = [[METADATA, sortedStrings(metadata)]];
  let end = 0;
  for (const { name, dtype, shape, bytes } of named) {
    const begin = end;
    end += bytes;
    entries.push([name, { dtype, shape, data_offsets: [begin, end] }]);
  }
  const text = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const padded = Math.ceil(text.length / 8) * 8;
  const head = Buffer.alloc(8 + padded, ' ');
  head.writeBigUInt64LE(BigInt(padded));
  text.copy(head, 8);
  await writeFileAtomic(
    path,
    (function* () {
      yield head;
      for (const { name, data, bytes } of named) {
        if (data.byteLength !== bytes) {
          throw new CollideError(
            'INVALID_ARGUMENT',
            `The buffer of tensor "${name}" was transferred while being written`,
          );
        }
        yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      }
    })(),
  );
}

function checkTensor(name: string, tensor: TensorInput): Tensor {
  const refuse = (expected: string, received: unknown) =>
    new CollideError('INVALID_ARGUMENT', `Expected ${expected} for tensor "${name}", received ${describe(received)}`);
  if (name === METADATA) throw refuse('another name', name);
  const inferred = dtypeOf(tensor.data);
  if (inferred === undefined)
    throw refuse(`data of a type among ${Object.keys(TENSOR_ARRAYS).join(', ')}`, tensor.data);
  const dtype = tensor.dtype ?? inferred;
  if (!isDtype(dtype) || !(tensor.data instanceof TENSOR_ARRAYS[dtype]))
    throw refuse(`data of dtype ${dtype}`, tensor.data);
  const count = elementCount(tensor.shape);
  if (count === undefined) throw refuse(`a shape of whole numbers`, tensor.shape);
  if (count !== tensor.data.length) throw refuse(`${count} elements (shape [${tensor.shape}])`, tensor.data);
  return { dtype, shape: [...tensor.shape], data: tensor.data };
}

function sortedStrings(metadata: Readonly<Record<string, string>>): Record<string, string> {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === 'string') continue;
    throw new CollideError('INVALID_ARGUMENT', `Expected text for metadata "${key}", received ${describe(value)}`);
  }
  return Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Reads a whole safetensors file; every tensor gets its own memory.
 *
 * @throws CollideError FILE_FORMAT for a file that is truncated, damaged, of another kind or uses a dtype outside
 * {@link TensorType}; FILE_IO when it cannot be read; OUT_OF_MEMORY
 * @example
 * ```ts
 * const { tensors, metadata } = await readSafetensors('rows.safetensors');
 * tensors.movie; // { dtype: 'F32', shape: [10, 2], data: Float32Array(20) }
 * ```
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  checkLittleEndian();
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { dataStart, entries, metadata } = await readHeader(file, path);
    const tensors: Record<string, Tensor> = Object.create(null);
    for (const entry of entries) tensors[entry.name] = await readTensor(file, dataStart, entry, path);
    return { tensors, metadata };
  } catch (error) {
    throw fileError('read', path, error);
  } finally {
    await file?.close();
  }
}

async function readHeader(file: FileHandle, path: string): Promise<Header & { dataStart: number }> {
  const { size } = await file.stat();
  if (size < 8) throw broken(path, `${size} bytes are too few to hold the length of a header`);
  const prefix = Buffer.alloc(8);
  await readFully(file, prefix, 0, path);
  const length = prefix.readBigUInt64LE();
  if (length > MOST_HEADER_BYTES) throw broken(path, `its header claims ${length} bytes, more than the format allows`);
  if (8n + length > BigInt(size)) {
    throw broken(path, `its header claims ${length} bytes but only ${size - 8} follow; the file may be truncated`);
  }
  const dataStart = 8 + Number(length);
  const text = Buffer.alloc(Number(length));
  await readFully(file, text, 8, path);
  const header = parseHeader(text, size - dataStart, (problem) => broken(path, problem));
  return { ...header, dataStart };
}

async function readTensor(file: FileHandle, dataStart: number, entry: TensorEntry, path: string): Promise<Tensor> {
  const { name, dtype, shape, begin, end } = entry;
  const bytes = allocate(end - begin, `tensor "${name}" of "${path}"`);
  await readFully(file, bytes, dataStart + begin, path);
  if (dtype === 'BOOL' && bytes.some((b) => b > 1))
    throw broken(path, `tensor "${name}" has a BOOL other than 0 and 1`);
  return { dtype, shape, data: new TENSOR_ARRAYS[dtype](bytes.buffer as ArrayBuffer) };
}

/** Fills `bytes` from `position` of the file on. */
async function readFully(file: FileHandle, bytes: Uint8Array, position: number, path: string): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, Math.min(PIECE, bytes.length - at), position + at);
    if (bytesRead === 0) throw broken(path, `it ends at byte ${position + at}; it became shorter while being read`);
    at += bytesRead;
  }
}

function allocate(bytes: number, what: string): Uint8Array {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    throw new CollideError('OUT_OF_MEMORY', `Could not allocate ${bytes} bytes for ${what}`, { cause });
  }
}

function broken(path: string, problem: string): CollideError {
  return new CollideError('FILE_FORMAT', `"${path}" is not a whole safetensors file: ${problem}`);
}

/** Tensors are copied as they lie in memory; on a big-endian machine every number would silently be wrong. */
function checkLittleEndian(): void {
  if (new Uint8Array(Uint16Array.of(1).buffer)[0] === 1) return;
  throw new CollideError('FILE_IO', 'Safetensors files are supported on little-endian machines only');
}
