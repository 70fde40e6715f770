import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  chmod,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { CollideError } from '../../lib/errors.ts';
import {
  type FileContent,
  fileError,
  inFolder,
  writeFileAtomic,
  writeFilesAtomic,
  writeSafetensors,
} from '../../lib/files/index.ts';
import { temporaryName } from '../../lib/files/temporary.ts';
import { asUser, temporaryFolder, tinyDisk } from './temporary.ts';

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

  it('removes what a process that is no more left of the same file, and nothing else', async () => {
    const where = await folder();
    const path = join(where, 'file');
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const leftOf = (target: string, writer: number) => temporaryName(target).replace(/-\d+-/, `-${writer}-`);
    const ofOthers = [leftOf(join(where, 'other'), dead), leftOf(path, process.ppid), temporaryName(path)];
    const left = [leftOf(path, dead), leftOf(path, dead), temporaryName(path)];
    for (const name of [...left, ...ofOthers]) await writeFile(name, 'half');
    await utimes(left[2]!, 1, 1); // from before this process: of an earlier one with its number
    await writeFileAtomic(path, 'whole');
    expect((await readdir(where)).sort()).toEqual([...ofOthers.map((name) => basename(name)), 'file'].sort());
  });

  it('writes several files, all or none while they are made', async () => {
    const where = await folder();
    const [a, b] = [join(where, 'a'), join(where, 'b')];
    await writeFile(a, 'old');
    const stopped = new CollideError('ABORTED', 'stopped');
    const broken = function* () {
      yield Buffer.from('half');
      throw stopped;
    };
    const files = (content: FileContent) => [
      { path: a, content: 'new a' },
      { path: b, content },
    ];
    expect(await failure(writeFilesAtomic(files(broken())))).toBe(stopped);
    expect([await readdir(where), await readFile(a, 'utf8')]).toEqual([['a'], 'old']);
    const missing = await failure(writeFilesAtomic([...files('b'), { path: join(where, 'no', 'c'), content: 'c' }]));
    expect(missing.message).toContain('no/c');
    expect([await readdir(where), await readFile(a, 'utf8')]).toEqual([['a'], 'old']);
    await writeFilesAtomic(files('new b'));
    expect([await readFile(a, 'utf8'), await readFile(b, 'utf8')]).toEqual(['new a', 'new b']);
    expect(await readdir(where)).toEqual(['a', 'b']);
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

  it('names missing permissions, and does not replace a file that is protected', async () => {
    const where = await folder();
    const path = join(where, 'file');
    await writeFile(path, 'old');
    for (const parent of [root, where]) await chmod(parent, 0o755);
    await chmod(path, 0o666);
    const denied = {
      code: 'FILE_IO',
      cause: { code: 'EACCES' },
      message: expect.stringContaining('permission denied'),
    };
    await chmod(where, 0o555);
    for (const name of ['file', 'other']) {
      expect(await asUser(() => failure(writeFileAtomic(join(where, name), 'content')))).toMatchObject(denied);
    }
    await chmod(where, 0o777);
    await chmod(path, 0o444);
    expect(await asUser(() => failure(writeFileAtomic(path, 'content')))).toMatchObject(denied);
    expect(await asUser(() => failure(writeSafetensors(path, {})))).toMatchObject(denied);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(where)).toEqual(['file']);
  });

  it('writes through a link to a file that is not there yet', async () => {
    const where = await folder();
    await symlink('new', join(where, 'link'));
    await writeFileAtomic(join(where, 'link'), 'content');
    expect(await readFile(join(where, 'new'), 'utf8')).toBe('content');
    expect((await lstat(join(where, 'link'))).isSymbolicLink()).toBe(true);
  });

  describe('on the way to the disk', () => {
    let handles: Pick<FileHandle, 'sync' | 'write' | 'close' | 'stat'>;
    beforeAll(async () => {
      const file = await open(root, 'r');
      handles = Object.getPrototypeOf(file);
      await file.close();
    });
    afterEach(() => {
      vi.restoreAllMocks();
    });

    it('syncs the whole file before it takes the name, and then the folder', async () => {
      const where = await folder();
      const path = join(where, 'file');
      await writeFile(path, 'old');
      const synced: { ino: number; size: number; content: string }[] = [];
      const { sync } = handles;
      vi.spyOn(handles, 'sync').mockImplementation(async function (this: FileHandle) {
        const { ino, size } = await this.stat();
        synced.push({ ino, size, content: await readFile(path, 'utf8') });
        await sync.call(this);
      });
      await writeFileAtomic(
        path,
        ['new ', 'content'].map((text) => Buffer.from(text)),
      );
      const [file, parent] = [await stat(path), await stat(where)];
      expect(synced).toEqual([
        { ino: file.ino, size: 11, content: 'old' },
        { ino: parent.ino, size: parent.size, content: 'new content' },
      ]);
    });

    it('keeps the old file when the disk fails to sync', async () => {
      const where = await folder();
      const path = join(where, 'file');
      await writeFile(path, 'old');
      const broken = Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', syscall: 'fsync' });
      vi.spyOn(handles, 'sync').mockRejectedValueOnce(broken);
      expect(await failure(writeFileAtomic(path, 'new'))).toMatchObject({ code: 'FILE_IO', cause: broken });
      expect(await readFile(path, 'utf8')).toBe('old');
      expect(await readdir(where)).toEqual(['file']);
    });

    it('goes on after short writes, and keeps the old file when no room is left', async () => {
      const where = await folder();
      const path = join(where, 'file');
      await writeFile(path, 'old');
      const content = Uint8Array.from({ length: 5000 }, (_, i) => i);
      const write = handles.write as (
        buffer: Uint8Array,
        at: number,
        length: number,
      ) => Promise<{ bytesWritten: number }>;
      for (const [room, kept] of [
        [3000, Buffer.from('old')],
        [5000, content],
      ] as const) {
        let left: number = room;
        vi.spyOn(handles, 'write').mockImplementation(async function (this: FileHandle, ...given: unknown[]) {
          const [buffer, at, length] = given as [Uint8Array, number, number];
          if (left === 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
          const taken = Math.min(left, length, 700);
          left -= taken;
          return write.call(this, buffer, at, taken) as never;
        });
        const written = writeFileAtomic(path, [content.subarray(0, 4000), content.subarray(4000)]);
        if (room < content.length) expect(await failure(written)).toMatchObject({ cause: { code: 'ENOSPC' } });
        else await written;
        vi.restoreAllMocks();
        expect(Buffer.compare(await readFile(path), kept)).toBe(0);
        expect(await readdir(where)).toEqual(['file']);
      }
    });
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

describe('inFolder', () => {
  it('removes the folders that it made for nothing, and no others', async () => {
    const where = await folder();
    const stopped = new Error('stopped');
    const stop = async () => {
      throw stopped;
    };
    await expect(inFolder(join(where, 'a/b/c'), stop)).rejects.toBe(stopped);
    expect(await readdir(where)).toEqual([]);
    await mkdir(join(where, 'mine'));
    await expect(inFolder(join(where, 'mine'), stop)).rejects.toBe(stopped);
    await expect(inFolder(join(where, 'mine/new'), stop)).rejects.toBe(stopped);
    expect(await readdir(join(where, 'mine'))).toEqual([]);
    const half = async () => {
      await writeFile(join(where, 'half/full/file'), 'kept');
      throw stopped;
    };
    await expect(inFolder(join(where, 'half/full'), half)).rejects.toBe(stopped);
    expect(await readFile(join(where, 'half/full/file'), 'utf8')).toBe('kept');
    expect(await inFolder(join(where, 'done'), async () => 7)).toBe(7);
    expect((await readdir(where)).sort()).toEqual(['done', 'half', 'mine']);
    await writeFile(join(where, 'file'), '');
    expect(await failure(inFolder(join(where, 'file/below'), stop))).toMatchObject({ code: 'FILE_IO' });
  });
});

describe('fileError', () => {
  it('leaves errors alone that are not of a system call', () => {
    const mistake = new TypeError('not a function');
    expect(fileError('read', 'file', mistake)).toBe(mistake);
    expect(fileError('read', 'file', undefined)).toBe(undefined);
  });
});
