/**
 * Compares compression methods honestly on one data set: learning rate and epochs chosen per method and size on the
 * validation split, teacher and student on different rows, evaluation rows seen by neither, several seeds.
 */
import { checkDataset } from '../data/check_split.ts';
import type { Dataset, Split } from '../data/types.ts';
import { checkOptions, throwIfAborted } from '../errors.ts';
import type { Recommender } from '../model/recommender.ts';
import type { Detours } from '../training/detours.ts';
import { rowLosses } from '../training/metrics.ts';
import { evaluateSplit, type Metrics, predictSplit } from '../training/train.ts';
import { type Attempt, chooseShape, hashedFeatures, type Shape, shapesToTry } from './choose.ts';
import { type CompareConfig, type CompareConfigInput, type CompareMethod, parseConfig } from './config.ts';
import { type CrossTeachers, crossFit, trainCrossTeachers } from './cross_fit.ts';
import { describeComparison } from './describe_comparison.ts';
import { fitFixed, fitTuned } from './fit.ts';
import type { Hashing } from './hashing.ts';
import { baselineHashing, learnHashing } from './learn_hashing.ts';
import { buildRecommender, modelOptions, type TrainingOptions } from './model_options.ts';
import { newcomerDetours } from './newcomers.ts';
import { learnerOf, placeMethods } from './placement.ts';
import type { Comparison, ComparisonResult } from './results.ts';
import { compressedTables } from './table_rows.ts';
import { type Teacher, trainTeacher } from './teacher.ts';

export interface CompareOptions {
  /** Results of an earlier, interrupted run of the same config, in any order: they are kept and not computed again. */
  resume?: readonly ComparisonResult[];
  /**
   * Called after each result with everything so far, all of `resume` included: write it down, and an interruption loses
   * little.
   */
  onResult?: (comparison: Comparison) => Promise<void> | void;
  /** The step at hand, its share (0 to 1), steps done and steps in all. */
  onProgress?: (step: string, share: number, done: number, total: number) => void;
  notes?: string[];
  signal?: AbortSignal;
}

/** One student to train: a method at a size with a seed. */
interface Step {
  method: CompareMethod;
  size: number;
  seed: number;
}

const FIRST_SEED = 1;

/** What was chosen on the validation split with the first seed. */
interface Choice extends Shape {
  learningRate: number;
  epochs: number;
}

/** The teacher of a seed, and how long it took. */
interface Taught<T = Teacher> {
  seed: number;
  knows: T;
  seconds: number;
}

/** By method and size; the teacher has one, too. */
type Choices = Map<string, Choice>;

