/** The doors that package.json names are there for Node and TypeScript, and give what their sources export. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/native.ts';

const { exports } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
  exports: Record<string, { types: string; default: string }>;
};
const doors = Object.keys(exports).filter((door) => door !== './package.json');

/** The package imports itself by its name, as a program does. */
const program = `
  const doors = ${JSON.stringify(doors)};
  const names = await Promise.all(doors.map(async (door) =>
    [door, Object.keys(await import('learn-to-collide' + door.slice(1)))]));
  console.log(JSON.stringify(Object.fromEntries(names)));
`;

describe('doors of package.json', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: packageRoot,
    encoding: 'utf8',
  });

  it('are of all areas', () => {
    expect(doors).toEqual(['.', './clustering', './hashing', './embedding', './model', './data', './export']);
    expect(stderr).toBe('');
  });

  it.each(doors)('%s', async (door) => {
    expect(existsSync(join(packageRoot, exports[door]!.types))).toBe(true);
    const source = join(packageRoot, 'lib', door, 'index.ts');
    const names = Object.keys((await import(source)) as object);
    expect((JSON.parse(stdout) as Record<string, string[]>)[door]!.sort()).toEqual(names.sort());
    const every = readFileSync(join(packageRoot, 'test/api/every_door.ts'), 'utf8');
    expect(every).toContain(`'${`../../lib/${door.slice(1)}/index.ts`.replaceAll('//', '/')}'`);
  });
});
