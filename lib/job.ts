/** Long work: how it is watched, stopped and held back, and native jobs under an AbortSignal. */
import { checkCallbacks, checkInteger, throwIfAborted } from './errors.ts';
import type { NativeJob } from './native.ts';
import { optionNames } from './option_names.ts';

/** What every `onProgress` is told. */
export interface Progress {
  /** What is being done, for people. */
  step: string;
  /** How far the whole is, 0 to 1; an estimate where the end is not known before. */
  share: number;
}

/** Hears how far long work is. */
export type OnProgress = (progress: Progress) => void;

/** How long work is watched, stopped and held back. */
export interface JobOptions<Told extends Progress = Progress> {
  /** Stops the work; the promise rejects with ABORTED. */
  signal?: AbortSignal;
  /** Called at most 20 times a second. An error it throws stops the work and rejects the promise. */
  onProgress?: (progress: Told) => void;
  /** Threads of the native work; the result is the same for any number. Default 0: all available. */
  threads?: number;
}

/** The option names of {@link JobOptions}. */
export const JOB_OPTIONS = optionNames<JobOptions>({ signal: true, onProgress: true, threads: true });

/**
 * Runs a native job; an error thrown by onProgress stops it and is the rejection.
 *
 * @param progressOf - makes what onProgress is told of the two numbers that the job reports
 * @throws CollideError ABORTED, with the signal's reason as its cause, or what the job fails with
 */
export async function runJob<Result, Told extends Progress>(
  start: (report: ((a: number, b: number) => void) | undefined) => NativeJob<Result>,
  { signal, onProgress }: Pick<JobOptions<Told>, 'signal' | 'onProgress'>,
  progressOf: (a: number, b: number) => Told,
): Promise<Result> {
  throwIfAborted(signal);
  let thrown: { error: unknown } | undefined;
  const rethrow = () => {
    if (thrown !== undefined) throw thrown.error;
  };
  const report = (a: number, b: number) => {
    if (thrown !== undefined || signal?.aborted) return;
    try {
      onProgress?.(progressOf(a, b));
    } catch (error) {
      thrown = { error };
      job.abort();
    }
  };
  const job = start(onProgress === undefined ? undefined : report);
  const abort = () => job.abort();
  signal?.addEventListener('abort', abort);
  try {
    const result = await job.promise;
    rethrow();
    throwIfAborted(signal); // a job may end before it sees the signal, but not its caller
    return result;
  } catch (error) {
    rethrow();
    throwIfAborted(signal);
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** A native job that reports nothing. @throws CollideError as {@link runJob} */
export function runSilentJob<Result>(start: () => NativeJob<Result>, signal: AbortSignal | undefined): Promise<Result> {
  return runJob(start, { signal }, () => ({ step: '', share: 0 }));
}

/** Checks {@link JobOptions}; returns the number of threads. @throws CollideError INVALID_ARGUMENT */
export function checkJobOptions({ signal, onProgress, threads }: JobOptions<never>, where: string): number {
  checkCallbacks(signal, onProgress);
  return checkInteger(threads ?? 0, 0, 4096, `threads of ${where}`);
}
