/** Commands run in this process, from the sources: their options are parsed as on the command line, their output is caught. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { vi } from 'vitest';
import { stringify } from 'yaml';
import type { SplitArrays } from '../../lib/data/index.ts';
import { tinyArrays, tinyConfig } from '../pipeline/tiny.ts';

/** What the command prints on standard output. Rejects with what it throws. */
export async function run(command: () => Command, ...args: string[]): Promise<string> {
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  const progress = vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  const before = (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGPIPE'] as const).map(
    (signal) => [signal, process.listeners(signal)] as const,
  );
  try {
    await command().exitOverride().parseAsync(args, { from: 'user' });
    return printed;
  } finally {
    write.mockRestore();
    progress.mockRestore();
    for (const [signal, known] of before) {
      for (const listener of process.listeners(signal)) {
        if (!known.includes(listener)) process.removeListener(signal, listener);
      }
    }
  }
}

/** A folder with the tiny data set as `tiny.csv` and `config.yaml`; `close` removes it. */
export function tinyFolder(sections: Parameters<typeof tinyConfig>[0] = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'collide-tiny-'));
  const at = (name: string) => join(folder, name);
  const writeData = (name: string, changes: Readonly<Record<string, (split: SplitArrays) => SplitArrays>> = {}) => {
    const lines = ['part,a,b,x,y'];
    for (const [part, arrays] of Object.entries(tinyArrays.splits)) {
      const { labels, dense, features } = changes[part]?.(arrays) ?? arrays;
      const [a, b] = features.map(({ ids }) => ids);
      for (const [row, label] of labels.entries()) {
        lines.push([part, `a${a![row]}`, `b${b![row]}`, dense![row], label].join());
      }
    }
    writeFileSync(at(name), `${lines.join('\n')}\n`);
  };
  const { data: _, ...config } = tinyConfig(sections);
  const writeConfig = (name: string, source: string, more: object = {}) => {
    const parts = ['teacher', 'student', 'validation', 'evaluation'].map((part) => [part, `part = '${part}'`]);
    const data = { source, label: 'y', features: ['a', 'b'], dense: ['x'], splits: Object.fromEntries(parts) };
    writeFileSync(at(name), stringify({ data, ...config, ...more }));
  };
  writeData('tiny.csv');
  writeConfig('config.yaml', 'tiny.csv');
  return { folder, at, writeData, writeConfig, close: () => rmSync(folder, { recursive: true }) };
}
