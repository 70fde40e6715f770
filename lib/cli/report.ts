/** `collide report RESULTS`: the table and the HTML report of an earlier comparison. */
import { Command } from 'commander';
import { readComparison } from '../compare/results_file.ts';
import { writeFileAtomic } from '../files/index.ts';
import { renderReport } from '../report/index.ts';
import { formatTable } from '../report/table.ts';
import { checkPaths } from './paths.ts';

export function reportCommand(): Command {
  return new Command('report')
    .description('render the report of a results file')
    .argument('<results>', 'results.json of collide compare or demo')
    .option('--html <file>', 'where to write the report', 'report.html')
    .action(async (path: string, options: { html: string }) => {
      await checkPaths([{ name: 'the results', path }], [{ name: '--html', path: options.html }]);
      const comparison = await readComparison(path);
      process.stdout.write(`${formatTable(comparison)}\n`);
      await writeFileAtomic(options.html, await renderReport(comparison));
      process.stdout.write(`wrote ${options.html}\n`);
    });
}
