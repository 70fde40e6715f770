/** Tensors of more bytes than an array of Node 20 has (2^32), written and read in pieces. Needs 4.3 GB of disk. */
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { readSafetensors, withSafetensors, writeSafetensors } from '../../lib/files/index.ts';
import { temporaryFolder } from '../files/temporary.ts';

const path = join(temporaryFolder(), 'large.safetensors');
afterEach(() => rm(path, { force: true }));

it('a tensor above 4 GiB comes back whole, with its neighbours', async () => {
  const width = 2 ** 16;
  const rows = 2 ** 16 + 1;
  const rowsAtOnce = 127;
  const byteOf = (row: number) => (row * 31) % 251;
  const piece = new Uint8Array(rowsAtOnce * width);
  const pieces = function* () {
    for (let first = 0; first < rows; first += rowsAtOnce) {
      const count = Math.min(rowsAtOnce, rows - first);
      for (let row = 0; row < count; row++) piece.fill(byteOf(first + row), row * width, (row + 1) * width);
      yield piece.subarray(0, count * width);
    }
  };
  const small = { shape: [3], data: Float32Array.of(1, 2, 3) };
  await writeSafetensors(path, {
    before: small,
    large: { dtype: 'U8', shape: [rows, width], pieces },
    'later by name': { shape: [2], data: Uint8Array.of(8, 9) },
  });
  expect((await stat(path)).size).toBeGreaterThan(2 ** 32 + width);
  await withSafetensors(path, async (file) => {
    expect((await file.read('before')).data).toEqual(small.data);
    expect((await file.read('later by name')).data).toEqual(Uint8Array.of(8, 9));
    let row = 0;
    let wrong = 0;
    for await (const part of file.pieces('large')) {
      for (let at = 0; at < part.length; at += width, row++) {
        if (part[at] !== byteOf(row) || part[at + width - 1] !== byteOf(row)) wrong++;
      }
    }
    expect([row, wrong]).toEqual([rows, 0]);
  });
  if (!process.version.startsWith('v20.')) return;
  await expect(readSafetensors(path)).rejects.toMatchObject({
    code: 'OUT_OF_MEMORY',
    message: expect.stringContaining(`may not have arrays of ${rows * width} elements`),
  });
});
