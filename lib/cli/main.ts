#!/usr/bin/env node
/**
 * The command `collide`. Exit status: 0 done, 1 a fault of ours, 2 bad input or missing resources, 129, 130 and 143
 * interrupted (SIGHUP, SIGINT, SIGTERM), 141 done but the reader of the output has gone.
 */
import { CollideError } from '../errors.ts';
import { endedEarly, outliveReaders } from './interrupt.ts';
import { collideProgram } from './program.ts';

outliveReaders();
try {
  await collideProgram().parseAsync();
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
