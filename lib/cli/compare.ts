/** `collide compare CONFIG`: compression methods side by side on the user's own data. */
import { Command } from 'commander';
import { loadConfig } from '../pipeline/config.ts';
import { runComparison } from './run_comparison.ts';

export function compareCommand(): Command {
  return new Command('compare')
    .description('compare compression methods on your data, as a YAML or JSON config describes it')
    .argument('<config>', 'config file')
    .option('--json <file>', 'write results as JSON, after every result')
    .option('--html <file>', 'write a self-contained report')
    .option('--resume', 'keep the results that the --json file already has')
    .action(async (path: string, options: { json?: string; html?: string; resume?: boolean }) => {
      await runComparison({ config: await loadConfig(path), ...options });
    });
}
