/** That splits are of the vocabulary of a model, or of one another. */
import { checkSplit } from '../data/check_split.ts';
import { checkSameVocabulary, type Sides } from '../data/same_vocabulary.ts';
import type { Split } from '../data/types.ts';
import type { Vocabulary } from '../data/vocabulary.ts';

/**
 * Checks that a split has the vocabulary of a model.
 *
 * @param where - what the split is for
 * @throws CollideError INVALID_ARGUMENT for what is no split, VOCABULARY_MISMATCH naming the first difference
 */
export function checkSplitOf(model: Vocabulary, split: unknown, where: string, sides: Partial<Sides> = {}): Split {
  const checked = checkSplit(split, where);
  checkSameVocabulary(model, checked.vocabulary, { model: 'the model', data: 'the data', ...sides });
  return checked;
}

/** Checks the splits of a training: one to train on, and maybe those for validation and for out-of-vocabulary rows. */
export function checkTrainingSplits(
  split: unknown,
  { validation, outOfVocabulary }: { validation?: unknown; outOfVocabulary?: unknown },
  where: string,
): void {
  const { vocabulary } = checkSplit(split, where);
  const model = 'the rows to train on';
  if (validation !== undefined) {
    checkSplitOf(vocabulary, validation, `validation of ${where}`, { model, data: 'validation' });
  }
  if (typeof outOfVocabulary !== 'object' || outOfVocabulary === null) return; // what it has to be is checked elsewhere
  const { older } = outOfVocabulary as { older?: unknown };
  checkSplitOf(vocabulary, older, `older of outOfVocabulary of ${where}`, { model, data: 'older' });
}
