/** What is to be done for each table of a teacher: nothing, hash it, or learn its mapping. */
import type { LearnMappingOptions, MappingTask } from '../../clustering/index.ts';
import { planMapping } from '../../clustering/learn_mapping_options.ts';
import { CollideError } from '../../errors.ts';
import type { Teacher } from '../../pipeline/teacher.ts';
import { targetRows } from '../table_rows.ts';
import { checkFeatureOptions, type LearnerOptions, type LearnHashingOptions, ownOf } from './options.ts';
import { recentCounts } from './recent_counts.ts';
import { isUntaught } from './untaught.ts';

/** What becomes of a table. */
export type TablePlan =
  | { kind: 'whole' }
  /** The hashing trick: it was asked for, or the teacher could learn nothing of the feature. */
  | { kind: 'hashed'; rows: number; untaught: boolean }
  /** With an out-of-vocabulary id that is to have a row of its own, which the learner does not get; otherwise null. */
  | { kind: 'learned'; task: MappingTask; outOfVocabulary: number | null };

/** The table of a feature, and how its rows are learned: its own options before the common ones. */
export interface PlannedTable {
  name: string;
  cardinality: number;
  /** Number of its feature in the splits. */
  feature: number;
  learner: LearnerOptions;
  plan: TablePlan;
}

/** @throws CollideError INVALID_ARGUMENT naming the table, UNKNOWN_OPTION, CUDA_UNAVAILABLE, NOT_SUPPORTED */
export function planTables(teacher: Teacher, common: LearnerOptions, options: LearnHashingOptions): PlannedTable[] {
  return teacher.features.map(({ name, cardinality }, feature) => {
    const learner = { ...common, ...ownOf(options.perFeature ?? {}, name) };
    checkFeatureOptions(name, learner, options.recent);
    const plan = planTable(teacher, feature, learner, options);
    return { name, cardinality, feature, learner, plan };
  });
}

function planTable(
  teacher: Teacher,
  feature: number,
  { unseen, method, parts: _, ...own }: LearnerOptions,
  options: LearnHashingOptions,
): TablePlan {
  const { name, cardinality, rows: vectors, counts } = teacher.features[feature]!;
  const { recent, signal } = options;
  const rows = Math.min(cardinality, ownOf(options.rows ?? {}, name) ?? targetRows(cardinality, options));
  const policy = unseen === 'out-of-vocabulary' ? 'shared' : unseen;
  // What is wrong with a learner's options must not wait for a larger table.
  const check = () => checkLearner(name, { ...own, method, unseen: policy }, cardinality, teacher.dim);
  if (rows >= cardinality) {
    if (method !== 'modulo') check();
    return { kind: 'whole' };
  }
  if (method === 'modulo') return { kind: 'hashed', rows, untaught: false };
  const gathers = policy === undefined || policy === 'shared' || policy === 'reserved';
  if (gathers && isUntaught(teacher.features[feature]!, feature, recent)) {
    check();
    return { kind: 'hashed', rows, untaught: true };
  }
  const hotCounts = recent === undefined ? counts : () => recentCounts(recent, feature, cardinality, signal);
  const knowledge = { rows: vectors, dim: teacher.dim, counts, hotCounts };
  const known = unseen === 'out-of-vocabulary' && rows > 1 ? recent![0]!.features[feature]?.outOfVocabulary : null;
  const outOfVocabulary = known ?? null;
  const learned = outOfVocabulary === null ? rows : rows - 1;
  const task = { name, teacher: knowledge, options: { ...own, method, rows: learned, unseen: policy } };
  return { kind: 'learned', task, outOfVocabulary };
}

/** The checks of a learner whose table needs none. */
function checkLearner(name: string, { method, ...options }: LearnerOptions, ids: number, dim: number): void {
  try {
    planMapping(
      { ...(options as LearnMappingOptions), method: method as LearnMappingOptions['method'], rows: Math.max(2, ids) },
      dim,
    );
  } catch (error) {
    if (!(error instanceof CollideError)) throw error;
    throw new CollideError(error.code, `Table "${name}": ${error.message}`, { cause: error });
  }
}
