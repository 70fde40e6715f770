/** Folders to write into. */
import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileError } from './errors.ts';

/**
 * Makes a folder and those above it, where they are not there, and writes into it. When `write` fails, those that were
 * made and are still empty are removed.
 *
 * @throws CollideError FILE_IO, and what `write` throws
 */
export async function inFolder<T>(path: string, write: () => Promise<T>): Promise<T> {
  let first: string | undefined;
  try {
    first = await mkdir(path, { recursive: true });
  } catch (cause) {
    throw fileError('write', path, cause);
  }
  try {
    return await write();
  } catch (error) {
    if (first !== undefined) await removeEmpty(resolve(path), resolve(first)).catch(() => {});
    throw error;
  }
}

/** From `path` up to `first`, as long as they are empty. */
async function removeEmpty(path: string, first: string): Promise<void> {
  await rmdir(path);
  if (path !== first) await removeEmpty(dirname(path), first);
}
