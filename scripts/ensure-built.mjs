// Makes a fresh clone runnable: builds the native addon and the JavaScript when they are missing or older than their
// sources. Nothing is downloaded; what is needed is g++, make and cmake (or python3 for node-gyp).
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const newest = (folder) => {
  let time = 0;
  for (const entry of readdirSync(`${root}${folder}`, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) time = Math.max(time, statSync(`${entry.parentPath ?? entry.path}/${entry.name}`).mtimeMs);
  }
  return time;
};
const age = (file) => (existsSync(`${root}${file}`) ? statSync(`${root}${file}`).mtimeMs : 0);
const npm = (script) => execFileSync('npm', ['run', '--silent', script], { cwd: root, stdio: ['ignore', 2, 2] });

const addon = age('build/Release/learn_to_collide.node');
if (process.env.LEARN_TO_COLLIDE_PREBUILD === undefined && addon < Math.max(newest('native'), age('CMakeLists.txt'))) {
  const cmake = spawnSync('cmake', ['--version']).status === 0;
  console.error(`building the native addon with ${cmake ? 'cmake' : 'node-gyp'} (about a minute) ...`);
  npm(cmake ? 'build:native' : 'build:gyp');
}
if (age('dist/cli/main.js') < newest('lib')) {
  console.error('compiling TypeScript ...');
  npm('build:ts');
}
