// Nanoseconds an id of every hash function; usage and output: bench/harness/hash_bench.cc.
import { execFileSync } from 'node:child_process';
import { buildProgram } from './harness/build.mjs';

execFileSync(buildProgram('hash_bench'), process.argv.slice(2), { stdio: 'inherit' });
