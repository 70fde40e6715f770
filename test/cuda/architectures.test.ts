/** What a build's kernels are for: machine code for this machine's GPUs, PTX where there is none. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const script = new URL('../../scripts/cuda-architectures.mjs', import.meta.url).pathname;
let tools: string;

beforeEach(() => {
  tools = mkdtempSync(join(tmpdir(), 'tools-'));
});
afterEach(() => rmSync(tools, { recursive: true }));

/** A tool that prints this and ends with this status. */
function tool(name: string, output: string, status = 0): string {
  const file = join(tools, name);
  writeFileSync(file, `#!/bin/sh\n${output === '' ? '' : `echo '${output}'\n`}exit ${status}\n`);
  chmodSync(file, 0o755);
  return file;
}

function chosen(choice: string, nvcc: string): string {
  const env = { PATH: `${tools}:${dirname(process.execPath)}:/bin` };
  const { stdout, status } = spawnSync(process.execPath, [script, choice, nvcc], { env, encoding: 'utf8' });
  expect(status).toBe(0);
  return stdout.trim();
}

const known = 'sm_75\nsm_80\nsm_86\nsm_90';

describe('AUTO', () => {
  it.each([
    ['one GPU', '9.0', '90-real'],
    ['several, some alike', '8.6\n8.0\n8.6', '80-real;86-real'],
    ['one that is too old beside one that is not', '7.0\n8.0', '80-real'],
    ['one that the compiler does not know', '12.0', '90-virtual'],
    ['only too old ones', '6.1', '75-virtual'],
    ['a driver that says something else', 'No devices were found', '75-virtual'],
    ['a GPU that does not say', '[N/A]', '75-virtual'],
  ])('%s', (_, capabilities, expected) => {
    tool('nvidia-smi', capabilities);
    expect(chosen('AUTO', tool('nvcc', known))).toBe(expected);
  });

  it('without nvidia-smi, or with one that fails: PTX for any GPU', () => {
    const nvcc = tool('nvcc', known);
    expect(chosen('AUTO', nvcc)).toBe('75-virtual');
    tool('nvidia-smi', '9.0', 9);
    expect(chosen('AUTO', nvcc)).toBe('75-virtual');
  });

  it('a compiler that cannot tell what it knows is trusted', () => {
    tool('nvidia-smi', '10.3');
    expect(chosen('AUTO', tool('nvcc', '', 1))).toBe('103-real');
  });
});

it('RELEASE is what is shipped, and a list stays what it is', () => {
  tool('nvidia-smi', '9.0');
  const nvcc = tool('nvcc', known);
  expect(chosen('RELEASE', nvcc)).toBe('75-real;80-real;86-real;89-real;90');
  expect(chosen('80-real;90', nvcc)).toBe('80-real;90');
});
