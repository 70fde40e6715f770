/** Methods that cluster the rows of a teacher and have nothing to choose: the paper's, and one for each other learner. */
import type { LearningMethod } from '../clustering/index.ts';
import { learnHashing } from './learn_hashing.ts';
import type { CompressionMethod } from './method.ts';

/**
 * The method whose tables are the clusters of a learner.
 *
 * @param name - default: the learner's
 */
export function clustered(learner: LearningMethod, name: string = learner): CompressionMethod {
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
