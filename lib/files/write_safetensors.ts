/**
 * Writing safetensors files. Deterministic: the same tensors and metadata give the same bytes. O(bytes) of time; of
 * tensors in pieces one piece is in memory at a time.
 */
import { setImmediate } from 'node:timers/promises';
import { CollideError, checkObject, checkText, describe } from '../errors.ts';
import { writeFileAtomic } from './atomic.ts';
import {
  CHECKSUM,
  CHECKSUM_START,
  Checksum,
  checkLittleEndian,
  METADATA,
  type TensorInput,
  type TensorPieces,
} from './safetensors.ts';
import { bytesOf, byteWidth, dtypeOf, elementCount, isDtype, TENSOR_ARRAYS, type TensorType } from './tensor.ts';

/** Bytes that are summed and written at once: a few milliseconds. */
const PIECE = 2 ** 23;

interface Checked {
  name: string;
  dtype: TensorType;
  shape: number[];
  bytes: number;
  pieces: TensorPieces['pieces'];
}

/**
 * Writes tensors and metadata to a file, atomically (see `writeFileAtomic`).
 *
 * @param tensors - must not be changed until the promise settles
 * @throws CollideError INVALID_ARGUMENT for a tensor whose data does not fit its shape or dtype or was changed while it
 * was written; FILE_IO when writing fails
 * @example
 * ```ts
 * const rows = new Float32Array(20);
 * await writeSafetensors('rows.safetensors', { movie: { shape: [10, 2], data: rows } }, { dim: '2' });
 * ```
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, TensorInput | TensorPieces>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  checkText(path, 'the path of a safetensors file');
  await writeFileAtomic(path, await safetensorsContent(tensors, metadata));
}

/** What {@link writeSafetensors} writes, to be written once. @throws CollideError INVALID_ARGUMENT */
export async function safetensorsContent(
  tensors: Readonly<Record<string, TensorInput | TensorPieces>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<AsyncGenerator<Uint8Array>> {
  checkLittleEndian();
  checkObject(tensors, 'tensors, by name,');
  checkObject(metadata, 'metadata, texts by name,');
  const checked = Object.entries(tensors).map(([name, tensor]) => checkTensor(name, tensor));
  // Widest first, so that every tensor is aligned to its element without holes between them.
  checked.sort((a, b) => byteWidth(b.dtype) - byteWidth(a.dtype) || (a.name < b.name ? -1 : 1));
  const head = headOf(checked, metadata);
  const sum = new Checksum(head);
  for await (const piece of dataOf(checked)) {
    sum.add(piece);
    await setImmediate(); // the event loop has its turn between pieces
  }
  head.write(sum.digits, 8 + CHECKSUM_START.length, 'latin1');
  return summedAgain(head, checked, sum.digits);
}

/** The file's bytes. @throws CollideError INVALID_ARGUMENT when they are no longer what `digits` is the checksum of */
async function* summedAgain(head: Uint8Array, tensors: Checked[], digits: string): AsyncGenerator<Uint8Array> {
  const sum = new Checksum(head);
  yield head;
  for await (const piece of dataOf(tensors)) {
    sum.add(piece);
    yield piece;
  }
  if (sum.digits === digits) return;
  throw new CollideError(
    'INVALID_ARGUMENT',
    'Expected tensors that stay as they are until they are written, but they were changed meanwhile; the file was not replaced',
  );
}

/** The length of the header and the header, with a checksum of zeros. */
function headOf(tensors: readonly Checked[], metadata: Readonly<Record<string, string>>): Buffer {
  const texts = [[CHECKSUM, '00000000'], ...checkMetadata(metadata)].map((entry) =>
    entry.map((t) => JSON.stringify(t)),
  );
  const entries = [`"${METADATA}":{${texts.map((entry) => entry.join(':')).join(',')}}`];
  let end = 0;
  for (const { name, dtype, shape, bytes } of tensors) {
    const begin = end;
    end += bytes;
    entries.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
  }
  const text = Buffer.from(`{${entries.join(',')}}`);
  const padded = Math.ceil(text.length / 8) * 8;
  const head = Buffer.alloc(8 + padded, ' ');
  head.writeBigUInt64LE(BigInt(padded));
  text.copy(head, 8);
  return head;
}

async function* dataOf(tensors: readonly Checked[]): AsyncGenerator<Uint8Array> {
  for (const { name, bytes, pieces } of tensors) {
    let written = 0;
    for await (const array of pieces()) {
      for (let at = 0; at < array.byteLength; at += PIECE) {
        yield bytesOf(array, at, Math.min(array.byteLength, at + PIECE));
      }
      written += array.byteLength;
    }
    if (written === bytes) continue;
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected ${bytes} bytes in the pieces of tensor "${name}", received ${written} (was a buffer transferred while being written?)`,
    );
  }
}

function checkTensor(name: string, tensor: TensorInput | TensorPieces): Checked {
  const refuse = (expected: string, received: unknown) =>
    new CollideError('INVALID_ARGUMENT', `Expected ${expected} for tensor "${name}", received ${describe(received)}`);
  if (name === METADATA) throw refuse('another name', name);
  checkObject(tensor, `tensor "${name}"`);
  const count = elementCount(tensor.shape);
  if ('pieces' in tensor) {
    const { dtype, shape, pieces } = tensor;
    if (!isDtype(dtype)) throw refuse(`a dtype among ${Object.keys(TENSOR_ARRAYS).join(', ')}`, dtype);
    if (count === undefined) throw refuse('a shape of whole numbers', shape);
    return { name, dtype, shape: [...shape], bytes: count * byteWidth(dtype), pieces };
  }
  const { data } = tensor;
  const inferred = dtypeOf(data);
  if (inferred === undefined) throw refuse(`data of a type among ${Object.keys(TENSOR_ARRAYS).join(', ')}`, data);
  const dtype = tensor.dtype ?? inferred;
  if (!isDtype(dtype) || !(data instanceof TENSOR_ARRAYS[dtype])) throw refuse(`data of dtype ${dtype}`, data);
  if (count === undefined) throw refuse('a shape of whole numbers', tensor.shape);
  if (count !== data.length) throw refuse(`${count} elements (shape [${tensor.shape}])`, data);
  return { name, dtype, shape: [...tensor.shape], bytes: data.byteLength, pieces: () => [data] };
}

/** By key, sorted. */
function checkMetadata(metadata: Readonly<Record<string, string>>): [string, string][] {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === 'string' && key !== CHECKSUM) continue;
    const expected = key === CHECKSUM ? 'another key' : 'text';
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected ${expected} for metadata "${key}", received ${describe(value)}`,
    );
  }
  return Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
}
