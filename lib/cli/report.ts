/** `collide report RESULTS`: the table and the HTML report of an earlier comparison. */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { CollideError } from '../errors.ts';
import { fileError, writeFileAtomic } from '../files/index.ts';
import type { Comparison } from '../pipeline/results.ts';
import { renderReport } from '../report/index.ts';
import { formatTable } from '../report/table.ts';

export function reportCommand(): Command {
  return new Command('report')
    .description('render the report of a results file')
    .argument('<results>', 'results.json of collide compare or demo')
    .option('--html <file>', 'where to write the report', 'report.html')
    .action(async (path: string, options: { html: string }) => {
      const comparison = await readComparison(path);
      process.stdout.write(`${formatTable(comparison)}\n`);
      await writeFileAtomic(options.html, await renderReport(comparison));
      process.stdout.write(`wrote ${options.html}\n`);
    });
}

async function readComparison(path: string): Promise<Comparison> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw fileError('read', path, cause);
  }
  try {
    const comparison = JSON.parse(text) as Comparison;
    if (Array.isArray(comparison.results) && comparison.results.length > 0) return comparison;
  } catch (cause) {
    throw new CollideError('FILE_FORMAT', `Expected results of collide compare in ${path}: it is not JSON`, { cause });
  }
  throw new CollideError('FILE_FORMAT', `Expected results of collide compare in ${path}: it has no results`);
}
