/** Embedding tables: the fused lookup and its exact backward. */

export type { BagBatch, BatchSizes } from './batch.ts';
export type { Tensors } from './checkpoint.ts';
export { EmbeddingTables, type MemoryReport } from './embedding_tables.ts';
export type { FeatureOptions, Init, Precision } from './feature_options.ts';
export type { EmbeddingOptimizer } from './optimizer.ts';
export type { EmbeddingTablesOptions } from './options.ts';
