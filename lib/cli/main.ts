#!/usr/bin/env node
/**
 * The command `collide`. Exit status: 0 done, 1 a fault of ours, 2 bad input or missing resources, 129, 130 and 143
 * interrupted (SIGHUP, SIGINT, SIGTERM), 141 done but the reader of the output has gone.
 */
import { Command } from 'commander';
import { CollideError } from '../errors.ts';
import { PACKAGE_VERSION } from '../version.ts';
import { clusterCommand } from './cluster.ts';
import { compareCommand } from './compare.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { exportCommand } from './export.ts';
import { endedEarly, outliveReaders } from './interrupt.ts';
import { reportCommand } from './report.ts';
import { trainCommand } from './train.ts';

const program = new Command('collide')
  .description('Learned hash functions that shrink the embedding tables of recommendation models')
  .version(PACKAGE_VERSION)
  .showSuggestionAfterError()
  .configureHelp({ sortSubcommands: true });
for (const command of [
  demoCommand,
  compareCommand,
  trainCommand,
  clusterCommand,
  exportCommand,
  reportCommand,
  doctorCommand,
]) {
  program.addCommand(command());
}
program.exitOverride();
for (const command of program.commands) command.exitOverride();

outliveReaders();
try {
  await program.parseAsync();
  // What was asked to stop may have come to its end.
  const early = endedEarly();
  if (early !== undefined) process.exitCode = early.status;
} catch (error) {
  process.exitCode = exitStatus(error);
}

function exitStatus(error: unknown): number {
  const early = endedEarly(error);
  if (error instanceof CollideError) {
    const message = early === undefined ? `${error.message} [${error.code}]` : early.message;
    if (message !== undefined) process.stderr.write(`collide: ${message}\n`);
    return early?.status ?? 2;
  }
  // Commander has printed its own message already; asking for help is no error.
  const commander = error as { code?: string; exitCode?: number };
  if (commander.code?.startsWith('commander.')) return commander.exitCode === 0 ? 0 : 2;
  process.stderr.write(`collide: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}
