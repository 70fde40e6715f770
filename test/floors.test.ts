// Where the walls of the house stand: which folder may import which. See docs/design/architecture.md for the picture.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The floors of lib, lowest first: a file imports from its own floor or a lower one. Files of lib itself by name. */
const FLOORS = [
  ...['errors', 'option_names', 'registry', 'turns', 'native', 'job', 'device', 'version'],
  ...['files', 'hashing', 'data', 'clustering', 'embedding', 'model', 'training'],
  ...['pipeline', 'methods', 'compare', 'export', 'report', 'cli', 'index'],
];

/** What each side of native may include, and each wing of a side. */
const SIDES = { core: ['core'], cpu: ['core', 'cpu'], cuda: ['core', 'cuda'], addon: ['core', 'cpu', 'cuda', 'addon'] };
const WINGS = {
  support: ['support'],
  hashing: ['support', 'hashing'],
  embedding: ['support', 'hashing', 'embedding'],
  dense: ['support', 'dense'],
  clustering: ['support', 'clustering'],
  model: ['support', 'hashing', 'embedding', 'dense', 'model'],
};

function filesIn(folder: string, pattern: RegExp): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => pattern.test(name)).map((name) => join(folder, name));
}

const textOf = (file: string) => readFileSync(join(root, file), 'utf8');

/** Files -> the files that they import, types included, or include. */
const imports = new Map(
  filesIn('lib', /\.ts$/).map((file) => {
    const paths = textOf(file).matchAll(/(?:from|import\() ?'(\.[^']+)'/g);
    return [file, [...paths].map(([, path]) => join(dirname(file), path!))];
  }),
);
const includes = new Map(
  filesIn('native', /\.(cc|h|cu|cuh)$/).map((file) => {
    const paths = textOf(file).matchAll(/#include "([^"]+)"/g);
    return [file, [...paths].map(([, path]) => join('native', path!))];
  }),
);

const floorOf = (file: string) => FLOORS.indexOf(file.split('/')[1]!.replace(/\.ts$/, ''));

function broken(graph: Map<string, string[]>, allowed: (from: string, to: string) => boolean): string[] {
  const arrows = [...graph].flatMap(([from, all]) => all.map((to) => [from, to] as const));
  return arrows.filter(([from, to]) => !allowed(from, to)).map(([from, to]) => `${from} -> ${to}`);
}

/** The files on a circle, in its order; none where there is no circle. */
function circle(graph: Map<string, string[]>): string[] {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    for (const next of graph.get(file) ?? []) {
      const found = visit(next, [...path, file]);
      if (found.length > 0) return found;
    }
    done.add(file);
    return [];
  };
  for (const file of graph.keys()) {
    const found = visit(file, []);
    if (found.length > 0) return found;
  }
  return [];
}

test('both graphs are seen', () => {
  expect(imports.size).toBeGreaterThan(100);
  expect(includes.size).toBeGreaterThan(100);
  expect([...imports.values()].flat().filter((file) => !imports.has(file))).toEqual([]);
  expect([...includes.values()].flat().filter((file) => !includes.has(file))).toEqual([]);
});

test('every file of lib is on a floor, and imports from its own or a lower one', () => {
  expect([...imports.keys()].filter((file) => floorOf(file) < 0)).toEqual([]);
  expect(broken(imports, (from, to) => floorOf(from) >= floorOf(to))).toEqual([]);
});

test('no file imports or includes itself by way of others', () => {
  expect(circle(imports)).toEqual([]);
  expect(circle(includes)).toEqual([]);
});

test('core includes neither cpu nor cuda, and these two not each other', () => {
  const side = (file: string) => file.split('/')[1] as keyof typeof SIDES;
  expect(broken(includes, (from, to) => SIDES[side(from)].includes(side(to)))).toEqual([]);
});

test('a wing of native includes itself and what it rests on', () => {
  const wing = (file: string) => file.split('/')[2] as keyof typeof WINGS;
  const inWings = new Map([...includes].filter(([file]) => !file.startsWith('native/addon/')));
  expect([...inWings.keys()].filter((file) => WINGS[wing(file)] === undefined)).toEqual([]);
  expect(broken(inWings, (from, to) => WINGS[wing(from)].includes(wing(to)))).toEqual([]);
});

test('only native.ts loads the addon, and only the command line prints', () => {
  const withCode = (pattern: RegExp) =>
    [...imports.keys()].filter((file) => pattern.test(textOf(file).replaceAll(/\/\*\*?.*?\*\/|\/\/.*/gs, '')));
  expect(withCode(/node-gyp-build|\.node'/)).toEqual(['lib/native.ts']);
  expect(withCode(/console\.|process\.std(out|err)/).filter((file) => !file.startsWith('lib/cli/'))).toEqual([]);
});
