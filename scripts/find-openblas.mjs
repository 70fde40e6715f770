// Prints the folder of OpenBLAS's cblas.h, or nothing: binding.gyp's counterpart of CMake's find_path.
import { existsSync } from 'node:fs';

const folders = [
  '/usr/include/x86_64-linux-gnu',
  '/usr/include/aarch64-linux-gnu',
  '/usr/include/openblas',
  '/usr/local/include',
  '/usr/include',
];
const libraries = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/local/lib',
  '/usr/lib',
];
const found = libraries.some((folder) => existsSync(`${folder}/libopenblas.so`));
const header = folders.find((folder) => existsSync(`${folder}/cblas.h`) && existsSync(`${folder}/openblas_config.h`));
console.log(found && header ? header : '');
