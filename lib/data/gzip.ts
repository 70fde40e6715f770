/** Gzip files as DuckDB needs them: checked to their end, and without the zero bytes that some tools append. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, gunzipSync } from 'node:zlib';
import { CollideError } from '../errors.ts';
import type { Engine } from './engine.ts';

/**
 * Reads the file to its end. Gives its path, or that of an unpacked copy (in the engine's temporary folder) of a file
 * with zero bytes behind its data: they are legal padding, which DuckDB refuses.
 *
 * @param number - tells files of one name apart
 * @throws CollideError DATA_SOURCE (not gzip, damaged or cut off), ABORTED
 */
export async function checkGzip(engine: Engine, file: string, number: number): Promise<string> {
  try {
    await unpack(engine, file, nowhere());
  } catch (cause) {
    engine.checkAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CollideError('DATA_SOURCE', `The gzip file ${file} is damaged or cut off: ${why}`, { cause });
  }
  if (!(await isPadded(engine, file))) return file;
  const folder = join(engine.temporary, String(number));
  await mkdir(folder, { recursive: true });
  const copy = join(folder, basename(file).replace(/\.gz$/i, ''));
  await unpack(engine, file, createWriteStream(copy));
  return copy;
}

/** A file that ends in a zero byte and is whole without it has more at its end than its data. */
async function isPadded(engine: Engine, file: string): Promise<boolean> {
  const handle = await open(file);
  const { size } = await handle.stat();
  const { buffer } = await handle.read(Buffer.alloc(1, 1), 0, 1, size - 1).finally(() => handle.close());
  if (buffer[0] !== 0) return false;
  try {
    await unpack(engine, file, nowhere(), size - 2);
    return true;
  } catch {
    engine.checkAborted();
    return false;
  }
}

async function unpack(engine: Engine, file: string, to: Writable, end = Number.POSITIVE_INFINITY): Promise<void> {
  const bytes = createReadStream(file, { highWaterMark: 1 << 20, end });
  await pipeline(bytes, createGunzip({ chunkSize: 1 << 20 }), to, { signal: engine.signal });
}

function nowhere(): Writable {
  return new Writable({
    write(_chunk, _encoding, done) {
      done();
    },
  });
}

/** The first bytes of a file. */
export async function head(file: string, bytes: number): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** The first bytes of a text file, unpacked. */
export async function textHead(file: string): Promise<Buffer> {
  const bytes = await head(file, 1 << 16);
  if (!/\.gz$/i.test(file)) return bytes;
  return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, 1 << 16);
}
