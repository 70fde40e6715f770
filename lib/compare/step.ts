/** One student of a comparison: its hash functions, its choices on the validation split, its figures. */
import type { Dataset, Split } from '../data/types.ts';
import { isDiverged } from '../errors.ts';
import { autoCandidates, type Candidates } from '../methods/candidates.ts';
import { type Attempt, chooseShape, hashedFeatures, mostSets, type Shape } from '../methods/choose.ts';
import { type CrossTeachers, crossFit } from '../methods/cross_fit.ts';
import { baselineHashing, learnHashing } from '../methods/learn_hashing.ts';
import { allRows, compressedTables, dearTables } from '../methods/table_rows.ts';
import type { Recommender } from '../model/recommender.ts';
import type { Hashing } from '../pipeline/hashing.ts';
import { newcomerDetours } from '../pipeline/newcomers.ts';
import type { Teacher } from '../pipeline/teacher.ts';
import { fitFixed, fitTuned } from '../training/fit.ts';
import { rowLosses } from '../training/metrics.ts';
import { buildRecommender, type TrainingOptions } from '../training/options.ts';
import { evaluateSplit, type Metrics, predictSplit } from '../training/train.ts';
import type { CompareConfig, CompareMethod } from './config.ts';
import { modelOptions } from './model_options.ts';
import { learnerOf } from './placement.ts';
import type { ComparisonResult, DroppedShape } from './results.ts';
import { type CompareTeachers, clock, type Timed } from './teachers.ts';

/** One student to train: a method at a size with a seed. */
export interface Step {
  method: CompareMethod;
  size: number;
  seed: number;
}

/** What was chosen on the validation split with the first seed that did not diverge. */
export interface Choice extends Shape {
  learningRate: number;
  epochs: number;
}

export type Report = (text: string, share: number) => void;

/** What a step works with. */
export interface StepContext {
  config: CompareConfig;
  data: Dataset;
  teachers: CompareTeachers;
  /** What an earlier seed chose; undefined: this one chooses. */
  chosen: Choice | undefined;
  report: Report;
  signal: AbortSignal | undefined;
}

/**
 * Trains and evaluates the student of a step.
 *
 * @throws CollideError ABORTED; DIVERGED when nothing that it may choose from, or its teacher, trains
 */
export async function runStep(step: Step, context: StepContext): Promise<{ choice: Choice; result: ComparisonResult }> {
  const { config, data, teachers, chosen, report, signal } = context;
  const student = data.split('student');
  const validation = data.split('validation');
  const newcomers = { older: data.split('teacher'), share: config.training.newcomerShare };
  const options: TrainingOptions = { ...modelOptions(config), newcomers, seed: step.seed, signal };
  const seconds = { teacher: 0, cluster: 0, tune: 0, train: 0, evaluate: 0 };
  const learns = learnerOf(step.method) !== undefined;
  const teacher = learns ? await teachers.teacher(step.seed, report) : undefined;
  seconds.teacher = teacher?.seconds ?? 0;
  const auto = step.method === 'auto';
  const rowOptions = { size: step.size, minRows: config.compare.minRows, dim: config.model.dim };
  const whole = auto ? dearTables(data.features, rowOptions) : [];
  const judge = (model: Recommender) => judged(model, data.split('evaluation'), report, signal);

  let cross: Timed<CrossTeachers> | undefined;
  /** Everything that is known before a student of a shape trains. */
  const prepare = async (shape: Shape) => {
    if (shape.crossFit && cross === undefined) {
      cross = await teachers.cross(step.seed, report);
      seconds.teacher += cross.seconds;
    }
    const knowing = shape.crossFit ? cross!.value.whole : teacher?.value;
    const timed = await clock(() => hashingOf(config, data, step, shape, whole, knowing, signal));
    seconds.cluster += timed.seconds;
    const hashing = timed.value;
    const detours = shape.crossFit
      ? await crossFit(hashing, cross!.value, student.features, { signal })
      : newcomerDetours(hashing.features, student.features);
    const build = (rate: number) =>
      buildRecommender(student, hashing.features, config.model.dim, { ...options, detours }, rate);
    return { detours, build, untaught: hashing.manifest.details?.untaught as string[] | undefined };
  };
  const dropped: DroppedShape[] = [];
  const describe = (choice: Choice, { judgement, ...about }: Looked & Partial<Tried>): ComparisonResult => {
    const { metrics, rows, bytes, seconds: evaluate } = judgement;
    const { untaught, diverged } = about;
    return {
      ...{ ...step, ...choice, ...metrics, rows, bytes },
      ...(untaught === undefined ? {} : { untaught }),
      ...(diverged === undefined ? {} : { diverged }),
      ...(dropped.length === 0 ? {} : { dropped }),
      ...(whole.length === 0 ? {} : { whole }),
      seconds: { ...seconds, evaluate },
    };
  };

  if (chosen !== undefined) {
    const { learningRate, epochs, ...shape } = chosen;
    const { build, detours, untaught } = await prepare(shape);
    const fixed = { ...options, learningRate, epochs, detours, onProgress: report };
    const timed = await clock(() => fitFixed(student, build, fixed));
    using model = timed.value.model;
    seconds.train = timed.seconds;
    return { choice: chosen, result: describe(chosen, { judgement: await judge(model), untaught }) };
  }

  const { tune } = config.compare;
  /** The best student with tables of this shape. */
  const attempt = async (shape: Shape, progress: Report): Promise<Tried> => {
    const { build, detours, untaught } = await prepare(shape);
    const tuning = {
      ...options,
      learningRate: tune.learningRate,
      epochs: tune.maxEpochs,
      validation,
      detours,
      onProgress: progress,
    };
    // The evaluation rows are looked at only through the model that the validation rows prefer.
    const best = (model: Recommender) => lookAt(model, judge, validation, signal);
    const timed = await clock(() => fitTuned(student, build, tuning, best));
    seconds.tune += timed.seconds;
    const { learningRate, epochs, result, diverged } = timed.value;
    return { choice: { learningRate, epochs, ...shape }, untaught, diverged, ...result };
  };
  const { shapes, tables } = candidates(config, data, step, teacher?.value, whole);
  const most = shapes.length + mostSets(tables);
  const best = await chooseShape(shapes, tables, async (shape, tried) => {
    try {
      return await attempt(shape, (text, share) => report(text, (tried + share) / most));
    } catch (error) {
      if (isDiverged(error)) dropped.push({ ...shape, reason: error.message });
      throw error;
    }
  });
  return { choice: best.choice, result: describe(best.choice, best) };
}

