/** Native jobs under an AbortSignal: what every learner that works off the caller's thread shares. */
import { checkCallbacks, checkInteger, throwIfAborted } from '../errors.ts';
import type { NativeJob } from '../native.ts';

/** How a learner is watched and held back. */
export interface JobOptions<Progress> {
  /** Stops the work; the promise rejects with ABORTED. */
  signal?: AbortSignal;
  /** Called at most 20 times a second. An error it throws stops the work and rejects the promise. */
  onProgress?: (progress: Progress) => void;
  /** Threads of the native work; the result is the same for any number. Default 0: all available. */
  threads?: number;
}

/** The option names of {@link JobOptions}. */
export const JOB_OPTIONS = ['signal', 'onProgress', 'threads'] as const;

/**
 * Runs a native job; an error thrown by onProgress stops it and is the rejection.
 *
 * @param progressOf - makes what onProgress is told of the two numbers that the job reports
 * @throws CollideError ABORTED, with the signal's reason as its cause, or what the job fails with
 */
export async function runJob<Result, Progress>(
  start: (report: ((a: number, b: number) => void) | undefined) => NativeJob<Result>,
  { signal, onProgress }: JobOptions<Progress>,
  progressOf: (a: number, b: number) => Progress,
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

/** Checks {@link JobOptions}; returns the number of threads. @throws CollideError INVALID_ARGUMENT */
export function checkJobOptions({ signal, onProgress, threads }: JobOptions<never>, where: string): number {
  checkCallbacks(signal, onProgress);
  return checkInteger(threads ?? 0, 0, 4096, `threads of ${where}`);
}
