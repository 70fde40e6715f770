/** The code blocks of a page, and what runs them: in order, in a folder of the page's own, against the sources in lib/. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import ts from 'typescript';
import { vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { collideProgram } from '../../lib/cli/program.ts';
import { parseConfig } from '../../lib/compare/config.ts';
import { writeNpy, writeSafetensors } from '../../lib/files/index.ts';
import { packageRoot } from '../../lib/native.ts';
import * as api from '../api/every_door.ts';
import { run as runCommand } from '../cli/in_process.ts';

export interface Block {
  /** `docs/guide/train.md:24`, for messages. */
  where: string;
  language: string;
  code: string;
}

/** The fenced blocks of a page that say their language, in order. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(join(packageRoot, page), 'utf8');
  return [...text.matchAll(/^( *)```(\w+)\n([\s\S]*?)^ *```$/gm)].map((match) => ({
    where: `${page}:${text.slice(0, match.index).split('\n').length}`,
    language: match[2]!,
    code: match[3]!,
  }));
}

/** Ratings of 40 users from a second on, so that every split of the pages' examples has rows. */
function ratings(from: number, rows: number): string {
  const lines = Array.from({ length: rows }, (_, i) => {
    const user = (i * 7) % 40;
    const movie = (i * 13 + user) % 90;
    const genres = ['Drama', 'Comedy|Drama', 'Horror'][movie % 3];
    return `u${user},m${movie},${1 + ((user + movie) % 5)},${from + Math.floor((i / rows) * 3e8)},${genres}`;
  });
  return `user,movie,rating,ts,genres\n${lines.join('\n')}\n`;
}

/** A folder with the files that pages speak of. */
export async function pageFolder(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const at = (name: string) => join(folder, name);
  writeFileSync(at('ratings.csv.gz'), gzipSync(ratings(1e9, 3000)));
  writeFileSync(at('next_week.csv'), ratings(1.3e9, 100));
  const ids = 700;
  const vectors = Float32Array.from({ length: 2 * ids }, (_, i) => Math.sin(i * i));
  const counts = Uint32Array.from({ length: ids }, (_, i) => 1 + ((i * 31) % 90));
  for (const [name, shape, data] of [
    ['vectors', [ids, 2], vectors],
    ['counts', [ids], counts],
  ] as const) {
    const file = name === 'vectors' ? 'movie' : 'movie_counts';
    for (const path of [name, file]) await writeNpy(at(`${path}.npy`), data, [...shape]);
  }
  await writeSafetensors(at('vectors.safetensors'), { vectors: { shape: [ids, 2], data: vectors } });
  return folder;
}

/** As `pageFolder`, with the model that the page on training makes: for pages that load one. */
export async function modelFolder(folder: string): Promise<string> {
  await pageFolder(folder);
  for (const block of blocksOf('docs/guide/train.md')) {
    if (['yaml', 'sh'].includes(block.language)) await runBlock(block, folder);
  }
  return folder;
}

/** What a page's blocks speak of without making it: see given.ts. */
const GIVEN = ['teacher', 'data', 'past', 'present', 'validation', 'vectors', 'counts', 'values'];

/** A block as a module: what it uses and does not make is given. One without imports may use every name of the package. */
export function asModule({ code }: Block): string {
  const bindings = code.matchAll(/\b(?:const|let|using|function|class|import)\s+(?:\{([^}]*)\}|\[([^\]]*)\]|(\w+))/g);
  const declared = new Set([...bindings].flatMap((match) => (match[1] ?? match[2] ?? match[3]!).split(/[\s,:]+/)));
  const used = new Set(code.match(/(?<![.\w'"`])[A-Za-z_]\w*/g) ?? []);
  const missing = (names: readonly string[]) =>
    names.filter((name) => used.has(name) && !declared.has(name)).join(', ');
  const imports = [`import { ${missing(GIVEN)} } from '${join(packageRoot, 'test/docs/given.ts')}';`];
  if (!/^import /m.test(code)) imports.push(`import { ${missing(Object.keys(api))} } from 'learn-to-collide';`);
  return `${imports.join('\n')}\n${code}\nexport {};\n`;
}

/** Runs a block in its page's folder. What it prints is dropped. */
export async function runBlock(block: Block, folder: string): Promise<void> {
  if (['ts', 'js'].includes(block.language)) return runProgram(block, folder);
  if (['sh', 'bash'].includes(block.language)) return runShell(block, folder);
  if (block.language === 'yaml') return writeYaml(block, folder);
  if (block.language === 'python') return; // shows what another program does; there is no Python here
  throw new Error(`${block.where}: nothing runs ${block.language}`);
}

async function runProgram(block: Block, folder: string): Promise<void> {
  const { outputText } = ts.transpileModule(asModule(block), {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const path = join(folder, `${block.where.replaceAll(/\W+/g, '_')}.mjs`);
  writeFileSync(path, outputText);
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  try {
    await inFolder(folder, () => import(pathToFileURL(path).href));
  } finally {
    log.mockRestore();
  }
}

/** Commands of the package run; those of npm, CMake and the CUDA test device have tests of their own, as has the demo. */
async function runShell({ code, where }: Block, folder: string): Promise<void> {
  for (const line of code.replaceAll('\\\n', ' ').split('\n')) {
    const [command, ...words] = (line.replace(/(^|\s)#.*$/, '').match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map((word) =>
      word.replaceAll(/^["']|["']$/g, ''),
    );
    if (command === undefined || command === 'npm' || words[0] === 'cmake-js' || words[1] === 'demo') continue;
    if (command !== 'npx' || words[0] !== 'collide') throw new Error(`${where}: nothing runs: ${line}`);
    await inFolder(folder, () => runCommand(collideProgram, ...words.slice(1)));
  }
}

/** What keeps a comparison short: the pages' configs are checked as they are, and run with these. */
const SHORT = { sizes: [0.3], seeds: 1, hotShare: [0.5], parts: [1], tune: { learningRate: [0.05], maxEpochs: 1 } };

/** Checks a config, or some sections of one, and writes the file that its first line names. */
function writeYaml({ code, where }: Block, folder: string): void {
  const value = parse(code);
  const data = {
    source: 'x.csv',
    label: 'y',
    features: ['a'],
    splits: { teacher: 't', student: 's', evaluation: 'e' },
    ...value.data,
  };
  parseConfig({ ...value, data }, where);
  const name = /^# (\S+\.yaml)$/m.exec(code)?.[1];
  if (name === undefined) return;
  const short = { ...value, teacher: { maxEpochs: 1, crossFit: false }, compare: { ...value.compare, ...SHORT } };
  writeFileSync(join(folder, name), stringify(short));
}

async function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    return await work();
  } finally {
    process.chdir(before);
  }
}
