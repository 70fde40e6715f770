/** Whether the addon and the compiled JavaScript are there and newer than their sources. Times of files are compared. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
export const ADDON = 'build/Release/learn_to_collide.node';
const PROGRAM = 'dist/cli/main.js';

/** @returns {string | undefined} what is wrong with the addon that this folder builds; nothing where another is named */
export function addonFault() {
  if (process.env.LEARN_TO_COLLIDE_PREBUILD !== undefined) return undefined;
  return fault(ADDON, [...filesOf('native'), 'CMakeLists.txt']);
}

/** @returns {string | undefined} what is wrong with dist/ */
export function libraryFault() {
  return fault(PROGRAM, filesOf('lib'));
}

function fault(built, sources) {
  if (!existsSync(root + built)) return `${built} is missing`;
  const newest = sources.reduce((a, b) => (timeOf(a) > timeOf(b) ? a : b));
  return timeOf(built) < timeOf(newest) ? `${built} is older than ${newest}` : undefined;
}

function timeOf(file) {
  return statSync(root + file).mtimeMs;
}

function filesOf(folder) {
  const entries = readdirSync(root + folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`.slice(root.length));
}
