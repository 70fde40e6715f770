/** Folders to write into. */
import { mkdir } from 'node:fs/promises';
import { fileError } from './atomic.ts';

/** Makes a folder and those above it, where they are not there. @throws CollideError FILE_IO */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw fileError('write', path, cause);
  }
}
