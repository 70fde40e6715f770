/**
 * Where a teacher, hashing or student comes from: the vocabulary of the data that its ids are of, and the training run. All
 * that one training makes has the run id of its teacher, in files too, so that parts of different runs are told apart.
 */
import { randomUUID } from 'node:crypto';
import { checkSameVocabulary, type Sides } from '../data/same_vocabulary.ts';
import { Vocabulary } from '../data/vocabulary.ts';
import { CollideError } from '../errors.ts';

/** What is left out is not known. */
export interface Origin {
  vocabulary?: Vocabulary;
  /** Of the training: the same for a teacher, the hashings learned from it and the students trained with those. */
  run?: string;
}

/** The id of a new training: random, so that no two are taken for one. */
export function newRun(): string {
  return randomUUID();
}

/**
 * The vocabulary of a part of a model.
 *
 * @param what - the part, for messages: `the teacher`
 * @throws CollideError VOCABULARY_MISMATCH when the one given is of other features
 */
export function vocabularyOf(
  features: readonly { name: string; cardinality: number }[],
  given: Vocabulary | undefined,
  what: string,
): Vocabulary {
  const own = new Vocabulary({ features: features.map(({ name, cardinality }) => ({ name, cardinality })) });
  if (given !== undefined) {
    checkSameVocabulary(given, own, { model: 'the vocabulary', data: what }, 'Both are to be of the same data');
  }
  return given ?? own;
}

/**
 * Checks that two parts are of one training. What is of no known training (a hashing without a teacher, parts made
 * elsewhere) goes with everything.
 *
 * @throws CollideError INVALID_ARGUMENT
 */
export function checkSameRun(model: string | undefined, data: string | undefined, sides: Sides): void {
  if (model === undefined || data === undefined || model === data) return;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected ${sides.model} and ${sides.data} of one training, received those of the runs ${model} and ${data}`,
  );
}
