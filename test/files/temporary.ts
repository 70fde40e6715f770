import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A folder of its own for a test file, removed when its tests are done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'collide-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Mounts a file system of `kilobytes` KiB, or returns undefined where that is not permitted. */
export function tinyDisk(parent: string, kilobytes: number): string | undefined {
  const folder = join(parent, `disk-${kilobytes}k`);
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  afterAll(() => {
    execFileSync('umount', [folder], { stdio: 'ignore' });
  });
  return folder;
}

/** Runs `body` without the rights of root, where this process has them. */
export async function asUser<T>(body: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return body();
  const nobody = 65_534;
  process.setegid!(nobody);
  process.seteuid!(nobody);
  try {
    return await body();
  } finally {
    process.seteuid!(0);
    process.setegid!(0);
  }
}
