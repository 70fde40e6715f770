/**
 * How a command ends early. Ctrl-C, SIGTERM or a closed terminal (SIGHUP) asks the work to stop at its next safe point; a
 * second one ends the process at once. A reader of the output that goes away (`collide doctor | head -1`) does not stop
 * the work: what was to be written to files is written.
 */
import { CollideError } from '../errors.ts';

/** What is said of each, and exit statuses as shells give them: 128 and the signal's number. */
const ENDINGS = {
  SIGHUP: { status: 129, message: 'interrupted: its terminal was closed (SIGHUP)' },
  SIGINT: { status: 130, message: 'interrupted by the user (SIGINT)' },
  SIGTERM: { status: 143, message: 'interrupted by SIGTERM' },
} as const;
const CLOSED_PIPE = 141;

type Signal = keyof typeof ENDINGS;
const SIGNALS = Object.keys(ENDINGS) as Signal[];
const SHOW_CURSOR = '\x1b[?25h'; // a progress bar hides it, and a second signal leaves no time for it

let received: Signal | undefined;

export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const ask = (signal: Signal) => {
    received = signal;
    for (const each of SIGNALS) process.removeListener(each, ask);
    if (process.stderr.isTTY) process.stderr.write(SHOW_CURSOR);
    process.stderr.write('\nstopping at the next safe point (again to stop at once) ...\n');
    controller.abort();
  };
  for (const each of SIGNALS) process.on(each, ask);
  return controller.signal;
}

/** Lets the work go on when nobody reads the output any more. Call it once, before anything is written. */
export function outliveReaders(): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exitCode ||= CLOSED_PIPE;
    else if (error.code !== 'ERR_STREAM_DESTROYED') {
      process.exitCode ||= 2;
      process.stderr.write(`collide: Could not write standard output: ${error.message} [FILE_IO]\n`);
    }
  });
}

/**
 * What ended the command before its time: the exit status and what to say of it. Undefined when `error` has another
 * cause.
 */
export function endedEarly(error?: unknown): { status: number; message?: string } | undefined {
  if (received !== undefined && (!(error instanceof CollideError) || error.code === 'ABORTED'))
    return ENDINGS[received];
  const cause = error instanceof CollideError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return cause?.code === 'EPIPE' ? { status: CLOSED_PIPE } : undefined;
}
