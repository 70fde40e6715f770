/** A config's sections as the options of the functions that train. */
import type { Dataset } from '../data/types.ts';
import type { MethodTrainingOptions } from '../methods/choosing/method_training.ts';
import type { AutoOptions } from '../methods/choosing/train_auto.ts';
import { heads } from '../model/heads/index.ts';
import type { CompareConfig } from './config.ts';

/** A config's model and training sections, and its device, as options. */
export function modelOptions({ model, training, compare, device }: CompareConfig) {
  const { takes } = heads.get(model.kind, 'model.kind');
  return {
    head: model.kind,
    ...(takes.includes('bottomHidden') ? { bottomHidden: model.bottom.slice(0, -1) } : {}),
    ...(takes.includes('topHidden') ? { topHidden: model.top.slice(0, -1) } : {}),
    standardize: model.standardize,
    embeddingOptimizer: training.embeddingOptimizer,
    denseOptimizer: training.denseOptimizer,
    batchSize: training.batchSize === 'auto' ? undefined : training.batchSize,
    patience: compare.tune.patience,
    device,
    threads: training.threads,
  };
}

/** What training a student by any method of a config has in common. */
export function methodOptions(
  config: CompareConfig,
  data: Dataset,
  signal: AbortSignal | undefined,
): Omit<MethodTrainingOptions, 'data' | 'size' | 'seed' | 'teachers'> {
  const { compare, model, teacher, training } = config;
  const { hotShare, parts, unseen, minRows, tune } = compare;
  const outOfVocabulary = { older: data.split('teacher'), share: training.outOfVocabularyShare };
  return {
    ...{ minRows, dim: model.dim, learningRates: tune.learningRate, maxEpochs: tune.maxEpochs },
    settings: { hotShare, parts, unseen, crossFit: teacher.crossFit },
    student: { ...modelOptions(config), outOfVocabulary, signal },
  };
}

/** What `trainAuto` needs to train the student that a comparison by this config trains first. */
export function autoOptions(config: CompareConfig): AutoOptions {
  const { compare, model, teacher, training } = config;
  const { hotShare, parts, unseen, minRows, tune } = compare;
  return {
    ...{ ...modelOptions(config), dim: model.dim, minRows, hotShare, parts, unseen, crossFit: teacher.crossFit },
    ...{ outOfVocabularyShare: training.outOfVocabularyShare, learningRate: tune.learningRate, epochs: tune.maxEpochs },
    teacher: { dim: teacher.dim, learningRate: teacher.learningRate, epochs: teacher.maxEpochs },
  };
}
