/** What the package exports by all its doors (package.json, `exports`). */
export * from '../../lib/clustering/index.ts';
export * from '../../lib/data/index.ts';
export type { OwnEmbeddingOptimizers } from '../../lib/embedding/index.ts'; // tests augment these through the main door
export * from '../../lib/embedding/index.ts';
export * from '../../lib/export/index.ts';
export type { OwnHashFunctions } from '../../lib/hashing/index.ts'; // as above
export * from '../../lib/hashing/index.ts';
export * from '../../lib/index.ts';
export type { OwnDenseOptimizers } from '../../lib/model/index.ts'; // as above
export * from '../../lib/model/index.ts';
