/**
 * Compares compression methods honestly on one data set: learning rate and epochs chosen per method and size on the
 * validation split, teacher and student on different rows, evaluation rows seen by neither, several seeds.
 */

import { checkDataset } from '../data/check_split.ts';
import { fingerprint } from '../data/fingerprint.ts';
import type { Dataset } from '../data/types.ts';
import { CollideError, checkOptions, isDiverged, throwIfAborted } from '../errors.ts';
import type { OnProgress } from '../job.ts';
import type { Choice } from '../methods/choosing/method_training.ts';
import { roleOf } from '../methods/index.ts';
import { optionNames } from '../option_names.ts';
import { type CompareConfig, type CompareConfigInput, parseConfig } from './config.ts';
import { describeComparison } from './facts.ts';
import { devicesOf, planSteps, type Step } from './plan.ts';
import type { Comparison, ComparisonFailure, ComparisonResult } from './results.ts';
import { checkResumable, checkSameData } from './resume.ts';
import { runStep } from './step.ts';
import { CompareTeachers } from './teachers.ts';
import { comparisonWarnings } from './warnings.ts';

const OPTIONS = optionNames<CompareOptions>({
  resume: true,
  onResult: true,
  onProgress: true,
  notes: true,
  signal: true,
});

/** Options of {@link compare}. */
export interface CompareOptions {
  /**
   * An earlier, interrupted run of the same config on the same data: its results, in any order, are kept and not computed
   * again. Whole, since results alone do not say of which data they are.
   */
  resume?: Comparison;
  /**
   * Called after each result with everything so far, all of `resume` included: write it down, and an interruption loses
   * little.
   */
  onResult?: (comparison: Comparison) => Promise<void> | void;
  /** What is being done, and the share of the comparison that is done, 0 to 1. */
  onProgress?: OnProgress;
  notes?: string[];
  /** Stops the work; the promise rejects with ABORTED. */
  signal?: AbortSignal;
}

/**
 * Runs every method of `config.compare` at every size with every seed.
 *
 * The first seed of a method and size tries all learning rates and numbers of epochs; the others train with its choice.
 * Each seed has its own teacher. A result does not depend on which others are run.
 *
 * Training that diverges costs only itself: a learning rate or a layout is left out of the choice, a student whose training
 * diverges is listed in `failed` with the reason, and the notes say so. Warnings come first in `notes`.
 *
 * @throws CollideError ABORTED, INVALID_ARGUMENT; DIVERGED when nothing is left; FILE_FORMAT when `resume` is of another
 * config or of other data; before anything is trained CUDA_UNAVAILABLE, NOT_SUPPORTED
 * @example
 * ```ts
 * const config = await loadConfig('examples/flights.yaml');
 * using data = await openDataset(config.data);
 * const comparison = await compare(config, data);
 * ```
 */
export async function compare(
  given: CompareConfig | CompareConfigInput,
  data: Dataset,
  options: CompareOptions = {},
): Promise<Comparison> {
  const config = parseConfig(given, 'config of compare');
  checkDataset(data, 'compare');
  checkOptions(options, OPTIONS, 'compare');
  const { signal } = options;
  const devices = devicesOf(config);
  const earlier =
    options.resume === undefined ? undefined : checkResumable(options.resume, config, 'resume of compare');
  const frame = describeComparison(config, data, devices, await fingerprint(data, { signal }));
  if (earlier !== undefined) checkSameData(earlier.data, frame.data, 'resume of compare');
  const steps = planSteps(config);
  // One per step, the known ones from the start: whoever writes them down before their turn must not lose them.
  const results = steps.map((step) => earlier?.results.find((found) => belongsTo(found, step)));
  const failed = steps.map((step) => earlier?.failed?.find((found) => belongsTo(found, step)));
  const describe = (): Comparison => {
    const outcome = { ...frame, results: filled(results), failed: filled(failed) };
    return { ...outcome, notes: [...comparisonWarnings(outcome), ...(options.notes ?? [])] };
  };
  const choices = new Map<string, Choice>();
  const teachers = new CompareTeachers(config, data, signal);
  let divergence: unknown;
  for (const [done, step] of steps.entries()) {
    throwIfAborted(signal);
    const name = `${step.method}${roleOf(step.method) === 'whole' ? '' : ` at ${step.size * 100} %`}, seed ${step.seed}`;
    const onProgress: OnProgress = (progress) =>
      options.onProgress?.({ step: `${name}: ${progress.step}`, share: (done + progress.share) / steps.length });
    const key = `${step.method} ${step.size}`;
    const result = results[done];
    if (result !== undefined && !choices.has(key)) choices.set(key, choiceOf(result));
    if (result !== undefined || failed[done] !== undefined) continue;
    try {
      const made = await runStep(step, { config, data, teachers, chosen: choices.get(key), onProgress, signal });
      choices.set(key, made.choice);
      results[done] = { ...made.result, devices: devices.get(step.method)! };
    } catch (error) {
      if (!isDiverged(error)) throw error;
      divergence = error;
      failed[done] = { ...step, reason: error.message };
    }
    await options.onResult?.(describe());
  }
  const comparison = describe();
  if (comparison.results.length > 0) return comparison;
  const reason = comparison.failed![0]!.reason;
  throw new CollideError('DIVERGED', `Nothing is left to compare: every result diverged. The first: ${reason}`, {
    cause: divergence,
  });
}

function filled<T>(list: readonly (T | undefined)[]): T[] {
  return list.filter((entry) => entry !== undefined);
}

function belongsTo(result: ComparisonResult | ComparisonFailure, { method, size, seed }: Step): boolean {
  return result.method === method && result.size === size && result.seed === seed;
}

function choiceOf({ learningRate, epochs, hotShare, crossFit, parts, hashed, own }: ComparisonResult): Choice {
  return { learningRate, epochs, hotShare, crossFit, parts, hashed, own };
}
