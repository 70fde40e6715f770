/**
 * Reading safetensors files. A reader trusts nothing in a file: a damaged one is refused before anything of it is given
 * away, never half read. O(bytes), each read twice where there is a checksum: once to check it.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { CollideError, checkFunction, checkText } from '../errors.ts';
import { fileError } from './errors.ts';
import { readFully } from './read_fully.ts';
import {
  CHECKSUM,
  CHECKSUM_START,
  Checksum,
  checkLittleEndian,
  MOST_HEADER_BYTES,
  type Tensor,
} from './safetensors.ts';
import { parseHeader, type TensorEntry } from './safetensors_header.ts';
import { bytesOf, byteWidth, isDtype, newArray, TENSOR_ARRAYS, type TensorArray, type TensorType } from './tensor.ts';

/** A safetensors file that was read: tensors and metadata by name. */
export interface Safetensors {
  /** By name; an object without prototype, so that no name means anything else. */
  tensors: Record<string, Tensor>;
  /** Free text by name; JSON in a string where more structure is needed. */
  metadata: Record<string, string>;
  /** The dtypes of tensors that were left out, by name: of types that this version has no array for. */
  unread: Record<string, string>;
}

/** Bytes of a piece, about: a few milliseconds of work. */
const PIECE = 2 ** 23;

/** What a file says of a tensor; `dtype` may be one that cannot be read. */
export interface TensorAbout {
  dtype: string;
  /** [] for one number. */
  shape: number[];
}

/** An open file: what is in it is known and checked, tensors are read when they are asked for. */
export class SafetensorsFile {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, TensorAbout>;
  readonly #file: FileHandle;
  readonly #dataStart: number;

  /** @internal See {@link withSafetensors}. */
  constructor(
    path: string,
    file: FileHandle,
    dataStart: number,
    entries: TensorEntry[],
    metadata: Safetensors['metadata'],
  ) {
    this.path = path;
    this.#file = file;
    this.#dataStart = dataStart;
    this.metadata = metadata;
    this.tensors = new Map(entries.map((entry) => [entry.name, entry]));
  }

  /** A whole tensor in memory of its own. @throws CollideError FILE_FORMAT, FILE_IO, OUT_OF_MEMORY */
  async read(name: string): Promise<Tensor> {
    const { dtype, shape, begin, end } = this.#entry(name);
    const data = newArray(dtype, (end - begin) / byteWidth(dtype), `tensor "${name}" of "${this.path}"`);
    await this.#fill(data, begin);
    this.#checkBooleans(name, dtype, data);
    return { dtype, shape, data };
  }

  /** All tensors, or those whose names are `wanted`, and the metadata. @throws CollideError as `read` */
  async readAll(wanted: (name: string) => boolean = () => true): Promise<Safetensors> {
    const tensors: Record<string, Tensor> = Object.create(null);
    const unread: Record<string, string> = Object.create(null);
    for (const [name, { dtype }] of this.tensors) {
      if (!wanted(name)) continue;
      if (isDtype(dtype)) tensors[name] = await this.read(name);
      else unread[name] = dtype;
    }
    return { tensors, metadata: { ...this.metadata }, unread };
  }

  /**
   * A tensor piece by piece, each some whole rows (of its first extent, about 8 MiB). The array is reused: what is to
   * stay has to be copied.
   *
   * @throws CollideError as `read`
   */
  async *pieces(name: string): AsyncGenerator<TensorArray> {
    const { dtype, shape, begin, end } = this.#entry(name);
    const all = (end - begin) / byteWidth(dtype);
    if (all === 0) return;
    const row = all / (shape[0] ?? 1);
    const most = Math.min(all, row * Math.max(1, Math.floor(PIECE / (row * byteWidth(dtype)))));
    const array = newArray(dtype, most, `a piece of tensor "${name}" of "${this.path}"`);
    for (let first = 0; first < all; first += most) {
      const piece = array.subarray(0, Math.min(most, all - first));
      await this.#fill(piece, begin + first * byteWidth(dtype));
      this.#checkBooleans(name, dtype, piece);
      yield piece;
    }
  }

  #entry(name: string): TensorEntry & { dtype: TensorType } {
    const entry = this.tensors.get(name) as TensorEntry | undefined;
    if (entry === undefined) throw broken(this.path, `it has no tensor "${name}"`);
    const { dtype } = entry;
    if (isDtype(dtype)) return { ...entry, dtype };
    const known = Object.keys(TENSOR_ARRAYS).join(', ');
    throw new CollideError(
      'FILE_FORMAT',
      `Expected a dtype among ${known} for tensor "${name}" of "${this.path}", received ${dtype}`,
    );
  }

  async #fill(into: TensorArray, at: number): Promise<void> {
    try {
      await readFully(this.#file, into, this.#dataStart + at, (end) => becameShorter(this.path, end));
    } catch (error) {
      throw fileError('read', this.path, error);
    }
  }

  #checkBooleans(name: string, dtype: TensorType, data: TensorArray): void {
    if (dtype !== 'BOOL' || (data as Uint8Array).every((b) => b <= 1)) return;
    throw broken(this.path, `tensor "${name}" has a BOOL other than 0 and 1`);
  }
}

