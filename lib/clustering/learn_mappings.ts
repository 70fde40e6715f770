/**
 * Hash functions of many features in one call: tables are learned side by side, one per thread, the largest first.
 *
 * At most as many tables as threads are in work, so memory is bounded by the largest of them; the last ones share the
 * threads. The same result as one learnMapping per table.
 */
import { CollideError, checkList, checkObject, checkOptions } from '../errors.ts';
import { checkJobOptions, JOB_OPTIONS, type JobOptions } from '../job.ts';
import { buildInfo } from '../native.ts';
import { type LearnedMapping, learnMapping, type TeacherKnowledge } from './learn_mapping.ts';
import type { LearnMappingOptions, MappingProgress } from './learn_mapping_options.ts';
import { checkCountsShape } from './types.ts';

/** One feature's teacher and how its rows are learned. */
export interface MappingTask {
  /** For errors, beside the table's number. */
  name?: string;
  teacher: TeacherKnowledge;
  options: Omit<LearnMappingOptions, keyof JobOptions>;
}

/** Progress over all tables, weighted by their ids. */
export interface MappingsProgress extends MappingProgress {
  /** The task that reports. */
  table: number;
}

/**
 * {@link learnMapping} for every task.
 *
 * @returns the mappings in the order of the tasks
 * @throws CollideError as learnMapping does, for the first task that fails, which the message names: the others are then
 * stopped
 * @example
 * ```ts
 * const [users, movies] = await learnMappings([
 *   { teacher: { rows: userRows, dim: 2, counts: userCounts }, options: { rows: 5000 } },
 *   { teacher: { rows: movieRows, dim: 2, counts: movieCounts }, options: { rows: 900, method: 'kd-tree' } },
 * ]);
 * ```
 */
export async function learnMappings(
  tasks: readonly MappingTask[],
  options: JobOptions<MappingsProgress> = {},
): Promise<LearnedMapping[]> {
  checkOptions(options, JOB_OPTIONS, 'learnMappings');
  const threads = checkJobOptions(options, 'learnMappings') || buildInfo().threads;
  const { signal, onProgress } = options;
  for (const task of checkList(tasks, 'the tasks of learnMappings')) {
    checkObject(task, 'a task of learnMappings');
    checkObject(task.teacher, 'the teacher of a task of learnMappings');
    checkCountsShape(task.teacher.counts, task.teacher.counts?.length, 'counts of a task of learnMappings');
  }
  const ids = tasks.map(({ teacher }) => teacher.counts.length);
  const all = ids.reduce((sum, n) => sum + n, 0);
  const shares = tasks.map(() => 0); // ids times share done
  const queue = Array.from(tasks.keys()).sort((a, b) => ids[b]! - ids[a]! || a - b);
  const failure = new AbortController();
  const stop = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal]);
  const results: LearnedMapping[] = new Array(tasks.length);
  let unfinished = tasks.length;

  const report = (table: number, { share, ...details }: MappingProgress) => {
    shares[table] = ids[table]! * share;
    onProgress?.({ ...details, table, share: shares.reduce((sum, done) => sum + done, 0) / all });
  };
  const work = async () => {
    for (let table = queue.shift(); table !== undefined; table = queue.shift()) {
      const at = table;
      results[at] = await learnMapping(tasks[at]!.teacher, {
        ...tasks[at]!.options,
        signal: stop,
        threads: Math.max(1, Math.floor(threads / Math.min(threads, unfinished))),
        onProgress: onProgress && ((progress) => report(at, progress)),
      }).catch((error: unknown) => {
        throw named(error, tasks[at]!, at);
      });
      shares[at] = ids[at]!;
      unfinished--;
    }
  };
  const workers = Array.from({ length: Math.min(threads, tasks.length) }, () =>
    work().catch((error: unknown) => {
      failure.abort(error);
      throw error;
    }),
  );
  const settled = await Promise.allSettled(workers);
  // The others were stopped by the first failure, which is the abort's reason.
  if (settled.some(({ status }) => status === 'rejected')) throw failure.signal.reason;
  return results;
}

/** A failure with the table it is about; what is no error of ours, or about no table, stays as it is. */
function named(error: unknown, { name }: MappingTask, table: number): unknown {
  if (!(error instanceof CollideError) || error.code === 'ABORTED') return error;
  const which = name === undefined ? `Table ${table}` : `Table ${table} ("${name}")`;
  return new CollideError(error.code, `${which}: ${error.message}`, { cause: error });
}
