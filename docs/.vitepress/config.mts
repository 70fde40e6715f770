/** The documentation site: `npm run docs` builds it into docs/.vitepress/dist, from files of this repository alone. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';

const docs = fileURLToPath(new URL('../', import.meta.url));

/** A link to a page, named by its first heading. */
function page(path: string): { text: string; link: string } {
  const heading = /^# (.+)$/m.exec(readFileSync(`${docs}${path}.md`, 'utf8'));
  if (heading === null) throw new Error(`docs/${path}.md has no heading`);
  return { text: heading[1]!.replaceAll('`', ''), link: `/${path}` };
}

/** All pages of a folder but its index, by name. */
const folder = (name: string) =>
  readdirSync(docs + name)
    .filter((file) => file.endsWith('.md') && file !== 'index.md')
    .sort()
    .map((file) => page(`${name}/${file.slice(0, -'.md'.length)}`));

const pages = (name: string, files: string[]) => files.map((file) => page(`${name}/${file}`));

const guide = [
  { text: 'Start', items: pages('guide', ['get-started', 'your-data', 'words']) },
  { text: 'Work', items: pages('guide', ['train', 'compare', 'choose-a-method', 'save-and-load', 'serve']) },
  { text: 'The pieces alone', items: pages('guide', ['clustering', 'embedding-tables', 'hash-functions']) },
  { text: 'Running it', items: pages('guide', ['command-line', 'devices', 'errors']) },
];
const reference = [
  {
    text: 'Reference',
    items: [{ text: 'API', link: '/reference/api/' }, ...pages('reference', ['config', 'command-line', 'files'])],
  },
];
const design = [
  { text: 'Design', items: folder('design') },
  { text: 'Decisions', items: folder('design/decisions') },
];

export default defineConfig({
  title: 'learn-to-collide',
  description: 'Learned hash functions that shrink the embedding tables of recommendation models',
  cleanUrls: true,
  lastUpdated: false,
  vite: { build: { chunkSizeWarningLimit: 4096 } },
  themeConfig: {
    search: { provider: 'local' },
    outline: { level: [2, 3] },
    nav: [
      { text: 'Guide', link: '/guide/get-started', activeMatch: '/guide/' },
      { text: 'Reference', link: '/reference/', activeMatch: '/reference/' },
      { text: 'Results', link: '/results/quality', activeMatch: '/results/' },
      { text: 'Design', link: '/design/architecture', activeMatch: '/design/' },
      { text: 'Notebook', link: '/notebook/', activeMatch: '/notebook/' },
    ],
    sidebar: {
      '/guide/': guide,
      '/reference/': reference,
      '/design/': design,
      '/results/': [{ text: 'Results', items: pages('results', ['quality', 'learners', 'planted', 'speed']) }],
      '/notebook/': [{ text: 'Notebook', items: folder('notebook') }],
    },
  },
});
