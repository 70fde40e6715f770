/** `collide compare CONFIG`: compression methods side by side on the user's own data. */
import { Command } from 'commander';
import { loadConfig } from '../compare/config_file.ts';
import { DEVICE_FLAG, DEVICE_OF_CONFIG, onDevice } from './device.ts';
import { runComparison } from './run_comparison.ts';

interface CompareCommandOptions {
  json?: string;
  html?: string;
  resume?: boolean;
  device?: string;
}

export function compareCommand(): Command {
  return new Command('compare')
    .description('compare compression methods on your data, as a YAML or JSON config describes it')
    .argument('<config>', 'config file')
    .option('--json <file>', 'write results as JSON, after every result')
    .option('--html <file>', 'write a self-contained report')
    .option('--resume', 'keep the results that the --json file already has')
    .option(DEVICE_FLAG, DEVICE_OF_CONFIG)
    .action(async (path: string, { device, ...options }: CompareCommandOptions) => {
      await runComparison({ config: onDevice(await loadConfig(path), device), configFile: path, ...options });
    });
}
