/** `collide demo`: the whole path on three million real flights, in a few minutes on two cores. */
import { Command } from 'commander';
import { parseConfig } from '../compare/config.ts';
import { flights } from '../data/index.ts';
import { checkInteger } from '../errors.ts';
import { DEVICE_FLAG, onDevice } from './device.ts';
import { numberOf } from './number_of.ts';
import { runComparison } from './run_comparison.ts';

const INTRODUCTION = `Will a flight be more than 15 minutes late? Three million US flights of 2001.
A teacher (width 2) learns from January to March, students from April and May, June is the test.
Each method tries three learning rates on a validation slice (every 20th row of April and May).
`;

interface DemoCommandOptions {
  json: string;
  html: string;
  seeds: number;
  resume?: boolean;
  device: string;
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('compare compression methods on three million real flights')
    .option('--json <file>', 'where to write the results', 'results.json')
    .option('--html <file>', 'where to write the report', 'report.html')
    .option('--seeds <number>', 'repetitions with other random numbers', numberOf, 1)
    .option('--resume', 'keep the results that the --json file already has')
    .option(DEVICE_FLAG, 'cpu, cuda or auto', 'cpu')
    .action(async ({ seeds: repetitions, device, ...options }: DemoCommandOptions) => {
      const seeds = checkInteger(repetitions, 1, 100, '--seeds');
      const config = onDevice(demoConfig(seeds), device);
      process.stdout.write(INTRODUCTION);
      const notes =
        seeds === 1
          ? ['One seed: differences of a few thousandths of AUC may be chance. --seeds 3 gives spreads.']
          : [];
      await runComparison({ ...options, notes, config });
    });
}

/** The comparison of the demo: the defaults, but for one hot share; examples/flights.yaml has all, with five seeds. */
function demoConfig(seeds: number) {
  return parseConfig({
    data: flights(),
    model: { kind: 'dlrm', dim: 16, bottom: [16, 16], top: [64, 1] },
    teacher: { dim: 2, maxEpochs: 1 },
    compare: {
      methods: ['full', 'modulo', 'frequent', 'equal-mass', 'learned', 'auto'],
      sizes: [0.05, 0.1, 0.2],
      minRows: 10_000,
      hotShare: 0.9,
      seeds,
      tune: { learningRate: [0.05, 0.1, 0.2], maxEpochs: 1 },
    },
  });
}
