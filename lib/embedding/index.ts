/** Embedding tables: the fused lookup and its exact backward. */
export type { NativeEmbeddingOptimizer, TableReader } from '../native.ts';
export type { BagBatch, BatchSizes } from './batch.ts';
export type { Tensors } from './checkpoint.ts';
export { EmbeddingTables, type MemoryReport } from './embedding_tables.ts';
export type { FeatureOptions, Init, Precision } from './feature_options.ts';
export type { Adagrad } from './optimizers/adagrad.ts';
export type { Adam } from './optimizers/adam.ts';
export type { Ftrl } from './optimizers/ftrl.ts';
export * from './optimizers/index.ts';
export type {
  AdamOptions,
  CommonOptions,
  DecayOptions,
  EmbeddingOptimizerKind,
  EpsilonOptions,
} from './optimizers/optimizer.ts';
export type { RowwiseAdagrad } from './optimizers/rowwise_adagrad.ts';
export type { RowwiseAdam } from './optimizers/rowwise_adam.ts';
export type { Sgd } from './optimizers/sgd.ts';
export type { EmbeddingTablesOptions } from './options.ts';
export { rowSources } from './sources/index.ts';
export type { MixedDimensionOptions } from './sources/mixed_dimension.ts';
export type {
  RowGradients,
  RowSource,
  SourcedFeature,
  SourceNumbers,
  SourceOptions,
  SourceTable,
} from './sources/row_source.ts';
