/** No command writes over what it reads, or finds after its work that it cannot write. */
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { clusterCommand } from '../../lib/cli/cluster.ts';
import { compareCommand } from '../../lib/cli/compare.ts';
import { dataInputs } from '../../lib/cli/data_inputs.ts';
import { exportCommand } from '../../lib/cli/export.ts';
import { checkPaths } from '../../lib/cli/paths.ts';
import { reportCommand } from '../../lib/cli/report.ts';
import { trainCommand } from '../../lib/cli/train.ts';
import type { DataConfig } from '../../lib/data/index.ts';
import { checkWritable } from '../../lib/files/index.ts';
import { asUser } from '../files/temporary.ts';
import { run, tinyFolder } from './in_process.ts';

const { folder, at, writeData, writeConfig, close } = tinyFolder();
afterAll(close);
mkdirSync(at('days'));
writeData('days/1.csv');
writeData('days/2.csv');
writeConfig('globs.yaml', 'days/*.csv');
writeConfig('absent.yaml', 'absent.csv');
for (const name of ['v.npy', 'c.npy', 'm.safetensors', 'r.json']) writeFileSync(at(name), name);

/** Every file and link with its bytes. */
function everything(where = folder): [string, string][] {
  return readdirSync(where, { withFileTypes: true }).flatMap((entry): [string, string][] => {
    const path = join(where, entry.name);
    if (entry.isDirectory()) return [[path, ''], ...everything(path)];
    return [[path, entry.isFile() ? readFileSync(path, 'latin1') : 'link']];
  });
}

async function refused(code: string, command: () => Command, ...args: string[]): Promise<string> {
  const before = everything();
  const error = await run(command, ...args).catch((cause: unknown) => cause);
  expect(error).toMatchObject({ name: 'CollideError', code });
  expect(everything()).toEqual(before);
  return (error as Error).message;
}

describe('an output that is an input', () => {
  it.each<[string, () => Command, string[]]>([
    ['the vectors', clusterCommand, ['v.npy', '--counts', 'c.npy', '--out', 'v.npy']],
    ['--counts', clusterCommand, ['v.npy', '--counts', 'c.npy', '--out', 'days/../c.npy']],
    ['the results', reportCommand, ['r.json', '--html', 'r.json']],
    ['the config file', compareCommand, ['config.yaml', '--json', 'config.yaml']],
    ['data.source', compareCommand, ['config.yaml', '--json', 'tiny.csv']],
    ['data.source', compareCommand, ['config.yaml', '--html', 'tiny.csv']],
    ['data.source', compareCommand, ['globs.yaml', '--html', 'days/2.csv']],
    ['data.source', compareCommand, ['globs.yaml', '--json', 'days/3.csv']],
  ])('%s: %o %j', async (name, command, args) => {
    const given = args.map((arg) => (arg.startsWith('--') ? arg : at(arg)));
    expect(await refused('INVALID_ARGUMENT', command, ...given)).toContain(`than ${name} ("`);
  });

  it('through links of both kinds, of files and of folders', async () => {
    symlinkSync('tiny.csv', at('symbolic.csv'));
    linkSync(at('tiny.csv'), at('hard.csv'));
    symlinkSync('days', at('link'));
    linkSync(at('m.safetensors'), at('m.npy'));
    for (const out of ['symbolic.csv', 'hard.csv'])
      await refused('INVALID_ARGUMENT', compareCommand, at('config.yaml'), '--json', at(out));
    for (const out of ['link/1.csv', 'link/new.csv'])
      await refused('INVALID_ARGUMENT', compareCommand, at('globs.yaml'), '--json', at(out));
    await refused('INVALID_ARGUMENT', exportCommand, at('m.safetensors'), '--feature', 'a', '--out', at('m.npy'));
  });

  it('of train, whatever it writes in its folder', async () => {
    for (const name of ['teacher.safetensors', 'mapping.safetensors', 'student/student.safetensors']) {
      rmSync(at('model'), { recursive: true, force: true });
      mkdirSync(at('model/student'), { recursive: true });
      linkSync(at('tiny.csv'), at(`model/${name}`));
      const message = await refused('INVALID_ARGUMENT', trainCommand, at('config.yaml'), '--out', at('model'));
      expect(message).toContain(`received "${at(`model/${name}`)}"`);
    }
    rmSync(at('model'), { recursive: true });
  });

  it('that a query names', async () => {
    const query = `SELECT * FROM 'tiny.csv' UNION ALL SELECT * FROM read_csv("days/*.csv") WHERE a LIKE '%x'`;
    expect(
      (await dataInputs({ query, folder } as DataConfig)).map(({ path }) => path.slice(folder.length + 1)).sort(),
    ).toEqual(['days/1.csv', 'days/2.csv', 'tiny.csv']);
  });

  it('or would be one, by the rules of DuckDB', async () => {
    const names = fc.constantFrom('a', 'b', 'ab', 'a.csv', 'b.csv', 'x[1].csv', '(a)');
    const pieces = fc.constantFrom('*', '?', '**', '*.csv', 'a', 'a.csv', '[ab].csv', '[!a].csv', '(a)');
    const root = mkdtempSync(join(tmpdir(), 'collide-globs [1] '));
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(names, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 6 }),
          fc.array(pieces, { minLength: 1, maxLength: 3 }),
          async (files, pattern) => {
            fc.pre(/[[*?]/.test(pattern.join('/')) && pattern.filter((piece) => piece === '**').length < 2);
            const where = mkdtempSync(join(root, 'case-'));
            for (const [f, parts] of files.entries()) {
              const inside = join(where, ...parts.slice(0, -1).map((part, p) => `${part}${p}`));
              mkdirSync(inside, { recursive: true });
              const path = join(inside, parts.at(-1)!);
              if (statSync(path, { throwIfNoEntry: false }) === undefined) writeFileSync(path, String(f));
            }
            const inputs = await dataInputs({ source: pattern.join('/'), folder: where } as DataConfig);
            const { covers } = inputs.find((input) => input.covers !== undefined)!;
            const all = everything(where).flatMap(([path]) => (statSync(path).isFile() ? [path] : []));
            const found = inputs.filter((input) => input.covers === undefined).map(({ path }) => path);
            expect(all.filter((path) => covers!(path)).sort()).toEqual(found.sort());
          },
        ),
        { numRuns: 25 },
      );
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});

