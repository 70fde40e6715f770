// Makes a fresh clone runnable: builds the native addon and the JavaScript when they are missing or older than their
// sources. Nothing is downloaded; what is needed is g++, make and cmake (or python3 for node-gyp).
import { execFileSync, spawnSync } from 'node:child_process';
import { utimesSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ADDON, addonFault, libraryFault } from './built.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const npm = (script) => execFileSync('npm', ['run', '--silent', script], { cwd: root, stdio: ['ignore', 2, 2] });

if (addonFault() !== undefined) {
  const cmake = spawnSync('cmake', ['--version']).status === 0;
  console.error(`building the native addon with ${cmake ? 'cmake' : 'node-gyp'} (about a minute) ...`);
  npm(cmake ? 'build:native' : 'build:gyp');
  utimesSync(`${root}${ADDON}`, new Date(), new Date()); // a change that it does not see leaves its time as it was
}
if (libraryFault() !== undefined) {
  console.error('compiling TypeScript ...');
  npm('build:ts');
}
