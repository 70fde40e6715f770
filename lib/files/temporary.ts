/**
 * The temporary name that a file has until it is whole, and what killed processes left under such names. The name says
 * which process writes which file: `.collide-<process>-<host and file name><random>.tmp`, in the folder of the file.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** A new temporary name beside `target`. */
export function temporaryName(target: string): string {
  const random = randomBytes(6).toString('hex');
  return join(dirname(target), `.collide-${process.pid}-${tagOf(target)}${random}.tmp`);
}

/**
 * Removes what processes of this machine that are no more left of files written over `target`. Never fails: what cannot
 * be removed stays.
 */
export async function removeLeftovers(target: string): Promise<void> {
  const folder = dirname(target);
  const names = await readdir(folder).catch(() => []);
  const pattern = new RegExp(`^\\.collide-(\\d+)-${tagOf(target)}[0-9a-f]{12}\\.tmp$`);
  for (const name of names) {
    const writer = pattern.exec(name)?.[1];
    if (writer === undefined) continue;
    const path = join(folder, name);
    const left = Number(writer) === process.pid ? await isOlderThanProcess(path) : !isAlive(Number(writer));
    if (left) await rm(path, { force: true }).catch(() => {});
  }
}

function tagOf(target: string): string {
  return createHash('sha256')
    .update(`${hostname()}/${basename(target)}`)
    .digest('hex')
    .slice(0, 12);
}

function isAlive(process_: number): boolean {
  try {
    process.kill(process_, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** In a container every process may have the same number: a file from before this process was another's. */
async function isOlderThanProcess(path: string): Promise<boolean> {
  const started = Date.now() - 1000 * process.uptime();
  const about = await stat(path).catch(() => undefined);
  return about !== undefined && about.mtimeMs < started - 2000;
}
