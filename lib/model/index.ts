/** Models: the dense net, and the recommender that puts embedding tables below it. */
export type { ModelBatch } from './batch.ts';
export { DenseNet, type DenseNetOptions, type DenseOptimizer, type DenseTensor } from './dense_net.ts';
export { type ModelFeature, Recommender, type RecommenderOptions } from './recommender.ts';
export type { Standardization } from './standardization.ts';
