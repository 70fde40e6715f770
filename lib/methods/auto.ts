/**
 * Hot rows, as many as the validation rows like, learned clusters for the other ids, and the hashing trick for tables whose
 * clusters do not earn the bytes of their mapping. docs/notebook/quality.md has what each of its choices gives.
 */
import { autoCandidates } from './choosing/candidates.ts';
import { hashedFeatures } from './choosing/choose.ts';
import { learnHashing } from './learning/learn_hashing.ts';
import type { CompressionMethod } from './method.ts';
import { allRows, dearTables } from './table_rows.ts';

export const auto: CompressionMethod = {
  name: 'auto',
  needs: 'teacher',
  learner: 'agglomerative',
  role: 'headline',
  keepsWhole: ({ features, ...rows }) => dearTables(features, rows),
  choices: (task) => {
    const { features, recent, size, minRows, settings } = task;
    const whole = dearTables(features, task);
    return autoCandidates({ features, teacher: task.teacher!, recent }, { ...settings, size, minRows, whole });
  },
  build: (task) => {
    const { teacher, features, size, minRows, seed, recent, device, threads, signal, onProgress } = task;
    return learnHashing(teacher!, {
      ...{ size, minRows, seed, recent, device, threads, signal, onProgress },
      hotShare: task.shape.hotShare,
      parts: task.shape.parts,
      unseen: task.settings.unseen,
      rows: allRows(features, dearTables(features, task)),
      perFeature: hashedFeatures(task.shape),
    });
  },
};
