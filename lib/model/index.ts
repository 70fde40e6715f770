/** Models: the dense net, and the recommender that puts embedding tables below it. */

export type { NativeDenseOptimizer } from '../native.ts';
export type { ModelBatch } from './batch.ts';
export { DenseNet, type DenseNetOptions, type DenseTensor } from './dense_net.ts';
export type { Head, HeadInput, HeadOp, HeadShape } from './head.ts';
export { heads } from './heads/index.ts';
export type { DenseAdagrad } from './optimizers/adagrad.ts';
export * from './optimizers/index.ts';
export type { Lamb } from './optimizers/lamb.ts';
export type { DenseOptimizerKind } from './optimizers/optimizer.ts';
export type { DenseSgd } from './optimizers/sgd.ts';
export { type ModelFeature, Recommender, type RecommenderOptions } from './recommender.ts';
export type { Standardization } from './standardization.ts';
