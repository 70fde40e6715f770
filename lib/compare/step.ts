/** One student of a comparison: what it chooses on the validation split, and its figures. */

import type { Dataset } from '../data/types.ts';
import type { OnProgress } from '../job.ts';
import { measure } from '../methods/choosing/measure.ts';
import {
  type Choice,
  type Chosen,
  MethodTraining,
  type TrainedStudent,
  untaughtOf,
} from '../methods/choosing/method_training.ts';
import { methods } from '../methods/index.ts';
import type { CompareConfig } from './config.ts';
import { methodOptions } from './model_options.ts';
import type { Step } from './plan.ts';
import type { ComparisonResult } from './results.ts';
import type { CompareTeachers } from './teachers.ts';

/** What a step works with. */
export interface StepContext {
  config: CompareConfig;
  data: Dataset;
  teachers: CompareTeachers;
  /** What an earlier seed chose; undefined: this one chooses. */
  chosen: Choice | undefined;
  onProgress: OnProgress;
  signal: AbortSignal | undefined;
}

/**
 * Trains and evaluates the student of a step.
 *
 * @throws CollideError ABORTED; DIVERGED when nothing that it may choose from, or its teacher, trains
 */
export async function runStep(step: Step, context: StepContext): Promise<{ choice: Choice; result: ComparisonResult }> {
  const { config, data, teachers, chosen, onProgress, signal } = context;
  const training = new MethodTraining(methods.get(step.method, 'the method of a step'), {
    ...methodOptions(config, data, signal),
    ...{ data, size: step.size, seed: step.seed, teachers: teachers.ofSeed(step.seed), onProgress },
  });
  const evaluate = (student: TrainedStudent) => evaluateStudent(student, context);
  const toResult = ({ choice, seen, untaught, diverged, dropped }: Chosen<Evaluation>): ComparisonResult => ({
    ...{ ...step, ...choice, ...seen.metrics, rows: seen.rows, bytes: seen.bytes },
    ...(untaught === undefined ? {} : { untaught }),
    ...(diverged === undefined ? {} : { diverged }),
    ...(dropped.length === 0 ? {} : { dropped }),
    ...(training.whole.length === 0 ? {} : { whole: training.whole }),
    seconds: { ...training.seconds, evaluate: seen.seconds },
  });
  if (chosen === undefined) {
    // The evaluation rows are looked at only through the model that the validation rows prefer.
    const best = await training.choose(evaluate);
    return { choice: best.choice, result: toResult(best) };
  }
  const { student, hashing } = await training.train(chosen);
  using _ = student;
  const seen = await evaluate(student);
  return { choice: chosen, result: toResult({ choice: chosen, seen, untaught: untaughtOf(hashing), dropped: [] }) };
}

/** What the evaluation rows say of a student, and what it takes. */
interface Evaluation {
  metrics: Pick<ComparisonResult, 'auc' | 'logLoss' | 'normalizedEntropy'>;
  rows: number;
  bytes: ComparisonResult['bytes'];
  seconds: number;
}

async function evaluateStudent(
  student: TrainedStudent,
  { config, data, onProgress, signal }: StepContext,
): Promise<Evaluation> {
  const split = data.split('evaluation');
  const report: OnProgress = ({ share }) => onProgress({ step: 'evaluating', share });
  const { value: metrics, seconds } = await measure(() => student.evaluate(split, { signal, onProgress: report }));
  const { rows, mapping, optimizer, total } = student.memory();
  const rowBytes = Float32Array.BYTES_PER_ELEMENT * config.model.dim;
  return { metrics, rows: rows / rowBytes, bytes: { rows, mapping, optimizer, total }, seconds };
}
