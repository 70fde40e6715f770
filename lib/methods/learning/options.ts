/** The options of learnHashing: their meaning and their checks, before anything is learned. */
import type { JobOptions, LearnerSettings, LearnMappingOptions } from '../../clustering/index.ts';
import { learnerOptionNames } from '../../clustering/learners/index.ts';
import type { Split } from '../../data/types.ts';
import { CollideError, checkCallbacks, checkInteger, checkOptions, describe } from '../../errors.ts';
import { optionNames } from '../../option_names.ts';
import type { Teacher } from '../../pipeline/teacher.ts';
import type { RowOptions } from '../table_rows.ts';
import { checkFeatures } from './budget.ts';
import { MOST_PARTS } from './parts.ts';
import { checkRecent } from './recent_counts.ts';

export interface SizeOptions extends RowOptions {
  /** Share of a compressed table's rows for the hottest ids. Default 0; `frequent` 0.5. */
  hotShare?: number;
  /**
   * Splits whose accesses decide which ids are hot. Counts carry no label, so everything up to the start of evaluation
   * may be counted, the student's own rows included. Default: the teacher's counts.
   */
  recent?: readonly Split[];
  seed?: number;
}

/** How the rows of a feature are learned: the options of `learnMapping`, but for the rows and the job. */
export interface LearnerOptions
  extends Omit<LearnMappingOptions, 'rows' | 'seed' | 'unseen' | 'method' | keyof JobOptions> {
  /** As for `learnMapping`, or 'modulo': the hashing trick, for a table whose teacher has nothing to say. */
  method?: LearnMappingOptions['method'] | 'modulo';
  /**
   * As for `learnMapping`, or 'out-of-vocabulary': cold ids, which own no row and have no cluster, are served by the
   * out-of-vocabulary row. It needs `recent`, and `outOfVocabulary` when the student trains.
   */
  unseen?: LearnMappingOptions['unseen'] | 'out-of-vocabulary';
  /**
   * Pieces that an id's row is put together of, side by side, each `dim / parts` wide: the first is that of the learned
   * hash, the others come from the hashing trick, each with another mixing hash over as many rows. Ids that share a cluster
   * are told apart by what they do not share, in the same bytes; a lookup reads `parts` places. Default 1.
   */
  parts?: number;
  seed?: number;
}

export interface LearnHashingOptions extends SizeOptions, LearnerOptions, JobOptions {
  /** Rows of single features by name, as `planBudget` gives them; the others follow `size` and `minRows`. */
  rows?: Readonly<Record<string, number>>;
  /** Learner options of single features by name: each goes before the common one, and undefined means its default. */
  perFeature?: Readonly<Record<string, LearnerOptions>>;
}

const LEARNER_OPTIONS = optionNames<Omit<LearnerOptions, keyof LearnerSettings>>({
  ...{ hotShare: true, seed: true, method: true, unseen: true, parts: true, reservedShare: true, hashes: true },
  ...{ combine: true, projection: true, device: true },
});

const OPTIONS = optionNames<Omit<LearnHashingOptions, keyof LearnerOptions>>({
  ...{ size: true, minRows: true, recent: true, rows: true, perFeature: true, signal: true, threads: true },
  onProgress: true,
});

/** @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, VOCABULARY_MISMATCH */
export function checkLearnHashing(teacher: Teacher, options: LearnHashingOptions): void {
  const learning = [...LEARNER_OPTIONS, ...learnerOptionNames()];
  checkOptions(options, [...OPTIONS, ...learning], 'learnHashing');
  const { recent, rows = {}, perFeature = {}, signal, onProgress } = options;
  checkCallbacks(signal, onProgress);
  checkRecent(recent, teacher.vocabulary, 'learnHashing', 'the teacher');
  checkFeatures(rows, teacher, 'rows of learnHashing');
  for (const [name, own] of Object.entries(rows)) checkInteger(own, 1, 2 ** 32 - 1, `rows of "${name}"`);
  checkFeatures(perFeature, teacher, 'perFeature of learnHashing');
  for (const [name, own] of Object.entries(perFeature)) {
    checkOptions(own, learning, `perFeature "${name}" of learnHashing`);
    checkModulo(own, `perFeature "${name}" of learnHashing`);
  }
}

/** @throws CollideError INVALID_ARGUMENT for an option beside method 'modulo', which learns nothing */
function checkModulo(own: LearnerOptions, where: string): void {
  const useless = Object.entries(own).find(([key, value]) => key !== 'method' && value !== undefined)?.[0];
  if (own.method !== 'modulo' || useless === undefined) return;
  throw new CollideError('INVALID_ARGUMENT', `Expected no ${useless} for ${where}: method "modulo" has no use for it`);
}

/** What learnHashing adds to the options of learnMapping. @throws CollideError INVALID_ARGUMENT where they do not fit */
export function checkFeatureOptions(
  name: string,
  { unseen, parts = 1, hashes }: LearnerOptions,
  recent: readonly Split[] | undefined,
): void {
  if (unseen === 'out-of-vocabulary') {
    if (recent === undefined || recent.length === 0) {
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected splits to count for unseen "out-of-vocabulary" (recent), received ${describe(recent)}`,
      );
    }
    checkOneHash(hashes, 'unseen "out-of-vocabulary"');
  }
  if (checkInteger(parts, 1, MOST_PARTS, `parts of "${name}"`) > 1) checkOneHash(hashes, 'parts above 1');
}

/** @throws CollideError INVALID_ARGUMENT for more than one learned hash */
function checkOneHash(hashes: number | undefined, where: string): void {
  if (hashes === undefined || hashes === 1) return;
  throw new CollideError('INVALID_ARGUMENT', `Expected 1 hash for ${where}, received ${describe(hashes)}`);
}

/** What is said of one feature; a name may be that of something every object has. */
export function ownOf<T>(byFeature: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(byFeature, name) ? byFeature[name] : undefined;
}
