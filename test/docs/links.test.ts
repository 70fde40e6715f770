/** Links and file names of the documents lead somewhere. (Links between pages are checked once more when the site is built.) */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../lib/native.ts';

/** Made by `npm run docs`, and not committed. */
const GENERATED = /^docs\/(\.vitepress\/|reference\/(api\/|config\.md|command-line\.md))/;
/** Tells of files as they were. */
const HISTORY = ['CHANGELOG.md'];

const written = readdirSync(join(packageRoot, 'docs'), { encoding: 'utf8', recursive: true })
  .map((file) => `docs/${file}`)
  .filter((file) => file.endsWith('.md') && !GENERATED.test(file));
const documents = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'test/README.md', ...written];

const is = (path: string) => existsSync(join(packageRoot, path)) || GENERATED.test(path);

/** The anchor of a heading, as GitHub and VitePress make it. */
const anchor = (heading: string) =>
  heading
    .replaceAll(/[`*]|\[|\]\([^)]*\)/g, '')
    .trim()
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .replaceAll(/\s+/g, '-');

function anchorsOf(path: string): string[] {
  return [...readFileSync(join(packageRoot, path), 'utf8').matchAll(/^#+ (.+)$/gm)].map((match) => anchor(match[1]!));
}

describe.each(documents)('%s', (document) => {
  const text = readFileSync(join(packageRoot, document), 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '');

  test('its links lead to files and headings that are there', () => {
    const dead = [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)]
      .map((match) => match[1]!)
      .filter((link) => {
        const [path, heading] = link.split('#') as [string, string | undefined];
        const target = path === '' ? document : normalize(join(dirname(document), path)).replace(/\/$/, '');
        if (!is(target)) return true;
        if (document.startsWith('docs/') && !target.startsWith('docs/')) return true; // the site has no such page
        const isPage = target.endsWith('.md') && !GENERATED.test(target);
        return heading !== undefined && isPage && !anchorsOf(target).includes(heading);
      });
    expect(dead).toEqual([]);
  });

  test.skipIf(HISTORY.includes(document))('files that it names are there', () => {
    const named = [...text.matchAll(/`((?:lib|native|test|scripts|bench|docs|examples)\/[\w./-]+\.\w+)`/g)];
    // NAME stands for a file that the reader adds.
    const gone = named.map((match) => match[1]!).filter((path) => !path.includes('NAME') && !is(path));
    expect(gone).toEqual([]);
  });
});
