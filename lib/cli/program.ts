/** The command `collide` and its subcommands, without what runs them: main.ts parses, the CLI reference reads. */
import { Command } from 'commander';
import { PACKAGE_VERSION } from '../version.ts';
import { clusterCommand } from './cluster.ts';
import { compareCommand } from './compare.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { exportCommand } from './export.ts';
import { reportCommand } from './report.ts';
import { trainCommand } from './train.ts';

const COMMANDS = [
  demoCommand,
  compareCommand,
  trainCommand,
  clusterCommand,
  exportCommand,
  reportCommand,
  doctorCommand,
];

/** A new command each time: parsing keeps the values of options in it. */
export function collideProgram(): Command {
  const program = new Command('collide')
    .description('Learned hash functions that shrink the embedding tables of recommendation models')
    .version(PACKAGE_VERSION)
    .showSuggestionAfterError()
    .configureHelp({ sortSubcommands: true });
  for (const command of COMMANDS) program.addCommand(command());
  program.exitOverride();
  for (const command of program.commands) command.exitOverride();
  return program;
}
