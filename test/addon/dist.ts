/**
 * The compiled library: workers and child processes of Node 20 cannot import TypeScript. `npm test` compiles it first; a
 * test that is run otherwise fails here when it is not what lib/ says.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { libraryFault } from '../../scripts/built.mjs';

const fault = libraryFault();
if (fault !== undefined) throw new Error(`${fault}: npm run ensure compiles it, npm test does so by itself`);

export const DIST = new URL('../../dist/index.js', import.meta.url).href;
/** `collide`, for a child process. */
export const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));

export interface Ended {
  code: number;
  signal: string | null;
  stdout: string;
  stderr: string;
}

/** Runs node and waits; a crash is a signal, not an exception. */
export function node(flags: string[], environment: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { ...process.env, ...environment };
    execFile(process.execPath, flags, { env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, signal: error?.signal ?? null, stdout, stderr });
    });
  });
}