/** What a method may choose from. */
function candidates(
  { compare, teacher: { crossFit } }: CompareConfig,
  data: Dataset,
  { method, size }: Step,
  teacher: Teacher | undefined,
  whole: readonly string[],
): Candidates {
  if (method === 'auto') return autoCandidates(data, teacher!, { ...compare, crossFit, size, whole });
  if (method !== 'frequent') return { shapes: [{}], tables: [] };
  const shapes = compare.hotShare.map((hotShare) => ({ hotShare }));
  const compressed = compressedTables(data.features, { size, minRows: compare.minRows });
  return { shapes: compressed.length === 0 ? shapes.slice(0, 1) : shapes, tables: [] };
}

/**
 * The hash functions of one method. Hot ids are those hottest in the student's rows: counts carry no label, so they may
 * come from the newest rows; among older ones are many that will hardly come again.
 */
async function hashingOf(
  config: CompareConfig,
  data: Dataset,
  { method, size, seed }: Step,
  shape: Shape,
  whole: readonly string[],
  teacher: Teacher | undefined,
  signal: AbortSignal | undefined,
): Promise<Hashing> {
  const recent = [data.split('student')];
  const shared = { size, minRows: config.compare.minRows, seed, recent };
  const learning = { ...shared, device: config.device, signal };
  switch (method) {
    case 'full':
    case 'modulo':
    case 'mixed':
      return baselineHashing(data.features, { ...shared, method });
    case 'frequent':
      return baselineHashing(data.features, { ...shared, method, signal, hotShare: shape.hotShare });
    case 'equal-mass':
    case 'exact':
    case 'kd-tree':
    case 'k-means':
    case 'lsh':
      return learnHashing(teacher!, { ...learning, method });
    case 'learned':
      return learnHashing(teacher!, learning);
    case 'auto':
      return learnHashing(teacher!, {
        ...learning,
        hotShare: shape.hotShare,
        unseen: config.compare.unseen,
        parts: shape.parts,
        rows: allRows(data.features, whole),
        perFeature: hashedFeatures(shape),
      });
  }
}

/** A student that was tried, and what the evaluation rows say of it. */
interface Tried extends Attempt, Looked {
  choice: Choice;
  /** Learning rates that were dropped. */
  diverged?: readonly number[];
}

interface Looked {
  judgement: Judgement;
  /** Features of which the teacher knew nothing. */
  untaught?: readonly string[];
}

async function lookAt(
  model: Recommender,
  judge: (model: Recommender) => Promise<Judgement>,
  validation: Split,
  signal: AbortSignal | undefined,
): Promise<{ losses: Float64Array; judgement: Judgement }> {
  const losses = rowLosses(validation.labels, await predictSplit(model, validation, { signal }));
  return { losses, judgement: await judge(model) };
}

interface Judgement {
  metrics: Metrics;
  rows: number;
  bytes: ComparisonResult['bytes'];
  seconds: number;
}

async function judged(model: Recommender, split: Split, report: Report, signal?: AbortSignal): Promise<Judgement> {
  const onProgress = (rows: number) => report('evaluating', rows / split.rows);
  const { value: metrics, seconds } = await clock(() => evaluateSplit(model, split, { signal, onProgress }));
  const { rows, mapping, optimizer, total } = model.tables.memory();
  const rowBytes = (Float32Array.BYTES_PER_ELEMENT * model.tables.outputWidth) / split.features.length;
  return { metrics, rows: rows / rowBytes, bytes: { rows, mapping, optimizer, total }, seconds };
}
