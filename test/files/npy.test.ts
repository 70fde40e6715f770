import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readNpy, type TensorType, writeNpy } from '../../lib/files/index.ts';
import { temporaryFolder } from './temporary.ts';

const root = temporaryFolder();
const path = join(root, 'file.npy');

/** A file by hand, independent of the writer. */
async function handmade(header: string, data: Uint8Array = new Uint8Array(0), version = [1, 0]): Promise<string> {
  const length = version[0] === 1 ? Buffer.alloc(2) : Buffer.alloc(4);
  if (version[0] === 1) length.writeUInt16LE(header.length);
  else length.writeUInt32LE(header.length);
  await writeFile(
    path,
    Buffer.concat([Buffer.from([0x93]), Buffer.from('NUMPY'), Buffer.from(version), length, Buffer.from(header), data]),
  );
  return path;
}
const header = (descr: string, shape: string, order = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
const broken = (message: string) => ({ code: 'FILE_FORMAT', message: expect.stringContaining(message) });

describe('npy', () => {
  it('comes back as it was written, every type', async () => {
    const arrays = fc.record({
      type: fc.constantFrom(
        Uint8Array,
        Int8Array,
        Uint16Array,
        Int16Array,
        Uint32Array,
        Int32Array,
        BigUint64Array,
        BigInt64Array,
        Float32Array,
        Float64Array,
      ),
      shape: fc.array(fc.nat({ max: 4 }), { maxLength: 3 }),
      fill: fc.infiniteStream(fc.nat({ max: 255 })),
    });
    await fc.assert(
      fc.asyncProperty(arrays, async ({ type, shape, fill }) => {
        const count = shape.reduce((product, extent) => product * extent, 1);
        const bytes = Uint8Array.from({ length: count * type.BYTES_PER_ELEMENT }, () => fill.next().value);
        const data = new type(bytes.buffer);
        await writeNpy(path, data, shape);
        const read = await readNpy(path);
        expect(read.shape).toEqual(shape);
        expect(read.data.constructor).toBe(type);
        expect(new Uint8Array(read.data.buffer)).toEqual(bytes);
        expect((await readFile(path)).length % 64).toBe(bytes.length % 64);
      }),
      { numRuns: 100 },
    );
  });

  it('writes what NumPy reads: the bytes of version 1.0', async () => {
    await writeNpy(path, Int32Array.of(1, -2), [2]);
    const text = "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }";
    const expected = Buffer.concat([
      Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]),
      Buffer.from(`${text.padEnd(117)}\n`),
      Buffer.from([1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff]),
    ]);
    expect(await readFile(path)).toEqual(expected);
  });

  it('reads versions 2.0 and 3.0, other spacing and order, scalars and column-major vectors', async () => {
    const eight = Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0);
    for (const version of [
      [2, 0],
      [3, 0],
    ]) {
      expect(await readNpy(await handmade(header('<u4', '(2,)'), eight, version))).toEqual({
        dtype: 'U32',
        shape: [2],
        data: Uint32Array.of(1, 2),
      });
    }
    const other = "{'shape':(1,2) , 'fortran_order' :False,'descr':'<u4'}   ";
    expect((await readNpy(await handmade(other, eight))).shape).toEqual([1, 2]);
    expect((await readNpy(await handmade(header('<i8', '()'), eight))).shape).toEqual([]);
    expect((await readNpy(await handmade(header('<u4', '(2,)', 'True'), eight))).shape).toEqual([2]);
  });

  it('reads both byte orders of every type', async () => {
    const view = new DataView(new ArrayBuffer(8));
    const cases: [string, TensorType, (little: boolean) => void, number | bigint][] = [
      ['i1', 'I8', () => view.setInt8(0, -3), -3],
      ['u1', 'U8', () => view.setUint8(0, 200), 200],
      ['u2', 'U16', (little) => view.setUint16(0, 60_000, little), 60_000],
      ['i2', 'I16', (little) => view.setInt16(0, -30_000, little), -30_000],
      ['f2', 'F16', (little) => view.setUint16(0, 0x3c00, little), 0x3c00],
      ['u4', 'U32', (little) => view.setUint32(0, 4e9, little), 4e9],
      ['i4', 'I32', (little) => view.setInt32(0, -2e9, little), -2e9],
      ['u8', 'U64', (little) => view.setBigUint64(0, 2n ** 64n - 2n, little), 2n ** 64n - 2n],
      ['i8', 'I64', (little) => view.setBigInt64(0, -(2n ** 63n), little), -(2n ** 63n)],
      ['f4', 'F32', (little) => view.setFloat32(0, 1.5, little), 1.5],
      ['f8', 'F64', (little) => view.setFloat64(0, 0.1, little), 0.1],
    ];
    for (const [name, dtype, set, value] of cases) {
      for (const order of ['<', '>', '=', ...(name.endsWith('1') ? ['|'] : [])]) {
        set(order !== '>');
        const bytes = new Uint8Array(view.buffer.slice(0, Number(name[1])));
        const read = await readNpy(await handmade(header(order + name, '(1,)'), bytes));
        expect([order, name, read.dtype, read.data[0]]).toEqual([order, name, dtype, value]);
      }
    }
  });

  it.each([
    ['take 8 bytes, but 4 follow', header('<u4', '(2,)'), new Uint8Array(4)],
    ['take 8 bytes, but 9 follow', header('<u4', '(2,)'), new Uint8Array(9)],
    ["its type is '|f4'", header('|f4', '(1,)'), new Uint8Array(4)],
    ["its type is '<U4'", header('<U4', '(1,)'), new Uint8Array(16)],
    ["its type is '<c8'", header('<c8', '(1,)'), new Uint8Array(8)],
    ["its type is '|O'", header('|O', '(1,)'), new Uint8Array(8)],
    ['ascontiguousarray', header('<f4', '(1, 1)', 'True'), new Uint8Array(4)],
    ['its shape', header('<f4', '(1)'), new Uint8Array(4)],
    ['its shape', header('<f4', '(1,,1)'), new Uint8Array(4)],
    ['its shape', header('<f4', '(99999999999999999999,)'), new Uint8Array(4)],
    ['its header', header('<f4', '(-1,)'), new Uint8Array(4)],
    ['its header', header('<f4', '(1,)', '1'), new Uint8Array(4)],
    ['its header', "{'descr': '<f4', 'shape': (1,), }", new Uint8Array(4)],
    ['its header', "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", new Uint8Array(4)],
    ['its header', "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'extra': 1}", new Uint8Array(4)],
    ['its header', '', new Uint8Array(4)],
    ['boolean', header('|b1', '(1,)'), Uint8Array.of(2)],
  ])('refuses a damaged file: %s', async (message, text, data) => {
    await expect(readNpy(await handmade(text, data))).rejects.toMatchObject(broken(message));
  });

  it('refuses other files and any shorter one', async () => {
    await writeNpy(path, Float32Array.of(1, 2, 3), [3]);
    const { length } = await readFile(path);
    for (let size = length - 1; size >= 0; size -= 5) {
      await truncate(path, size);
      await expect(readNpy(path)).rejects.toMatchObject({ code: 'FILE_FORMAT' });
    }
    await writeFile(path, 'id,row\n1,2\n');
    await expect(readNpy(path)).rejects.toMatchObject(broken('does not begin'));
    await expect(readNpy(await handmade(header('<f4', '(0,)'), new Uint8Array(0), [4, 0]))).rejects.toMatchObject(
      broken('4.0'),
    );
    await expect(readNpy(join(root, 'none.npy'))).rejects.toMatchObject({ code: 'FILE_IO' });
  });

  it('refuses data that does not fit its shape', async () => {
    await expect(writeNpy(path, Float32Array.of(1), [2])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(writeNpy(path, [1] as never, [1])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
