import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CollideError } from '../../lib/errors.ts';
import {
  readSafetensors,
  type Tensor,
  type TensorInput,
  type TensorPieces,
  type TensorType,
  withSafetensors,
  writeSafetensors,
} from '../../lib/files/index.ts';
import { temporaryFolder } from './temporary.ts';

const root = temporaryFolder();
const path = join(root, 'file.safetensors');

async function failure(promise: Promise<unknown>): Promise<CollideError> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(CollideError);
  return error as CollideError;
}

/** A file by hand, independent of the writer. */
async function handmade(header: unknown, data: Uint8Array = new Uint8Array(0)): Promise<string> {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await writeFile(path, Buffer.concat([length, text, data]));
  return path;
}

const f32 = (shape: number[], begin: number, end: number) => ({ dtype: 'F32', shape, data_offsets: [begin, end] });

const ARRAYS: [TensorType, (bytes: Uint8Array<ArrayBuffer>) => Tensor['data']][] = [
  ['U8', (b) => b],
  ['BOOL', (b) => b.map((x) => x & 1)],
  ['I8', (b) => new Int8Array(b.buffer)],
  ['F8_E4M3', (b) => b],
  ['F8_E5M2', (b) => b],
  ['U16', (b) => new Uint16Array(b.buffer)],
  ['I16', (b) => new Int16Array(b.buffer)],
  ['F16', (b) => new Uint16Array(b.buffer)],
  ['BF16', (b) => new Uint16Array(b.buffer)],
  ['U32', (b) => new Uint32Array(b.buffer)],
  ['I32', (b) => new Int32Array(b.buffer)],
  ['U64', (b) => new BigUint64Array(b.buffer)],
  ['I64', (b) => new BigInt64Array(b.buffer)],
  ['F32', (b) => new Float32Array(b.buffer)],
  ['F64', (b) => new Float64Array(b.buffer)],
];

const tensor: fc.Arbitrary<Tensor> = fc
  .record({
    type: fc.constantFrom(...ARRAYS),
    shape: fc.array(fc.nat({ max: 4 }), { maxLength: 3 }),
    fill: fc.infiniteStream(fc.nat({ max: 255 })),
  })
  .map(({ type: [dtype, view], shape, fill }) => {
    const count = shape.reduce((product, extent) => product * extent, 1);
    const width = view(new Uint8Array(8)).BYTES_PER_ELEMENT;
    const bytes = Uint8Array.from({ length: count * width }, () => fill.next().value);
    return { dtype, shape, data: view(bytes) };
  });
const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', '0', '"', '\\', '{'));
const name = text.filter((n) => n !== '__metadata__');

const asBuffer = (data: Tensor['data']) => Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
const bytesOf = (data: Tensor['data']) => [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];

