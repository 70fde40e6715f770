import { existsSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CollideError } from '../../lib/errors.ts';
import { fileError, writeFileAtomic } from '../../lib/files/index.ts';
import { temporaryFolder, tinyDisk } from './temporary.ts';

const root = temporaryFolder();
const disk = tinyDisk(root, 64);
let folders = 0;

async function folder(): Promise<string> {
  const path = join(root, `case-${folders++}`);
  await mkdir(path);
  return path;
}

async function failure(promise: Promise<unknown>): Promise<CollideError> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(CollideError);
  return error as CollideError;
}

describe('writeFileAtomic', () => {
  it('writes text, bytes and pieces', async () => {
    const where = await folder();
    const path = join(where, 'file');
    await writeFileAtomic(path, 'größer');
    expect(await readFile(path, 'utf8')).toBe('größer');
    await writeFileAtomic(path, Uint8Array.of(1, 2, 3));
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
    await writeFileAtomic(path, [Uint8Array.of(4), new Uint8Array(0), Uint8Array.of(5, 6)]);
    expect([...(await readFile(path))]).toEqual([4, 5, 6]);
    const pieces = async function* () {
      yield Uint8Array.of(7);
      yield Uint8Array.of(8, 9);
    };
    await writeFileAtomic(path, pieces());
    expect([...(await readFile(path))]).toEqual([7, 8, 9]);
    await writeFileAtomic(path, '');
    expect((await stat(path)).size).toBe(0);
    expect(await readdir(where)).toEqual(['file']);
  });

  it('takes names at the limit of their length', async () => {
    const where = await folder();
    const name = 'x'.repeat(255);
    await writeFileAtomic(join(where, name), 'content');
    expect(await readdir(where)).toEqual([name]);
  });

  it('replaces the file behind a link and keeps its permissions', async () => {
    const where = await folder();
    const file = join(where, 'file');
    const link = join(where, 'link');
    await writeFile(file, 'old');
    await chmod(file, 0o640);
    await symlink(file, link);
    await writeFileAtomic(link, 'new');
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readFile(file, 'utf8')).toBe('new');
    expect((await stat(file)).mode & 0o777).toBe(0o640);
  });

  it('shows readers the old content or the new, never a part', async () => {
    const path = join(await folder(), 'file');
    await writeFile(path, 'old content');
    const seen: string[] = [];
    const watched = async function* () {
      yield Buffer.from('new ');
      seen.push(await readFile(path, 'utf8'));
      yield Buffer.from('content');
      seen.push(await readFile(path, 'utf8'));
    };
    await writeFileAtomic(path, watched());
    expect(seen).toEqual(['old content', 'old content']);
    expect(await readFile(path, 'utf8')).toBe('new content');
  });

  it('survives many writers of one file: it ends as one of theirs', async () => {
    const where = await folder();
    const path = join(where, 'file');
    const contents = Array.from({ length: 20 }, (_, i) => String(i).repeat(1000 + i));
    await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
    expect(contents).toContain(await readFile(path, 'utf8'));
    expect(await readdir(where)).toEqual(['file']);
  });

  it('keeps the old file and leaves nothing behind when the content cannot be made', async () => {
    const where = await folder();
    const path = join(where, 'file');
    await writeFile(path, 'old');
    const stopped = new CollideError('ABORTED', 'stopped');
    const pieces = function* () {
      yield Buffer.from('half');
      throw stopped;
    };
    expect(await failure(writeFileAtomic(path, pieces()))).toBe(stopped);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(where)).toEqual(['file']);
  });

  it('names a missing folder', async () => {
    const path = join(await folder(), 'missing', 'file');
    const error = await failure(writeFileAtomic(path, 'content'));
    expect(error).toMatchObject({ code: 'FILE_IO', cause: { code: 'ENOENT' } });
    expect(error.message).toBe(`Could not write "${path}": no such file or folder (ENOENT)`);
  });

  it('refuses a folder', async () => {
    const where = await folder();
    const error = await failure(writeFileAtomic(where, 'content'));
    expect(error).toMatchObject({ code: 'FILE_IO', message: expect.stringContaining('it is a folder (EISDIR)') });
    expect(await readdir(where)).toEqual([]);
  });

  it('refuses a path through a file', async () => {
    const path = join(await folder(), 'file');
    await writeFile(path, 'old');
    const error = await failure(writeFileAtomic(join(path, 'below'), 'content'));
    expect(error).toMatchObject({ code: 'FILE_IO', cause: { code: 'ENOTDIR' } });
  });

  it.skipIf(process.getuid?.() === 0)('names missing permissions (not as root, who has them all)', async () => {
    const where = await folder();
    await chmod(where, 0o500);
    const error = await failure(writeFileAtomic(join(where, 'file'), 'content'));
    expect(error).toMatchObject({ code: 'FILE_IO', cause: { code: 'EACCES' } });
  });

  it.skipIf(!existsSync('/dev/full'))('reports a full device, and never replaces a device', async () => {
    const error = await failure(writeFileAtomic('/dev/full', 'content'));
    expect(error).toMatchObject({ code: 'FILE_IO', cause: { code: 'ENOSPC' } });
    expect(error.message).toBe('Could not write "/dev/full": no space left on the disk (ENOSPC)');
    await writeFileAtomic('/dev/null', 'content');
    expect((await lstat('/dev/null')).isCharacterDevice()).toBe(true);
    expect((await lstat('/dev/full')).isCharacterDevice()).toBe(true);
  });

  it.skipIf(disk === undefined)('keeps the old file on a full disk (needs the right to mount one)', async () => {
    const path = join(disk!, 'file');
    await writeFileAtomic(path, 'old');
    const error = await failure(writeFileAtomic(path, new Uint8Array(1 << 20)));
    expect(error).toMatchObject({ code: 'FILE_IO', cause: { code: 'ENOSPC' } });
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(disk!)).toEqual(['file']);
    await writeFileAtomic(path, 'there is room again');
    expect(await readFile(path, 'utf8')).toBe('there is room again');
  });
});

describe('fileError', () => {
  it('leaves errors alone that are not of a system call', () => {
    const mistake = new TypeError('not a function');
    expect(fileError('read', 'file', mistake)).toBe(mistake);
    expect(fileError('read', 'file', undefined)).toBe(undefined);
  });
});
