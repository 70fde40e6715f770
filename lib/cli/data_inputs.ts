/** The files that the data of a config are read from, for {@link checkPaths}. */
import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { Engine, quoteText } from '../data/engine.ts';
import type { DataConfig } from '../data/index.ts';
import { targetOf } from '../files/index.ts';
import type { Input } from './paths.ts';

/** `data.source` with its patterns expanded, and of `data.query` the texts in quotes that name files. */
export async function dataInputs({ source = [], query, folder }: DataConfig): Promise<Input[]> {
  const start = await targetOf(folder ?? '.');
  const inputs: Input[] = [];
  for (const pattern of typeof source === 'string' ? [source] : source) {
    const files = await filesOf(start, pattern);
    inputs.push(...files.map((path) => ({ name: 'data.source', path })));
    if (isPattern(pattern) && !existsSync(from(start, pattern))) {
      inputs.push({ name: 'data.source', path: pattern, covers: matcher(start, pattern) });
    }
  }
  for (const [, single, double] of (query ?? '').matchAll(/'([^']+)'|"([^"]+)"/g)) {
    const files = await filesOf(start, (single ?? double)!);
    inputs.push(...files.map((path) => ({ name: 'data.query', path })));
  }
  return inputs;
}

async function filesOf(start: string, pattern: string): Promise<string[]> {
  const literal = from(start, pattern);
  if (existsSync(literal)) return [literal];
  if (!isPattern(pattern)) return [];
  const engine = await Engine.open();
  try {
    const glob = isAbsolute(pattern) ? pattern : join(start.replaceAll(/[[*?]/g, '[$&]'), pattern);
    return (await engine.rows(`SELECT file FROM glob(${quoteText(glob)})`)).map((row) => String(row.file));
  } catch {
    return []; // opening the data says what is wrong with it
  } finally {
    engine.close();
  }
}

const from = (start: string, path: string) => (isAbsolute(path) ? path : join(start, path));
const isPattern = (text: string) => /[[*?]/.test(text);

/** Whether a path is one of a pattern's, by DuckDB's rules: `*` and `?` within a name, `**` across folders, [sets]. */
function matcher(start: string, pattern: string): (path: string) => boolean {
  const whole = resolve(start, pattern);
  const prefix = whole.startsWith(`${start}/`) ? start : '';
  const body = whole
    .slice(prefix.length)
    .split(/(\*\*\/|\*\*|\*|\?|\[[^\]]+\])/)
    .map((part, p) => (p % 2 === 0 ? literally(part) : (WILDCARDS[part] ?? part.replace(/^\[!/, '[^'))));
  const expression = new RegExp(`^${literally(prefix)}${body.join('')}$`, 's');
  return (path) => expression.test(path);
}

const WILDCARDS: Record<string, string> = { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' };
const literally = (text: string) => text.replaceAll(/[\\^$.|+(){}[\]*?]/g, '\\$&');