/**
 * Runs every method of `config.compare` at every size with every seed.
 *
 * The first seed of a method and size tries all learning rates and numbers of epochs; the others train with its choice.
 * Each seed has its own teacher. A result does not depend on which others are run.
 *
 * @throws CollideError ABORTED, DIVERGED, INVALID_ARGUMENT; before anything is trained CUDA_UNAVAILABLE, NOT_SUPPORTED
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
  checkOptions(options, ['resume', 'onResult', 'onProgress', 'notes', 'signal'], 'compare');
  const { signal } = options;
  const places = placeMethods(config);
  const steps = plan(config);
  // One per step, the known ones from the start: whoever writes them down before their turn must not lose them.
  const results = steps.map((step) => options.resume?.find((known) => isOf(known, step)));
  const frame = describeComparison(config, data, places, options.notes ?? []);
  const describe = (): Comparison => ({ ...frame, results: results.filter((result) => result !== undefined) });
  const choices: Choices = new Map();
  let teacher: Taught | undefined;
  let cross: Taught<CrossTeachers> | undefined;
  for (const [done, step] of steps.entries()) {
    throwIfAborted(signal);
    const name = `${step.method}${step.method === 'full' ? '' : ` at ${step.size * 100} %`}, seed ${step.seed}`;
    const report = (text: string, share: number) => options.onProgress?.(`${name}: ${text}`, share, done, steps.length);
    const key = `${step.method} ${step.size}`;
    const known = results[done];
    if (known !== undefined) {
      const { learningRate, epochs, hotShare, crossFit, parts, hashed } = known;
      if (!choices.has(key)) choices.set(key, { learningRate, epochs, hotShare, crossFit, parts, hashed });
      continue;
    }
    if (learnerOf(step.method) !== undefined && teacher?.seed !== step.seed) {
      const timed = await clock(() =>
        teach(config, data, step.seed, choices, (text, share) => report(`teacher, ${text}`, share), signal),
      );
      teacher = { seed: step.seed, knows: timed.value, seconds: timed.seconds };
    }
    const wanted = choices.get(key)?.crossFit ?? config.teacher.crossFit.includes(true);
    const crossFitted = step.method === 'auto' && wanted;
    if (crossFitted && cross?.seed !== step.seed) {
      const timed = await clock(() =>
        trainCrossTeachers(data.split('teacher'), data.split('student'), {
          ...modelOptions(config),
          ...choices.get('teacher')!,
          dim: config.teacher.dim,
          seed: step.seed,
          signal,
          onProgress: (text, share) => report(`teacher, ${text}`, share),
        }),
      );
      cross = { seed: step.seed, knows: timed.value, seconds: timed.seconds };
    }
    const taught = learnerOf(step.method) === undefined ? undefined : teacher;
    const crossTaught = crossFitted ? cross : undefined;
    const result = await runStep(config, data, step, taught, crossTaught, choices, report, signal);
    results[done] = { ...result, devices: places.get(step.method)! };
    await options.onResult?.(describe());
  }
  return describe();
}

/** All students, seed by seed so that a teacher serves all methods of its seed; the full table has one size. */
function plan(config: CompareConfig): Step[] {
  const { methods, sizes, seeds } = config.compare;
  const steps: Step[] = [];
  for (let seed = FIRST_SEED; seed < FIRST_SEED + seeds; seed++) {
    for (const method of methods) {
      for (const size of method === 'full' ? [1] : sizes) steps.push({ method, size, seed });
    }
  }
  return steps;
}

function isOf(result: ComparisonResult, { method, size, seed }: Step): boolean {
  return result.method === method && result.size === size && result.seed === seed;
}

/** The teacher of a seed. Learning rate and epochs are chosen with the first seed, whichever is asked for first. */
async function teach(
  config: CompareConfig,
  data: Dataset,
  seed: number,
  choices: Choices,
  onProgress: (text: string, share: number) => void,
  signal: AbortSignal | undefined,
): Promise<Teacher> {
  const shared = { ...modelOptions(config), dim: config.teacher.dim, signal, onProgress };
  let chosen = choices.get('teacher');
  if (chosen === undefined) {
    const teacher = await trainTeacher(data.split('teacher'), {
      ...shared,
      seed: FIRST_SEED,
      learningRate: config.teacher.learningRate ?? config.compare.tune.learningRate,
      epochs: config.teacher.maxEpochs,
      validation: data.split('validation'),
    });
    chosen = { learningRate: teacher.fit!.learningRate, epochs: teacher.fit!.epochs };
    choices.set('teacher', chosen);
    if (seed === FIRST_SEED) return teacher;
  }
  return trainTeacher(data.split('teacher'), { ...shared, ...chosen, seed });
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
      return baselineHashing(data.features, { ...shared, method, hotShare: shape.hotShare });
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
        perFeature: hashedFeatures(shape),
      });
  }
}

/** What a method may choose from, the simplest first. */
function shapesOf({ compare, teacher }: CompareConfig, method: CompareMethod): readonly Shape[] {
  if (method === 'frequent') return compare.hotShare.map((hotShare) => ({ hotShare }));
  return method === 'auto' ? shapesToTry({ ...compare, ...teacher }) : [{}];
}

