/** The built addon as a file: what it exports and what it needs to load. */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { packageRoot } from '../../lib/native.ts';

const { resolve } = createRequire(import.meta.url)('node-gyp-build') as { resolve(folder: string): string };
const addon = resolve(packageRoot);
const lines = (command: string, ...args: string[]) =>
  execFileSync(command, [...args, addon], { encoding: 'utf8' })
    .trim()
    .split('\n');

it('exports the two symbols of Node-API and nothing of its libraries', () => {
  const names = lines('nm', '-D', '--defined-only').map((line) => line.split(' ').at(-1));
  expect(names.sort()).toEqual(['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
});

it('needs no CUDA library to load', () => {
  expect(lines('ldd').filter((line) => /cuda|nvidia/i.test(line))).toEqual([]);
});
