/** Data: files, SQL and arrays to encoded batches. */

export type { OnProgress, Progress } from '../job.ts';
export { type Batch, type BatchOptions, batches, shuffled } from './batches.ts';
export type { DataConfig, DataConfigInput, NumberedConfigInput } from './config.ts';
export { type NumberedData, type OpenDatasetOptions, openDataset } from './dataset.ts';
export type { FeatureInfo, UnseenPolicy } from './feature_info.ts';
export { type DatasetArrays, datasetFromArrays, type SplitArrays } from './memory.ts';
export { flights } from './presets.ts';
export { type SyntheticDataset, type SyntheticOptions, syntheticDataset } from './synthetic.ts';
export type { Dataset, FeatureIds, IdOrder, Split, SplitName } from './types.ts';
export type { ValueTexts } from './value_texts.ts';
export { Vocabulary, type VocabularyColumn, type VocabularyFeature, type VocabularyParts } from './vocabulary.ts';
