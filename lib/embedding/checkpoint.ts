/**
 * Everything that training changes in a set of embedding tables, as named tensors, and back. O(bytes); the rows keep
 * their bits, so training goes on from a restored checkpoint as if it had not stopped.
 *
 * - `rows/<table>`, one per internal table: F32, F16 or BF16 [rows, width]; int8 and int4 rows as stored, U8
 *   [rows, bytes per row], each 4 bytes of scale and bias (float16) and then its codes.
 * - `<native optimizer>/<table>`: its state, F32 [rows, values per row]; none for sgd. The native optimizer of the shipped
 *   kinds is that of the same name.
 * - `hash/<table>`: U8 [32], the digest of the hash functions that address it: rows of another mapping are refused.
 * - `counts/<feature>`: U32 [cardinality]; none without countAccesses.
 * - `steps`: I64 []. A checkpoint without it has rows only.
 *
 * Tensors go in and out some rows at a time, so that a file is written and read without a second copy of the tables.
 */
import { CollideError, checkInteger, checkList, checkObject, describe } from '../errors.ts';
import {
  newArray,
  type SafetensorsFile,
  TENSOR_ARRAYS,
  type TensorArray,
  type TensorArrayOf,
  type TensorInput,
  type TensorPieces,
  type TensorType,
} from '../files/index.ts';
import { type NativeEmbedding, type NativeLayout, type NativeRows, type NativeTable, native } from '../native.ts';

/** Tensors by name, as a checkpoint has them. */
export type Tensors = Readonly<Record<string, TensorInput>>;

/** What has to be known of the tables beside their layout. */
export interface Kept {
  native: NativeEmbedding;
  layout: NativeLayout;
  optimizer: string;
  counts: boolean;
  /** Of each internal table, the digest of the hash functions that address it; see mapping_digest.ts. */
  mappings: readonly Uint8Array[];
  /** Whether the tables only serve: their checkpoints have rows alone. */
  serving: boolean;
}

/** One tensor of a checkpoint. `first` counts rows; an array holds some whole ones. */
interface Part {
  name: string;
  dtype: TensorType;
  shape: readonly number[];
  read(first: number, into: TensorArray): void;
  write(first: number, from: TensorArray): void;
  /** Throws for values that `write` would refuse. */
  check?(first: number, from: TensorArray): void;
}

/** Bytes that are copied at once: a few milliseconds of work. */
const PIECE = 2 ** 23;

/** All tensors in memory. @throws CollideError OUT_OF_MEMORY */
export function readCheckpoint(kept: Kept, contents: 'training' | 'rows'): Record<string, TensorInput> {
  const parts = partsOf(kept, contents).map(({ name, dtype, shape, read }): [string, TensorInput] => {
    const data = roomFor(dtype, product(shape), `tensor "${name}" of a checkpoint`);
    read(0, data);
    return [name, { dtype, shape, data }];
  });
  return Object.fromEntries(parts);
}

/** All tensors, to be written piece by piece. */
export function checkpointPieces(kept: Kept, contents: 'training' | 'rows'): Record<string, TensorPieces> {
  const parts = partsOf(kept, contents).map(({ name, dtype, shape, read }): [string, TensorPieces] => {
    const pieces = function* () {
      const row = product(shape.slice(1));
      const rows = product(shape) / row;
      const width = TENSOR_ARRAYS[dtype].BYTES_PER_ELEMENT * row;
      const most = Math.min(rows, Math.max(1, Math.floor(PIECE / width)));
      const array = newArray(dtype, most * row, `a piece of tensor "${name}"`);
      for (let first = 0; first < rows; first += most) {
        const piece = array.subarray(0, Math.min(most, rows - first) * row);
        read(first, piece);
        yield piece;
      }
    };
    return [name, { dtype, shape, pieces }];
  });
  return Object.fromEntries(parts);
}

/** Looks at every tensor before it changes anything. @throws CollideError INVALID_ARGUMENT */
export function writeCheckpoint(kept: Kept, tensors: Tensors): void {
  if (typeof tensors !== 'object' || tensors === null) {
    throw new CollideError('INVALID_ARGUMENT', `Expected the tensors of a checkpoint, received ${describe(tensors)}`);
  }
  const parts = chosenParts(kept, (name) => tensors[name]);
  for (const { name, check } of parts) check?.(0, tensors[name]!.data);
  for (const { name, write } of parts) write(0, tensors[name]!.data);
}

/** As {@link writeCheckpoint}, from a file. @throws CollideError INVALID_ARGUMENT, FILE_IO */
export async function loadCheckpoint(kept: Kept, file: SafetensorsFile): Promise<void> {
  const parts = chosenParts(kept, (name) => file.tensors.get(name));
  const inPieces = async ({ name, shape }: Part, take: Part['write']) => {
    let first = 0;
    for await (const piece of file.pieces(name)) {
      take(first, piece);
      first += piece.length / product(shape.slice(1));
    }
  };
  for (const part of parts) if (part.check !== undefined) await inPieces(part, part.check);
  for (const part of parts) await inPieces(part, part.write);
}

/** A new array, if there is memory for it: the system hands out more than there is and kills whoever touches it. */
export function roomFor<T extends TensorType>(dtype: T, count: number, what: string): TensorArrayOf<T> {
  const bytes = count * TENSOR_ARRAYS[dtype].BYTES_PER_ELEMENT;
  const available = native().availableMemory();
  if (bytes <= available) return newArray(dtype, count, what);
  throw new CollideError(
    'OUT_OF_MEMORY',
    `Could not allocate ${bytes} bytes for ${what}: ${available} bytes of memory are available`,
  );
}