/**
 * Opens a safetensors file, checks it whole, and closes it when `use` is done. For files that are larger than what
 * should be in memory at once; {@link readSafetensors} reads all there is.
 *
 * @throws CollideError as {@link readSafetensors}, and what `use` throws
 * @example
 * ```ts
 * await withSafetensors('rows.safetensors', async (file) => {
 *   for await (const rows of file.pieces('movie')) console.log(rows.length);
 * });
 * ```
 */
export async function withSafetensors<T>(path: string, use: (file: SafetensorsFile) => Promise<T>): Promise<T> {
  checkLittleEndian();
  checkText(path, 'the path of a safetensors file');
  checkFunction(use, 'use of withSafetensors');
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    const head = await readHead(file, size, path);
    const header = parseHeader(head.subarray(8), size - head.length, (problem) => broken(path, problem));
    const { [CHECKSUM]: digits, ...metadata } = header.metadata;
    await verify(file, size, head, digits, metadata, path);
    return await use(new SafetensorsFile(path, file, head.length, header.entries, metadata));
  } catch (error) {
    throw fileError('read', path, error);
  } finally {
    await file?.close();
  }
}

/**
 * The metadata of a safetensors file, of which only the header is read; whether the rest is whole is not looked at.
 *
 * @throws CollideError FILE_FORMAT, FILE_IO
 */
export async function readMetadata(path: string): Promise<Record<string, string>> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    const head = await readHead(file, size, path);
    return parseHeader(head.subarray(8), size - head.length, (problem) => broken(path, problem)).metadata;
  } catch (error) {
    throw fileError('read', path, error);
  } finally {
    await file?.close();
  }
}

/**
 * Reads a whole safetensors file; every tensor gets its own memory.
 *
 * @throws CollideError FILE_FORMAT for a file that is truncated, damaged or of another kind; FILE_IO when it cannot be
 * read; OUT_OF_MEMORY
 * @example
 * ```ts
 * const { tensors, metadata } = await readSafetensors('rows.safetensors');
 * tensors.movie; // { dtype: 'F32', shape: [10, 2], data: Float32Array(20) }
 * ```
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  return withSafetensors(path, (file) => file.readAll());
}

/** The length of the header, and the header. */
async function readHead(file: FileHandle, size: number, path: string): Promise<Buffer> {
  if (size < 8) throw broken(path, `${size} bytes are too few to hold the length of a header`);
  const prefix = Buffer.alloc(8);
  await readFully(file, prefix, 0, (end) => becameShorter(path, end));
  const length = prefix.readBigUInt64LE();
  if (length > MOST_HEADER_BYTES) throw broken(path, `its header claims ${length} bytes, more than the format allows`);
  if (8n + length > BigInt(size)) {
    throw broken(path, `its header claims ${length} bytes but only ${size - 8} follow; the file may be truncated`);
  }
  const head = Buffer.alloc(8 + Number(length));
  await readFully(file, head, 0, (end) => becameShorter(path, end));
  return head;
}

/** @param digits - the checksum that the header names, if any */
async function verify(
  file: FileHandle,
  size: number,
  head: Buffer,
  digits: string | undefined,
  metadata: Safetensors['metadata'],
  path: string,
): Promise<void> {
  if (digits === undefined) {
    // Ours always have one, so its name is what was damaged, or an older version wrote the file.
    if (!metadata.format?.startsWith('learn-to-collide ')) return;
    throw broken(
      path,
      `expected a checksum in a file of format "${metadata.format}", received none: it is damaged, or of an older version; save it again`,
    );
  }
  const sum = new Checksum(head);
  const buffer = new Uint8Array(Math.min(PIECE, size - head.length));
  for (let at = head.length; at < size; at += buffer.length) {
    const piece = bytesOf(buffer, 0, Math.min(buffer.length, size - at));
    await readFully(file, piece, at, (end) => becameShorter(path, end));
    sum.add(piece);
  }
  const inPlace = head.subarray(8).indexOf(CHECKSUM_START) === 0;
  if (inPlace && sum.digits === digits) return;
  throw broken(
    path,
    `expected the checksum ${digits} that it names, received ${inPlace ? sum.digits : 'a header in another order'}: it is ` +
      `damaged, or a program changed it that kept its metadata; let that program leave out the key "${CHECKSUM}"`,
  );
}

const becameShorter = (path: string, end: number) =>
  broken(path, `it ends at byte ${end}; it became shorter while being read`);

function broken(path: string, problem: string): CollideError {
  return new CollideError('FILE_FORMAT', `"${path}" is not a whole safetensors file: ${problem}`);
}