async function runStep(
  config: CompareConfig,
  data: Dataset,
  step: Step,
  teacher: Taught | undefined,
  cross: Taught<CrossTeachers> | undefined,
  choices: Choices,
  report: (text: string, share: number) => void,
  signal: AbortSignal | undefined,
): Promise<ComparisonResult> {
  const student = data.split('student');
  const newcomers = { older: data.split('teacher'), share: config.training.newcomerShare };
  const options: TrainingOptions = { ...modelOptions(config), newcomers, seed: step.seed, signal };
  const build = (hashing: Hashing, detours: Detours) => (rate: number) =>
    buildRecommender(student, hashing.features, config.model.dim, { ...options, detours }, rate);
  const detoursOf = (hashing: Hashing, shape: Shape) =>
    shape.crossFit
      ? crossFit(hashing, cross!.knows, student.features)
      : newcomerDetours(hashing.features, student.features);
  const judge = (model: Recommender) => judged(model, data.split('evaluation'), report, signal);
  const seconds = {
    teacher: (teacher?.seconds ?? 0) + (cross?.seconds ?? 0),
    cluster: 0,
    tune: 0,
    train: 0,
    evaluate: 0,
  };
  const hash = async (shape: Shape) => {
    const knowing = shape.crossFit ? cross!.knows.whole : teacher?.knows;
    const timed = await clock(() => hashingOf(config, data, step, shape, knowing, signal));
    seconds.cluster += timed.seconds;
    return timed.value;
  };

  const key = `${step.method} ${step.size}`;
  const known = choices.get(key);
  if (known !== undefined) {
    const { learningRate, epochs, ...shape } = known;
    const hashing = await hash(shape);
    const detours = detoursOf(hashing, shape);
    const fixed = { ...options, learningRate, epochs, detours, onProgress: report };
    const timed = await clock(() => fitFixed(student, build(hashing, detours), fixed));
    using model = timed.value.model;
    seconds.train = timed.seconds;
    return described(step, known, await judge(model), seconds);
  }

  const { tune } = config.compare;
  const validation = data.split('validation');
  /** The best student with tables of this shape. */
  const attempt = async (shape: Shape, progress: (text: string, share: number) => void): Promise<Tried> => {
    const hashing = await hash(shape);
    const detours = detoursOf(hashing, shape);
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
    const timed = await clock(() => fitTuned(student, build(hashing, detours), tuning, best));
    seconds.tune += timed.seconds;
    const { learningRate, epochs, result } = timed.value;
    return { choice: { learningRate, epochs, ...shape }, ...result };
  };
  const shapes = shapesOf(config, step.method);
  const tables =
    step.method === 'auto' ? compressedTables(data.features, { size: step.size, minRows: config.compare.minRows }) : [];
  const most = shapes.length + (tables.length > 0 ? 1 + tables.length : 0);
  const { choice, judgement } = await chooseShape(shapes, tables, (shape, tried) =>
    attempt(shape, (text, share) => report(text, (tried + share) / most)),
  );
  choices.set(key, choice);
  return described(step, choice, judgement, seconds);
}

/** A student that was tried, and what the evaluation rows say of it. */
interface Tried extends Attempt {
  choice: Choice;
  judgement: Judgement;
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

function described(
  step: Step,
  choice: Choice,
  { metrics, rows, bytes, seconds: evaluate }: Judgement,
  seconds: ComparisonResult['seconds'],
): ComparisonResult {
  return { ...step, ...choice, ...metrics, rows, bytes, seconds: { ...seconds, evaluate } };
}

interface Judgement {
  metrics: Metrics;
  rows: number;
  bytes: ComparisonResult['bytes'];
  seconds: number;
}

async function judged(
  model: Recommender,
  split: Split,
  report: (text: string, share: number) => void,
  signal?: AbortSignal,
): Promise<Judgement> {
  const onProgress = (rows: number) => report('evaluating', rows / split.rows);
  const { value: metrics, seconds } = await clock(() => evaluateSplit(model, split, { signal, onProgress }));
  const { rows, mapping, optimizer, total } = model.tables.memory();
  const rowBytes = (Float32Array.BYTES_PER_ELEMENT * model.tables.outputWidth) / split.features.length;
  return { metrics, rows: rows / rowBytes, bytes: { rows, mapping, optimizer, total }, seconds };
}

async function clock<T>(work: () => Promise<T>): Promise<{ value: T; seconds: number }> {
  const start = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - start) / 1000 };
}