function partsOf(kept: Kept, contents: 'training' | 'rows'): Part[] {
  const rows = kept.layout.tables.flatMap((table, t) => [rowsPart(kept, table, t), mappingPart(kept, table, t)]);
  return contents === 'rows' || kept.serving ? rows : [...rows, ...trainingParts(kept)];
}

function rowsPart({ native }: Kept, table: NativeTable, t: number): Part {
  return {
    name: `rows/${table.name}`,
    ...storedAs(table),
    read: (first, into) => native.readRows(t, first, into as NativeRows),
    write: (first, from) => native.writeRows(t, first, from as NativeRows),
  };
}

/** Is only looked at. */
function mappingPart({ mappings }: Kept, { name }: NativeTable, t: number): Part {
  return {
    name: `hash/${name}`,
    dtype: 'U8',
    shape: [32],
    read: (_, into) => (into as Uint8Array).set(mappings[t]!),
    check: (_, from) => {
      if (Buffer.compare(from as Uint8Array, mappings[t]!) === 0) return;
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected rows of the same hash functions and ids for table "${name}", received those of another mapping`,
      );
    },
    write: () => {},
  };
}

/** float32 rows for a table of any precision, rounded on the way. */
function valuesPart({ native }: Kept, { name, rows, width }: NativeTable, t: number): Part {
  return {
    name: `rows/${name}`,
    dtype: 'F32',
    shape: [rows, width],
    read: (first, into) => native.readWeights(t, first, into as Float32Array),
    check: (first, from) => native.checkWeights(t, first, from as Float32Array),
    write: (first, from) => native.writeWeights(t, first, from as Float32Array),
  };
}

function trainingParts({ native, layout, optimizer, counts }: Kept): Part[] {
  const parts: Part[] = [];
  for (const [t, { name, rows, statePerRow }] of layout.tables.entries()) {
    if (statePerRow === 0) continue;
    parts.push({
      name: `${optimizer}/${name}`,
      dtype: 'F32',
      shape: [rows, statePerRow],
      read: (first, into) => native.readState(t, first, into as Float32Array),
      write: (first, from) => native.writeState(t, first, from as Float32Array),
    });
  }
  for (const [f, { name, cardinality }] of counts ? layout.features.entries() : []) {
    parts.push({
      name: `counts/${name}`,
      dtype: 'U32',
      shape: [cardinality],
      read: (first, into) => native.readCounts(f, first, into as Uint32Array),
      write: (first, from) => native.writeCounts(f, first, from as Uint32Array),
    });
  }
  parts.push({
    name: 'steps',
    dtype: 'I64',
    shape: [],
    read: (_, into) => {
      into[0] = BigInt(native.steps());
    },
    check: (_, from) => checkInteger(Number(from[0]), 0, Number.MAX_SAFE_INTEGER, 'the tensor steps'),
    write: (_, from) => native.setSteps(Number(from[0])),
  });
  return parts;
}

/** The tensor type and shape of a table's stored rows. */
function storedAs({ precision, rows, width, bytesPerRow }: NativeTable): { dtype: TensorType; shape: number[] } {
  if (precision === 'float32') return { dtype: 'F32', shape: [rows, width] };
  if (precision === 'float16') return { dtype: 'F16', shape: [rows, width] };
  if (precision === 'bfloat16') return { dtype: 'BF16', shape: [rows, width] };
  return { dtype: 'U8', shape: [rows, bytesPerRow] };
}

type Found = (name: string) => { dtype?: string; shape: readonly number[]; data?: unknown } | undefined;

/** The parts that a checkpoint has for these tables, each of the type and shape that it must have. */
function chosenParts(kept: Kept, found: Found): Part[] {
  const parts = kept.layout.tables.map((table, t) => {
    const given = found(`rows/${table.name}`);
    const isFloat32 = given?.dtype === 'F32' || given?.data instanceof Float32Array;
    return isFloat32 ? valuesPart(kept, table, t) : rowsPart(kept, table, t);
  });
  for (const [t, table] of kept.layout.tables.entries()) {
    const mapping = mappingPart(kept, table, t);
    if (found(mapping.name) !== undefined) parts.push(mapping); // rows made elsewhere have none
  }
  if (found('steps') !== undefined && !kept.serving) parts.push(...trainingParts(kept));
  for (const part of parts) checkPart(part, found(part.name));
  return parts;
}

function checkPart({ name, dtype, shape }: Part, given: ReturnType<Found>): void {
  if (given !== undefined) {
    checkObject(given, `tensor "${name}"`);
    checkList(given.shape, `the shape of tensor "${name}"`);
  }
  const isShape = shape.length === given?.shape.length && shape.every((extent, d) => extent === given.shape[d]);
  const inMemory = given !== undefined && 'data' in given;
  const data = given?.data as TensorArray | undefined;
  const isData = !inMemory || (data instanceof TENSOR_ARRAYS[dtype] && data.length === product(shape));
  if (isShape && isData && (given.dtype ?? dtype) === dtype) return;
  const received =
    given === undefined
      ? 'none'
      : `${given.dtype ?? ''} [${given.shape.join(', ')}]${inMemory ? ` in ${describe(data)}` : ''}`;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a tensor "${name}" of ${dtype} [${shape.join(', ')}] for embedding tables, received ${received}`,
  );
}

const product = (shape: readonly number[]) => shape.reduce((all, extent) => all * extent, 1);
