/**
 * Everything that training changes in a set of embedding tables, as named tensors, and back. O(bytes); the rows keep
 * their bits, so training goes on from a restored checkpoint as if it had not stopped.
 *
 * - `rows/<table>`, one per internal table: F32, F16 or BF16 [rows, width]; int8 and int4 rows as stored, U8
 *   [rows, bytes per row], each 4 bytes of scale and bias (float16) and then its codes.
 * - `<optimizer kind>/<table>`: its state, F32 [rows, values per row]; none for sgd.
 * - `counts/<feature>`: U32 [cardinality]; none without countAccesses.
 * - `steps`: I64 []. A checkpoint without it has rows only.
 */
import { CollideError, checkInteger, describe } from '../errors.ts';
import type { TensorInput, TensorType } from '../files/index.ts';
import type { NativeEmbedding, NativeLayout, NativeRows, NativeTable } from '../native.ts';

export type Tensors = Readonly<Record<string, TensorInput>>;

/** What has to be known of the tables beside their layout. */
export interface Kept {
  native: NativeEmbedding;
  layout: NativeLayout;
  optimizer: string;
  counts: boolean;
}

export function readCheckpoint({ native, layout, optimizer, counts }: Kept, contents: 'training' | 'rows') {
  const tensors: Record<string, TensorInput> = {};
  for (const [t, table] of layout.tables.entries()) {
    const { dtype, shape } = storedAs(table);
    tensors[`rows/${table.name}`] = { dtype, shape, data: native.readRows(t) };
  }
  if (contents === 'rows') return tensors;
  for (const [t, { name, rows, statePerRow }] of layout.tables.entries()) {
    if (statePerRow > 0) tensors[`${optimizer}/${name}`] = { shape: [rows, statePerRow], data: native.readState(t) };
  }
  if (counts) {
    for (const [f, { name, cardinality }] of layout.features.entries()) {
      tensors[`counts/${name}`] = { shape: [cardinality], data: native.readCounts(f) };
    }
  }
  tensors.steps = { shape: [], data: BigInt64Array.of(BigInt(native.steps())) };
  return tensors;
}

/** Looks at every tensor before it changes anything. @throws CollideError INVALID_ARGUMENT */
export function writeCheckpoint({ native, layout, optimizer, counts }: Kept, tensors: Tensors): void {
  if (typeof tensors !== 'object' || tensors === null) {
    throw new CollideError('INVALID_ARGUMENT', `Expected the tensors of a checkpoint, received ${describe(tensors)}`);
  }
  const writes: (() => void)[] = [];
  for (const [t, table] of layout.tables.entries()) {
    const name = `rows/${table.name}`;
    if (tensors[name]?.data instanceof Float32Array) {
      const values = take(tensors, name, Float32Array, 'F32', [table.rows, table.width]);
      writes.push(() => native.writeWeights(t, values)); // rounded to the table's precision
    } else {
      const { dtype, type, shape } = storedAs(table);
      const rows: NativeRows = take<NativeRows>(tensors, name, type, dtype, shape);
      writes.push(() => native.writeRows(t, rows));
    }
  }
  if (tensors.steps !== undefined) {
    for (const [t, { name, rows, statePerRow }] of layout.tables.entries()) {
      if (statePerRow === 0) continue;
      const state = take(tensors, `${optimizer}/${name}`, Float32Array, 'F32', [rows, statePerRow]);
      writes.push(() => native.writeState(t, state));
    }
    if (counts) {
      for (const [f, { name, cardinality }] of layout.features.entries()) {
        const values = take(tensors, `counts/${name}`, Uint32Array, 'U32', [cardinality]);
        writes.push(() => native.writeCounts(f, values));
      }
    }
    const steps = Number(take(tensors, 'steps', BigInt64Array, 'I64', [])[0]);
    checkInteger(steps, 0, Number.MAX_SAFE_INTEGER, 'the tensor steps');
    writes.push(() => native.setSteps(steps));
  }
  for (const write of writes) write();
}

/** The tensor type and shape of a table's stored rows. */
function storedAs({ precision, rows, width, bytesPerRow }: NativeTable) {
  if (precision === 'float32') return { dtype: 'F32', type: Float32Array, shape: [rows, width] } as const;
  if (precision === 'float16') return { dtype: 'F16', type: Uint16Array, shape: [rows, width] } as const;
  if (precision === 'bfloat16') return { dtype: 'BF16', type: Uint16Array, shape: [rows, width] } as const;
  return { dtype: 'U8', type: Uint8Array, shape: [rows, bytesPerRow] } as const;
}

function take<T extends TensorInput['data']>(
  tensors: Tensors,
  name: string,
  type: new () => T,
  dtype: TensorType,
  shape: readonly number[],
): T {
  const tensor = tensors[name];
  const fits = shape.length === tensor?.shape.length && shape.every((extent, d) => extent === tensor.shape[d]);
  const { data } = tensor ?? {};
  const length = shape.reduce((product, extent) => product * extent, 1);
  if (fits && (tensor.dtype ?? dtype) === dtype && data instanceof type && data.length === length) return data;
  const received =
    tensor === undefined ? 'none' : `${tensor.dtype ?? ''} [${tensor.shape.join(', ')}] in ${describe(data)}`;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a tensor "${name}" of ${dtype} [${shape.join(', ')}] for embedding tables, received ${received}`,
  );
}
