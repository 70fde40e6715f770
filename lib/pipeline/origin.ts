/**
 * Where a hashing or teacher comes from: the vocabulary of the data that its ids are of, and the teacher. Parts of a model
 * know each other by what is in them (SHA-256), in files too, so that parts of different trainings are told apart, and the
 * same training gives the same files again.
 */
import { createHash } from 'node:crypto';
import { checkSameVocabulary, type Sides } from '../data/same_vocabulary.ts';
import { Vocabulary } from '../data/vocabulary.ts';
import { CollideError } from '../errors.ts';
import type { TensorInput } from '../files/index.ts';

/** Where a part of a model comes from. A part that is not given is not known. */
export interface Origin {
  vocabulary?: Vocabulary;
  /** The fingerprint of the teacher that a hashing was learned from. */
  teacher?: string;
}

/** SHA-256, in hex, of a text and tensors. */
export function fingerprint(text: string, tensors: Readonly<Record<string, TensorInput>>): string {
  const hash = createHash('sha256').update(text);
  for (const [name, { shape, data }] of Object.entries(tensors)) hash.update(`${name} ${shape}`).update(data);
  return hash.digest('hex');
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
 * Checks that two parts are of one training, by the fingerprint of what they have in common. What is not known (of a
 * hashing without a teacher) goes with everything.
 *
 * @throws CollideError INVALID_ARGUMENT
 */
export function checkSameTraining(ofModel: string | undefined, ofData: string | undefined, sides: Sides): void {
  if (ofModel === undefined || ofData === undefined || ofModel === ofData) return;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected ${sides.model} and ${sides.data} of one training, received those of two (${ofModel.slice(0, 12)} and ${ofData.slice(0, 12)})`,
  );
}