describe('round trip', () => {
  it('gives back every tensor bit for bit, and all metadata', async () => {
    const maps = fc.array(fc.tuple(name, tensor), { maxLength: 6 }).map((entries) => Object.fromEntries(entries));
    const texts = fc.array(fc.tuple(text, text), { maxLength: 4 }).map((entries) => Object.fromEntries(entries));
    await fc.assert(
      fc.asyncProperty(maps, texts, async (tensors, metadata) => {
        await writeSafetensors(path, tensors, metadata);
        const file = await readSafetensors(path);
        expect(Object.entries(file.metadata).sort()).toEqual(Object.entries(metadata).sort());
        expect(Object.keys(file.tensors).sort()).toEqual(Object.keys(tensors).sort());
        for (const [key, { dtype, shape, data }] of Object.entries(tensors)) {
          const read = file.tensors[key]!;
          expect([read.dtype, read.shape]).toEqual([dtype, shape]);
          expect(read.data.constructor).toBe(data.constructor);
          expect(bytesOf(read.data)).toEqual(bytesOf(data));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('writes the same bytes whatever the order of tensors and metadata', async () => {
    const a: TensorInput = { shape: [2], data: Float32Array.of(1, 2) };
    const b: TensorInput = { shape: [], data: Float32Array.of(3) };
    await writeSafetensors(path, { a, b }, { x: '1', y: '2' });
    const first = await readFile(path);
    await writeSafetensors(path, { b, a }, { y: '2', x: '1' });
    expect((await readFile(path)).equals(first)).toBe(true);
  });

  it('copies what a view shows, not its whole buffer', async () => {
    const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    await writeSafetensors(path, { view: { shape: [2], data } });
    expect((await readSafetensors(path)).tensors.view!.data).toEqual(Float32Array.of(1, 2));
  });
});

describe('the format', () => {
  it('is what its specification says, byte by byte', async () => {
    const tensors: Record<string, TensorInput> = {
      bytes: { shape: [1, 3], data: Uint8Array.of(1, 2, 3) },
      rows: { shape: [2], data: Float32Array.of(1, -2) },
      flag: { shape: [], data: Uint8Array.of(1), dtype: 'BOOL' },
    };
    await writeSafetensors(path, tensors, { format: 'collide' });
    const file = await readFile(path);
    const length = Number(file.readBigUInt64LE());
    expect(length % 8).toBe(0);
    const header = file.toString('utf8', 8, 8 + length);
    expect(header[0]).toBe('{');
    expect(JSON.parse(header)).toEqual({
      __metadata__: { 'learn-to-collide.crc32': expect.stringMatching(/^[0-9a-f]{8}$/), format: 'collide' },
      rows: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
      bytes: { dtype: 'U8', shape: [1, 3], data_offsets: [8, 11] },
      flag: { dtype: 'BOOL', shape: [], data_offsets: [11, 12] },
    });
    expect([...file.subarray(8 + length)]).toEqual([0, 0, 128, 63, 0, 0, 0, 192, 1, 2, 3, 1]);
  });

  it('aligns every tensor to its element', async () => {
    const tensors: Record<string, TensorInput> = {
      a: { shape: [3], data: new Uint8Array(3) },
      b: { shape: [1], data: new Float64Array(1) },
      c: { shape: [1], data: new Uint16Array(1) },
      d: { shape: [1], data: new Int32Array(1) },
    };
    await writeSafetensors(path, tensors);
    const file = await readFile(path);
    const length = Number(file.readBigUInt64LE());
    const header = JSON.parse(file.toString('utf8', 8, 8 + length));
    for (const [key, width] of Object.entries({ a: 1, b: 8, c: 2, d: 4 })) {
      expect((8 + length + header[key].data_offsets[0]) % width).toBe(0);
    }
  });

  it('reads files of other writers: unpadded, unaligned, in any order, without metadata', async () => {
    const data = new Uint8Array([7, ...new Uint8Array(Float32Array.of(1.5).buffer)]);
    await handmade(
      {
        rows: f32([1], 1, 5),
        none: { dtype: 'U8', shape: [0], data_offsets: [1, 1] },
        tag: { dtype: 'U8', shape: [1], data_offsets: [0, 1] },
      },
      data,
    );
    const { tensors, metadata } = await readSafetensors(path);
    expect(metadata).toEqual({});
    expect(tensors.rows!.data).toEqual(Float32Array.of(1.5));
    expect(tensors.tag!.data).toEqual(Uint8Array.of(7));
    expect(tensors.none!.data).toEqual(new Uint8Array(0));
  });
});

describe('tensors in pieces', () => {
  it('are written as whole ones are, and come back in pieces of whole rows', async () => {
    const data = Float32Array.from({ length: 5_000_000 }, (_, i) => i);
    const shape = [1_000_000, 5];
    await writeSafetensors(path, { rows: { shape, data } });
    const whole = await readFile(path);
    const reused = new Float32Array(1234);
    const pieces = async function* () {
      for (let at = 0; at < data.length; at += reused.length) {
        const part = data.subarray(at, at + reused.length);
        reused.set(part);
        yield reused.subarray(0, part.length);
      }
    };
    await writeSafetensors(path, { rows: { dtype: 'F32', shape, pieces } });
    expect((await readFile(path)).equals(whole)).toBe(true);
    const read = await withSafetensors(path, async (file) => {
      expect(file.tensors.get('rows')).toMatchObject({ dtype: 'F32', shape });
      expect(await failure(file.read('row'))).toMatchObject({ code: 'FILE_FORMAT' });
      let first = 0;
      let count = 0;
      for await (const piece of file.pieces('rows')) {
        expect(piece.length % 5).toBe(0);
        expect(asBuffer(piece).equals(asBuffer(data.subarray(first, first + piece.length)))).toBe(true);
        first += piece.length;
        count++;
      }
      expect(count).toBeGreaterThan(2);
      return first;
    });
    expect(read).toBe(data.length);
  });

  it('may be none, a scalar, or rows longer than a piece', async () => {
    const long = new Uint8Array(20_000_000).fill(7);
    const tensors = {
      none: { shape: [0, 3], data: new Float32Array(0) },
      narrow: { shape: [3, 0], data: new Float32Array(0) },
      one: { shape: [], data: BigInt64Array.of(7n) },
      long: { shape: [2, 10_000_000], data: long },
    };
    await writeSafetensors(path, tensors);
    const lengths = await withSafetensors(path, async (file) => {
      const found: Record<string, number[]> = {};
      for (const name of file.tensors.keys()) {
        found[name] = [];
        for await (const piece of file.pieces(name)) found[name].push(piece.length);
      }
      return found;
    });
    expect(lengths).toEqual({ none: [], narrow: [], one: [1], long: [10_000_000, 10_000_000] });
  });
});

describe('dtypes that have no array here', () => {
  const header = {
    old: { dtype: 'F4', shape: [4], data_offsets: [0, 2] },
    rows: { dtype: 'F32', shape: [1], data_offsets: [2, 6] },
    toString: { dtype: 'toString', shape: [1], data_offsets: [6, 7] },
  };

  it('leave the other tensors readable, and are named when asked for', async () => {
    await handmade(header, Uint8Array.of(1, 2, 0, 0, 128, 63, 9));
    const { tensors, unread } = await readSafetensors(path);
    expect(Object.keys(tensors)).toEqual(['rows']);
    expect(tensors.rows!.data).toEqual(Float32Array.of(1));
    expect({ ...unread }).toEqual({ old: 'F4', toString: 'toString' });
    const error = await failure(withSafetensors(path, (file) => file.read('old')));
    expect(error).toMatchObject({ code: 'FILE_FORMAT', message: expect.stringContaining('received F4') });
  });
});

describe('damaged files', () => {
  const whole = { rows: f32([2], 0, 8) };
  const data = new Uint8Array(8);

  it.each<[string, unknown, Uint8Array, string]>([
    ['a header that is not JSON', '{"rows": ', data, 'not JSON'],
    ['a header that is a list', [], data, 'not a JSON object'],
    ['a header that is null', 'null', data, 'not a JSON object'],
    ['a tensor named twice', '{"a":{"dtype":"U8"},"\\u0061":{"dtype":"U8"}}', data, 'names "a" twice'],
    ['a key given twice', `{"a":{"dtype":"U8","shape" : [8],"shape":[8],"data_offsets":[0,8]}}`, data, '"shape" twice'],
    ['a tensor that is no object', { rows: [1] }, data, '"rows" is not described by an object'],
    ['no dtype', { rows: { shape: [2], data_offsets: [0, 8] } }, data, 'the dtype undefined'],
    ['a dtype that is no text', { rows: { ...whole.rows, dtype: 8 } }, data, 'the dtype 8'],
    ['a small dtype of too many bytes', { rows: { ...whole.rows, dtype: 'F8_E4M3' } }, data, 'takes 2 bytes, but'],
    ['an unknown dtype beyond the file', { rows: { ...f32([4], 0, 9), dtype: 'F4' } }, data, 'not a range within 8'],
    ['a negative shape', { rows: { ...whole.rows, shape: [-2] } }, data, 'the shape [-2]'],
    ['a fractional shape', { rows: { ...whole.rows, shape: [1.5] } }, data, 'the shape [1.5]'],
    ['a shape that overflows', { rows: { ...whole.rows, shape: [2 ** 40, 2 ** 40] } }, data, 'the shape ['],
    ['no shape', { rows: { dtype: 'F32', data_offsets: [0, 8] } }, data, 'the shape undefined'],
    ['a shape that does not fit its bytes', { rows: f32([3], 0, 8) }, data, 'takes 12 bytes, but'],
    ['offsets beyond the file', { rows: f32([4], 0, 16) }, data, 'not a range within 8 bytes of data'],
    ['offsets that go backwards', { rows: f32([2], 8, 0) }, data, 'data_offsets [8,0]'],
    ['negative offsets', { rows: f32([2], -8, 0) }, data, 'data_offsets [-8,0]'],
    ['fractional offsets', { rows: f32([2], 0.5, 8.5) }, data, 'data_offsets [0.5,8.5]'],
    ['three offsets', { rows: { ...whole.rows, data_offsets: [0, 8, 8] } }, data, 'data_offsets [0,8,8]'],
    ['no offsets', { rows: { dtype: 'F32', shape: [2] } }, data, 'data_offsets undefined'],
    [
      'tensors that overlap',
      { a: f32([2], 0, 8), b: f32([1], 4, 8) },
      data,
      '"b" begins at byte 4 of the data and overlaps',
    ],
    ['a hole between tensors', { a: f32([1], 0, 4), b: f32([1], 8, 12) }, new Uint8Array(12), 'leaves a hole'],
    ['a hole at the start', { a: f32([1], 4, 8) }, data, 'leaves a hole'],
    ['bytes after the last tensor', whole, new Uint8Array(9), 'end at byte 8 of the data, which has 9'],
    ['bytes of no tensor', {}, new Uint8Array(1), 'end at byte 0'],
    ['metadata that is not text', { ...whole, __metadata__: { n: 1 } }, data, '__metadata__ is not a map of texts'],
    ['metadata that is a list', { ...whole, __metadata__: [] }, data, '__metadata__ is not a map of texts'],
    ['a BOOL of 2', { b: { dtype: 'BOOL', shape: [1], data_offsets: [0, 1] } }, Uint8Array.of(2), 'other than 0 and 1'],
  ])('refuses %s', async (_, header, bytes, message) => {
    const error = await failure(readSafetensors(await handmade(header, bytes)));
    expect(error.code).toBe('FILE_FORMAT');
    expect(error.message).toContain(path);
    expect(error.message).toContain(message);
  });

  it('refuses a header that is not UTF-8', async () => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(7n);
    await writeFile(path, Buffer.concat([length, Buffer.from('{"'), Buffer.from([0xff]), Buffer.from('":1}')]));
    expect((await failure(readSafetensors(path))).message).toContain('not JSON');
  });

  it.each([100_000_001n, 2n ** 63n, 2n ** 64n - 1n])('refuses a header of %d bytes', async (claimed) => {
    const file = Buffer.alloc(100);
    file.writeBigUInt64LE(claimed);
    await writeFile(path, file);
    expect(await failure(readSafetensors(path))).toMatchObject({
      code: 'FILE_FORMAT',
      message: expect.stringContaining(`claims ${claimed} bytes`),
    });
  });

  it('refuses every truncation of a file', async () => {
    const tensors: Record<string, TensorInput> = {
      a: { shape: [3], data: Float32Array.of(1, 2, 3) },
      b: { shape: [2], data: BigInt64Array.of(4n, 5n) },
    };
    await writeSafetensors(path, tensors, { note: 'x' });
    const size = (await readFile(path)).length;
    for (let length = size - 1; length >= 0; length--) {
      await truncate(path, length);
      expect(await failure(readSafetensors(path)), `${length} bytes`).toMatchObject({ code: 'FILE_FORMAT' });
    }
  });

  it('refuses every file of ours with a changed byte, or reads the same values', async () => {
    const tensors: Record<string, TensorInput> = {
      rows: { shape: [1, 2], data: Float32Array.of(1, 2) },
      flags: { shape: [3], data: Uint8Array.of(1, 0, 1), dtype: 'BOOL' },
    };
    await writeSafetensors(path, tensors, { note: 'x' });
    const whole = await readFile(path);
    const start = whole.indexOf('learn-to-collide.crc32');
    const refused = { code: 'FILE_FORMAT' };
    for (let at = 0; at < whole.length; at++) {
      for (const flip of [1, 0x20, 0x80, 0xff]) {
        const changed = Buffer.from(whole);
        changed[at]! ^= flip;
        await writeFile(path, changed);
        const read = await readSafetensors(path).catch((error: unknown) => error);
        // In the name of the checksum's key, a change makes it the metadata of another program.
        const mayBeRead = at >= start && at < start + 'learn-to-collide.crc32'.length && !(read instanceof Error);
        if (!mayBeRead) expect(read, `byte ${at} ^ ${flip}`).toMatchObject(refused);
        else expect(read).toMatchObject({ tensors, metadata: { note: 'x' } });
      }
    }
  });

  it('refuses any few changes of a file of ours, or does not take it for one', async () => {
    const format = 'learn-to-collide x';
    await writeSafetensors(path, { rows: { shape: [20], data: new Float32Array(20) } }, { format });
    const whole = await readFile(path);
    const changes = fc.array(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(changes, async (flips) => {
        const changed = Buffer.from(whole);
        for (const [at, flip] of flips) changed[at]! ^= flip;
        fc.pre(!changed.equals(whole));
        await writeFile(path, changed);
        const read = await readSafetensors(path).catch((error: unknown) => error);
        if (read instanceof Error) expect(read).toMatchObject({ code: 'FILE_FORMAT' });
        else expect(read).not.toMatchObject({ metadata: { format } });
      }),
      { numRuns: 300 },
    );
  });

  it('says what was expected, what came, and what to do', async () => {
    await writeSafetensors(path, { rows: { shape: [2], data: Float32Array.of(1, 2) } });
    const whole = await readFile(path);
    const digits = /crc32":"([0-9a-f]{8})/.exec(whole.toString('latin1'))![1]!;
    whole[whole.length - 1]! ^= 1;
    await writeFile(path, whole);
    const received = crc32(Buffer.from(whole.toString('latin1').replace(digits, '00000000'), 'latin1'));
    const { message } = await failure(readSafetensors(path));
    expect(message).toBe(
      `"${path}" is not a whole safetensors file: expected the checksum ${digits} that it names, received ` +
        `${received.toString(16).padStart(8, '0')}: it is damaged, or a program changed it that kept its metadata; ` +
        'let that program leave out the key "learn-to-collide.crc32"',
    );
    const older = { __metadata__: { format: 'learn-to-collide teacher 1' } };
    expect((await failure(readSafetensors(await handmade(older)))).message).toContain(
      'expected a checksum in a file of format "learn-to-collide teacher 1", received none',
    );
    const moved = { __metadata__: { format: 'x', 'learn-to-collide.crc32': '00000000' } };
    expect((await failure(readSafetensors(await handmade(moved)))).message).toContain('a header in another order');
  });

  it('reports a missing file and a folder', async () => {
    const missing = join(root, 'missing.safetensors');
    expect(await failure(readSafetensors(missing))).toMatchObject({
      code: 'FILE_IO',
      message: `Could not read "${missing}": no such file or folder (ENOENT)`,
      cause: { code: 'ENOENT' },
    });
    expect(await failure(readSafetensors(root))).toMatchObject({ code: 'FILE_IO', cause: { code: 'EISDIR' } });
  });
});

describe('bad tensors', () => {
  it.each<[string, string, unknown, string]>([
    ['too few elements', 'a', { shape: [3], data: new Float32Array(2) }, '3 elements (shape [3])'],
    ['a fractional shape', 'a', { shape: [0.5], data: new Float32Array(2) }, 'a shape of whole numbers'],
    ['no shape', 'a', { data: new Float32Array(2) }, 'a shape of whole numbers'],
    ['a plain array', 'a', { shape: [2], data: [1, 2] }, 'received an array of length 2'],
    ['an unsupported type', 'a', { shape: [2], data: new Uint8ClampedArray(2) }, 'received Uint8ClampedArray'],
    ['another dtype', 'a', { shape: [2], data: new Uint8Array(2), dtype: 'F32' }, 'data of dtype F32'],
    ['an unknown dtype', 'a', { shape: [2], data: new Uint8Array(2), dtype: 'F8' }, 'data of dtype F8'],
    ['the name of the metadata', '__metadata__', { shape: [1], data: new Uint8Array(1) }, 'another name'],
  ])('refuses %s', async (_, key, value, message) => {
    const target = join(root, 'never.safetensors');
    const error = await failure(writeSafetensors(target, { [key]: value as TensorInput }));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toContain(`"${key}"`);
    expect(error.message).toContain(message);
    expect(await failure(readSafetensors(target))).toMatchObject({ cause: { code: 'ENOENT' } });
  });

  it('refuses pieces that are too few, too many or of no known type', async () => {
    const target = join(root, 'pieces.safetensors');
    for (const [dtype, lengths, message] of [
      ['F32', [2, 1], 'Expected 16 bytes in the pieces of tensor "a", received 12'],
      ['F32', [4, 1], 'Expected 16 bytes in the pieces of tensor "a", received 20'],
      ['F4', [4], 'a dtype among'],
    ] as const) {
      const a = { dtype, shape: [4], pieces: () => lengths.map((length) => new Float32Array(length)) } as TensorPieces;
      expect((await failure(writeSafetensors(target, { a }))).message).toContain(message);
    }
    expect(await failure(readSafetensors(target))).toMatchObject({ cause: { code: 'ENOENT' } });
  });

  it('refuses metadata that is not text or would be the checksum', async () => {
    const taken = { 'learn-to-collide.crc32': '00000000' };
    expect((await failure(writeSafetensors(path, {}, taken))).message).toContain('Expected another key');
    const numbers = { n: 1 } as unknown as Record<string, string>;
    expect((await failure(writeSafetensors(path, {}, numbers))).message).toContain('text for metadata "n"');
  });

  it('refuses a tensor that is changed while being written, and keeps the old file', async () => {
    const target = join(root, 'changed.safetensors');
    await writeSafetensors(target, { old: { shape: [1], data: Float32Array.of(1) } });
    const data = new Float32Array(1000);
    const pieces = function* () {
      yield data;
      data[999]! += 1; // what comes after the pieces were looked at for the first time
    };
    expect(await failure(writeSafetensors(target, { new: { dtype: 'F32', shape: [1000], pieces } }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('changed meanwhile'),
    });
    expect(Object.keys((await readSafetensors(target)).tensors)).toEqual(['old']);
  });

  it('refuses a buffer that is transferred while being written, and keeps the old file', async () => {
    const target = join(root, 'transferred.safetensors');
    await writeSafetensors(target, { old: { shape: [1], data: Float32Array.of(1) } });
    const data = new Float32Array(1000);
    const written = writeSafetensors(target, { new: { shape: [1000], data } });
    structuredClone(data.buffer, { transfer: [data.buffer] });
    expect(await failure(written)).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(Object.keys((await readSafetensors(target)).tensors)).toEqual(['old']);
  });
});
