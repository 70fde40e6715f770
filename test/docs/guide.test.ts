/**
 * Every code block of README and guide: TypeScript is type-checked and run, commands run in this process, configs are
 * parsed. The blocks of a page run in order, in one folder, on tiny data.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../lib/native.ts';
import { asModule, blocksOf, modelFolder, pageFolder, runBlock } from './blocks.ts';

const folder = mkdtempSync(join(tmpdir(), 'guide-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const guide = readdirSync(join(packageRoot, 'docs/guide')).map((file) => `docs/guide/${file}`);
const pages = ['README.md', ...guide, 'docs/reference/files.md'].filter((page) => blocksOf(page).length > 0);

const trained = await modelFolder(join(folder, 'trained'));

describe.each(pages)('%s', (page) => {
  test('its code blocks run', async () => {
    const own = await pageFolder(join(folder, page.replaceAll('/', '_')));
    cpSync(join(trained, 'model'), join(own, 'model'), { recursive: true });
    for (const block of blocksOf(page)) {
      const failed = await runBlock(block, own).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect([block.where, failed]).toEqual([block.where, undefined]);
    }
  });
});

test('the TypeScript of all pages has no type errors', () => {
  const files = pages.flatMap(blocksOf).filter(({ language }) => language === 'ts');
  const paths = files.map((block) => {
    const path = join(folder, `${block.where.replaceAll(/\W+/g, '_')}.ts`);
    writeFileSync(path, asModule(block));
    return path;
  });
  const config = ts.readConfigFile(join(packageRoot, 'tsconfig.json'), ts.sys.readFile).config;
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, packageRoot);
  const program = ts.createProgram(paths, {
    ...options,
    noUnusedLocals: false,
    rewriteRelativeImportExtensions: false,
    noUncheckedIndexedAccess: false,
    module: ts.ModuleKind.Preserve,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    typeRoots: [join(packageRoot, 'node_modules/@types')],
    paths: {
      'learn-to-collide': [join(packageRoot, 'lib/index.ts')],
      'learn-to-collide/*': [join(packageRoot, 'lib/*/index.ts')],
    },
  });
  const faults = paths.flatMap((path, k) =>
    program
      .getSemanticDiagnostics(program.getSourceFile(path))
      .map(({ messageText }) => `${files[k]!.where}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`),
  );
  expect(faults).toEqual([]);
});

test('the page of errors has every code, and no other', () => {
  const source = readFileSync(join(packageRoot, 'lib/errors.ts'), 'utf8');
  const codes = [...source.matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map((match) => match[1]!);
  expect(codes.length).toBeGreaterThan(20);
  const page = readFileSync(join(packageRoot, 'docs/guide/errors.md'), 'utf8');
  expect([...page.matchAll(/^\| `([A-Z_]+)`/gm)].map((match) => match[1])).toEqual(codes);
});
