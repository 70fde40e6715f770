/**
 * Files appear whole or not at all: written under a temporary name in the same folder, synced, renamed over the old
 * one, and the folder synced. Whatever fails, the old file is untouched and the temporary one is removed (a killed
 * process may leave a `.collide-*.tmp` behind, which the next one that writes the same file removes).
 */
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { checkText } from '../errors.ts';
import { fileError } from './errors.ts';
import { checkUnprotected, failure, ignore, targetOf } from './target.ts';
import { removeLeftovers, temporaryName } from './temporary.ts';

/** What a file is made of, in order. */
export type FileContent = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Most bytes per system call: one call takes less than 2 GiB, and smaller ones leave room for other work between. */
const PIECE = 2 ** 26;

/**
 * Writes a file so that `path` holds either its old content or all of the new one, also after a crash of the machine.
 * A symbolic link keeps pointing to its file, which is replaced and keeps its permissions; a file without permission to
 * write is not replaced. A device or pipe (`/dev/stdout`) cannot be replaced and is written directly.
 *
 * @param content - text (UTF-8), bytes, or pieces of bytes, which must not be changed until the promise settles
 * @throws CollideError FILE_IO with the path and the cause (full disk, permissions, missing folder, ...); an error that
 * `content` throws while it is read passes through
 * @example
 * ```ts
 * await writeFileAtomic('results.json', JSON.stringify(results));
 * ```
 */
export async function writeFileAtomic(path: string, content: FileContent): Promise<void> {
  checkText(path, 'the path of a file');
  await writeFilesAtomic([{ path, content }]);
}

/**
 * Writes several files: all of them under temporary names first, then renamed one after the other in the order given.
 * Whatever fails while they are written, all old ones are untouched. Only a crash between two renames leaves the first
 * ones new and the others old, each of them whole.
 *
 * @throws CollideError FILE_IO as `writeFileAtomic`
 */
export async function writeFilesAtomic(files: readonly { path: string; content: FileContent }[]): Promise<void> {
  const prepared: Prepared[] = [];
  const naming = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw fileError('write', path, error);
    }
  };
  try {
    for (const { path, content } of files) {
      const file = await naming(path, () => prepare(path, content));
      if (file !== undefined) prepared.push({ ...file, path });
    }
    for (const { path, target, temporary } of prepared) await naming(path, () => rename(temporary, target));
  } catch (error) {
    for (const { temporary } of prepared) await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  for (const { path, target } of prepared) {
    await naming(path, () => syncFolder(dirname(target)));
    await removeLeftovers(target);
  }
}

/** A whole new file under its temporary name. */
interface Prepared {
  path: string;
  target: string;
  temporary: string;
}

/** Undefined for a device or pipe, which is written at once. */
async function prepare(path: string, content: FileContent): Promise<Omit<Prepared, 'path'> | undefined> {
  const old = await stat(path).catch(ignore('ENOENT'));
  if (old?.isDirectory()) throw failure('EISDIR');
  if (old !== undefined && !old.isFile()) {
    await writeDirectly(path, content);
    return undefined;
  }
  const target = await targetOf(path);
  if (old !== undefined) await checkUnprotected(target);
  const temporary = temporaryName(target);
  const file = await open(temporary, 'wx');
  try {
    try {
      if (old !== undefined) await file.chmod(old.mode & 0o777);
      await writeAll(file, content);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  return { target, temporary };
}

async function writeDirectly(path: string, content: FileContent): Promise<void> {
  const file = await open(path, constants.O_WRONLY);
  try {
    await writeAll(file, content);
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, content: FileContent): Promise<void> {
  const chunks =
    typeof content === 'string' ? [Buffer.from(content)] : content instanceof Uint8Array ? [content] : content;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const { bytesWritten } = await file.write(chunk, at, Math.min(PIECE, chunk.length - at));
      at += bytesWritten;
    }
  }
}

/** Makes the rename itself durable. Windows and some network file systems cannot sync a folder and say so. */
async function syncFolder(folder: string): Promise<void> {
  const unsupported = ignore('EINVAL', 'EISDIR', 'ENOTSUP', 'EPERM', 'EACCES');
  const handle = await open(folder, 'r').catch(unsupported);
  if (handle === undefined) return;
  try {
    await handle.sync().catch(unsupported);
  } finally {
    await handle.close();
  }
}
