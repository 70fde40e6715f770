/** Where a path leads, and whether a file can be written there. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readlink, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileError } from './errors.ts';

/** The file that a path means, through all links; it need not exist, nor need its folder. */
export async function targetOf(path: string): Promise<string> {
  const whole = resolve(path);
  const real = await realpath(whole).catch(ignore('ENOENT'));
  if (real !== undefined) return real;
  const folder = dirname(whole) === whole ? whole : await targetOf(dirname(whole));
  const link = await readlink(whole).catch(ignore('ENOENT', 'EINVAL'));
  return link === undefined ? join(folder, basename(whole)) : targetOf(resolve(folder, link));
}

/**
 * Tells whether `writeFileAtomic` could write a file now: makes an empty temporary one where it would, and removes it.
 *
 * @param makesFolders - whether folders of the path that are missing will be made
 * @throws CollideError FILE_IO with the path and the cause (missing folder, permissions, read-only, a folder)
 */
export async function checkWritable(path: string, makesFolders = false): Promise<void> {
  try {
    const old = await stat(path).catch(ignore('ENOENT'));
    if (old?.isDirectory()) throw failure('EISDIR');
    if (old !== undefined && !old.isFile()) return; // a device or pipe is written as it is
    if (old !== undefined) await checkUnprotected(path);
    let folder = dirname(await targetOf(path));
    while (makesFolders && (await stat(folder).catch(ignore('ENOENT'))) === undefined) folder = dirname(folder);
    const temporary = temporaryIn(folder);
    await (await open(temporary, 'wx')).close();
    await rm(temporary);
  } catch (error) {
    throw fileError('write', path, error);
  }
}

/** A file that may not be written must not be replaced either. Opening it changes nothing. */
export async function checkUnprotected(path: string): Promise<void> {
  await (await open(path, constants.O_WRONLY)).close();
}

/** The path of a new temporary file in a folder. */
export function temporaryIn(folder: string): string {
  return join(folder, `.collide-${process.pid}-${randomBytes(6).toString('hex')}.tmp`);
}

/** As a system call would have failed. */
export function failure(code: 'EISDIR'): Error {
  return Object.assign(new Error(code), { code, syscall: 'open' });
}

/** A catch handler that turns errors of these codes into undefined. */
export function ignore(...codes: string[]): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (!codes.includes(error.code ?? '')) throw error;
  };
}
