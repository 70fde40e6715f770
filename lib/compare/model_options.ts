/** A config's sections as the options of the functions that train. */
import type { TrainingOptions } from '../training/options.ts';
import type { CompareConfig } from './config.ts';

/** A config's model and training sections, and its device, as options. */
export function modelOptions({ model, training, compare, device }: CompareConfig): TrainingOptions {
  return {
    bottomHidden: model.bottom.slice(0, -1),
    topHidden: model.top.slice(0, -1),
    standardize: model.standardize,
    embeddingOptimizer: training.embeddingOptimizer,
    denseOptimizer: training.denseOptimizer,
    batchSize: training.batchSize === 'auto' ? undefined : training.batchSize,
    patience: compare.tune.patience,
    device,
    threads: training.threads,
  };
}
