/** Embedding tables: the fused lookup and its exact backward. */
export { type BagBatch, EmbeddingTables, type MemoryReport } from './embedding_tables.ts';
export type { EmbeddingOptimizer, EmbeddingTablesOptions, FeatureOptions, Init } from './options.ts';
