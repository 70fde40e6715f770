/** Methods that cluster the rows of a teacher and have nothing to choose: the paper's, and one for each other learner. */
import { type LearningMethod, learners } from '../clustering/index.ts';
import { learnHashing } from './learning/learn_hashing.ts';
import type { CompressionMethod } from './method.ts';

/**
 * The compression method whose tables are the clusters of a learner. The learners of this package have theirs; for one that a
 * program has added:
 *
 * @param learner - its name in `learners`
 * @param name - of the method. Default: the learner's
 * @throws CollideError INVALID_ARGUMENT for a learner that does not exist
 * @example
 * ```ts
 * learners.add(myLearner);
 * methods.add(clustered('my-learner')); // compare.methods of a config may name it now
 * ```
 */
export function clustered(learner: LearningMethod, name: string = learner): CompressionMethod {
  learners.get(learner, 'the learner of clustered');
  return {
    name,
    needs: 'teacher',
    learner,
    build: ({ teacher, size, minRows, seed, recent, device, threads, signal, onProgress }) =>
      learnHashing(teacher!, {
        ...{ method: learner, size, minRows, seed, recent, device, threads, signal, onProgress },
      }),
  };
}

/** Agglomerative clusters of the teacher's values, as in "Learning to Collide". */
export const learned: CompressionMethod = { ...clustered('agglomerative', 'learned'), role: 'headline' };
