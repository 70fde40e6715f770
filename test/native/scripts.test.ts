/** The scripts that test native code fail where they can test nothing: a step of CI that did nothing must not count. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const root = new URL('../..', import.meta.url).pathname;
let tools: string;

beforeEach(() => {
  tools = mkdtempSync(join(tmpdir(), 'tools-'));
});
afterEach(() => rmSync(tools, { recursive: true }));

it.each(['native-tests', 'sanitize'])('%s.mjs without compilers exits with 1 and names them', (script) => {
  const run = () =>
    spawnSync(process.execPath, [join(root, 'scripts', `${script}.mjs`)], {
      cwd: root,
      env: { PATH: tools },
      encoding: 'utf8',
    });
  const bare = run();
  expect(bare.status).toBe(1);
  expect(bare.stderr).toMatch(/^FAILED: nothing was tested. Not found: cmake, (gcc, )?g\+\+/);
  expect(bare.stdout).toBe('');

  for (const tool of ['cmake', 'gcc']) symlinkSync('/bin/true', join(tools, tool));
  expect(run().stderr).toMatch(/Not found: g\+\+ /);
});
