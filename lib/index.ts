/**
 * learn-to-collide: learned hash functions for embedding tables. Re-exports only; each area documents its own.
 *
 * This is the main door: what a user of the whole needs, and every type that its signatures name. What an area has besides
 * is behind its own door: `learn-to-collide/clustering`, `/hashing`, `/embedding`, `/model`, `/data`, `/export`.
 */
export {
  type AgglomerateMethod,
  type AgglomerateOptions,
  agglomerate,
  type BinMass,
  type BudgetShare,
  type ClusterFilter,
  type Clustering,
  type ClusterProgress,
  type Counts,
  type EqualMassMethod,
  type FilterName,
  FREQUENCY_ABLATIONS,
  type IdWeight,
  type JobOptions,
  type KdTreeMethod,
  type KMeansMethod,
  type LearnedClusters,
  type LearnedMapping,
  type Learner,
  type LearnerInput,
  type LearnerName,
  type LearnerOption,
  type LearnerSettings,
  type LearningMethod,
  type LearnMappingOptions,
  type LearnOptions,
  type LshMethod,
  learners,
  learnMapping,
  learnMappings,
  type MappingProgress,
  type MappingStatistics,
  type MappingsProgress,
  type MappingTask,
  type MergedValue,
  type OnProgress,
  type Progress,
  type Projection,
  type TableStatistics,
  type TeacherKnowledge,
  type UniformShare,
} from './clustering/index.ts';
export { type CompareConfig, type CompareConfigInput, parseConfig } from './compare/config.ts';
export { loadConfig } from './compare/config_file.ts';
export type { UsedDevices } from './compare/plan.ts';
export type {
  Comparison,
  ComparisonBytes,
  ComparisonFailure,
  ComparisonFeature,
  ComparisonResult,
  ComparisonSplit,
} from './compare/results.ts';
export { readComparison, writeComparison } from './compare/results_file.ts';
export { type CompareOptions, compare } from './compare/run.ts';
export { type Aggregate, aggregate, type Spread } from './compare/statistics.ts';
export * from './data/index.ts';
export type { Device, PlacedOn } from './device.ts';
export * from './embedding/index.ts';
export { CollideError, type CollideErrorCode } from './errors.ts';
export {
  type MappingFormat,
  type Safetensors,
  type SafetensorsFile,
  type Tensor,
  type TensorAbout,
  type TensorArray,
  type TensorInput,
  type TensorPieces,
  type TensorType,
  writeMapping,
} from './export/index.ts';
export type { Combine, FeatureHashing } from './hashing/feature_hashing.ts';
export {
  type HashKind,
  type HotHash,
  type HotTail,
  type IdentityHash,
  type MixedHash,
  type MixedRadixHash,
  MOST_ROWS,
  type ModuloHash,
  type Packing,
  PRUNED,
  type QuotientHash,
  type StoredHash,
  type TableEntries,
  type TableHash,
  type TrainingHashes,
} from './hashing/index.ts';
export * from './hashing/kinds/index.ts';
export { type BaselineOptions, baselineHashing } from './methods/baseline.ts';
export type { Candidates } from './methods/choosing/candidates.ts';
export {
  type Attempt,
  chooseShape,
  hashedFeatures,
  type Judge,
  type Shape,
  tablesToHash,
} from './methods/choosing/choose.ts';
export type { Choice, DroppedShape } from './methods/choosing/method_training.ts';
export type { MethodSettings } from './methods/choosing/settings.ts';
export type { TeacherSettings } from './methods/choosing/teachers.ts';
export { type AutoOptions, type AutoTraining, trainAuto } from './methods/choosing/train_auto.ts';
export { clustered } from './methods/clustered.ts';
export { type CompressedTable, hashTables, type TableHashing } from './methods/hash_tables.ts';
export { methods } from './methods/index.ts';
export { type BudgetOptions, type BudgetPlan, planBudget } from './methods/learning/budget.ts';
export { crossFit } from './methods/learning/cross_fit.ts';
export { type CrossTeachers, trainCrossTeachers } from './methods/learning/cross_teachers.ts';
export { learnHashing } from './methods/learning/learn_hashing.ts';
export type { LearnerOptions, LearnHashingOptions, SizeOptions } from './methods/learning/options.ts';
export type { BuildTask, CompressionMethod, MethodTask } from './methods/method.ts';
export type { RowOptions } from './methods/table_rows.ts';
export * from './model/index.ts';
export { type BuildInfo, buildInfo, type CudaProbe, type NativeHash, probeCuda } from './native.ts';
export { Hashing, type HashingDetails, type HashingManifest, type LearnedFeature } from './pipeline/hashing.ts';
export { loadModel, saveModel, type TrainedModel } from './pipeline/model_folder.ts';
export type { Origin } from './pipeline/origin.ts';
export { Student, type StudentOptions, trainStudent } from './pipeline/student.ts';
export { Teacher, type TeacherFeature, type TeacherOptions, trainTeacher } from './pipeline/teacher.ts';
export { loadVectors, type VectorOptions } from './pipeline/vectors.ts';
export type { Registry } from './registry.ts';
export { formatTable, renderReport } from './report/index.ts';
export type { Fit } from './training/fit.ts';
export { auc, logLoss, logLossOfLogits, normalizedEntropy, normalizedEntropyOfLogits } from './training/metrics.ts';
export type { ModelOptions, TrainingOptions } from './training/options.ts';
export {
  type EpochOptions,
  evaluateSplit,
  type Metrics,
  type OutOfVocabularyTraining,
  predictSplit,
  trainEpoch,
} from './training/train.ts';
export { PACKAGE_VERSION } from './version.ts';