describe('two outputs', () => {
  const compare = (...args: string[]) => refused('INVALID_ARGUMENT', compareCommand, at('config.yaml'), ...args);

  it('cannot be one file, whether it is there or not', async () => {
    expect(await compare('--json', at('x'), '--html', at('x'))).toContain('two files for --json');
    await compare('--json', at('x'), '--html', at('days/../x'));
    symlinkSync('new.json', at('dangling'));
    await compare('--json', at('new.json'), '--html', at('dangling'));
    symlinkSync('days', at('days-link'));
    await compare('--json', at('days/r'), '--html', at('days-link/r'));
    writeFileSync(at('one'), '');
    linkSync(at('one'), at('two'));
    await compare('--json', at('one'), '--html', at('two'));
  });

  it('may be one device', async () => {
    await checkPaths(
      [{ name: 'in', path: '/dev/null' }],
      [
        { name: '--json', path: '/dev/null' },
        { name: '--html', path: '/dev/null' },
      ],
    );
  });
});

describe('an output that cannot be written is told before the data are looked for', () => {
  it.each([
    ['--html', 'none/report.html', 'no such file or folder'],
    ['--html', 'days', 'it is a folder'],
    ['--json', 'tiny.csv/results.json', 'a part of the path is not a folder'],
    ['--json', 'circle', 'circle'],
  ])('%s %s: %s', async (option, path, reason) => {
    if (path === 'circle') symlinkSync('circle', at('circle'));
    const message = await refused('FILE_IO', compareCommand, at('absent.yaml'), option, at(path));
    expect(message).toContain(`Could not write "${at(path)}"`);
    expect(message).toContain(reason);
  });

  it('train, whose folder is a file', async () => {
    expect(await refused('FILE_IO', trainCommand, at('absent.yaml'), '--out', at('tiny.csv'))).toContain(
      'not a folder',
    );
  });

  it('train makes no folder for work that fails', async () => {
    await refused('DATA_SOURCE', trainCommand, at('absent.yaml'), '--out', at('new/model'));
  });

  describe('for want of permissions', () => {
    const open = at('open');
    mkdirSync(join(open, 'closed/below'), { recursive: true });
    writeFileSync(join(open, 'protected'), 'mine');
    chmodSync(folder, 0o755);
    chmodSync(open, 0o777);
    chmodSync(join(open, 'protected'), 0o444);
    chmodSync(join(open, 'closed/below'), 0o777);
    chmodSync(join(open, 'closed'), 0o555);
    afterEach(() => expect(readdirSync(open).sort()).toEqual(['closed', 'protected']));

    it.each([
      ['closed/new', false, 'EACCES'],
      ['closed/new/newer/file', true, 'EACCES'],
      ['protected', false, 'EACCES'],
      ['closed/below/new', false, undefined],
      ['closed/below/new/file', true, undefined],
      ['new', false, undefined],
    ])('%s', async (path, makesFolders, code) => {
      const checked = asUser(() => checkWritable(join(open, path), makesFolders));
      if (code === undefined) await checked;
      else await expect(checked).rejects.toMatchObject({ code: 'FILE_IO', cause: { code } });
    });
  });
});
