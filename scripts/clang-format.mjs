// Formats native code in place, or with --check fails naming each file that is not formatted.
import { execFileSync, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

const binary = `${dirname(createRequire(import.meta.url).resolve('clang-format/package.json'))}/bin/linux_x64/clang-format`;
const files = execFileSync(
  'git',
  ['ls-files', '-co', '--exclude-standard', 'native', 'test/native', 'test/cuda', 'bench/harness'],
  {
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter((file) => /\.(h|cc|cu|cuh)$/.test(file));
const check = process.argv.includes('--check');
const result = spawnSync(binary, [...(check ? ['--dry-run', '-Werror'] : ['-i']), ...files], { stdio: 'inherit' });
process.exit(result.status ?? 1);
