/** learn-to-collide: learned hash functions for embedding tables. Re-exports only; each area documents its own. */
export * from './clustering/index.ts';
export { type CompareOptions, compare } from './compare/compare.ts';
export { type CompareConfig, type CompareConfigInput, loadConfig, parseConfig } from './compare/config.ts';
export { aggregate, type Comparison, type ComparisonFailure, type ComparisonResult } from './compare/results.ts';
export { readComparison, writeComparison } from './compare/results_file.ts';
export * from './data/index.ts';
export type { Device, PlacedOn } from './device.ts';
export * from './embedding/index.ts';
export { CollideError, type CollideErrorCode } from './errors.ts';
export { type MappingFormat, writeMapping } from './export/mapping_file.ts';
export {
  readSafetensors,
  type Safetensors,
  type SafetensorsFile,
  type Tensor,
  type TensorInput,
  type TensorPieces,
  withSafetensors,
  writeSafetensors,
} from './files/index.ts';
export type { FeatureHashing } from './hashing/feature_hashing.ts';
export * from './hashing/index.ts';
export { type BaselineOptions, baselineHashing } from './methods/baseline.ts';
export { type BudgetOptions, type BudgetPlan, planBudget } from './methods/budget.ts';
export { type Attempt, chooseShape, hashedFeatures, type Judge, type Shape, tablesToHash } from './methods/choose.ts';
export { clustered } from './methods/clustered.ts';
export { type CrossTeachers, crossFit, trainCrossTeachers } from './methods/cross_fit.ts';
export { type CompressedTable, hashTables, type TableHashing } from './methods/hash_tables.ts';
export { methods } from './methods/index.ts';
export {
  type LearnerOptions,
  type LearnHashingOptions,
  learnHashing,
  type SizeOptions,
} from './methods/learn_hashing.ts';
export type { BuildTask, CompressionMethod, MethodTask } from './methods/method.ts';
export type { Choice, DroppedShape, OnProgress } from './methods/method_training.ts';
export type { MethodSettings } from './methods/settings.ts';
export type { TeacherSettings } from './methods/teachers.ts';
export { type AutoOptions, type AutoTraining, trainAuto } from './methods/train_auto.ts';
export * from './model/index.ts';
export { type BuildInfo, buildInfo, type CudaProbe, probeCuda } from './native.ts';
export { Hashing, type HashingManifest } from './pipeline/hashing.ts';
export { loadModel, saveModel, type TrainedModel } from './pipeline/model_folder.ts';
export { Student, type StudentBytes, type StudentOptions, trainStudent } from './pipeline/student.ts';
export { Teacher, type TeacherFeature, type TeacherOptions, trainTeacher } from './pipeline/teacher.ts';
export { loadVectors, type VectorOptions } from './pipeline/vectors.ts';
export { formatTable, renderReport } from './report/index.ts';
export type { Fit } from './training/fit.ts';
export { auc, logLoss, logLossOfLogits, normalizedEntropy, normalizedEntropyOfLogits } from './training/metrics.ts';
export type { ModelOptions, TrainingOptions } from './training/options.ts';
export { evaluateSplit, type Metrics, predictSplit, trainEpoch } from './training/train.ts';
export { PACKAGE_VERSION } from './version.ts';
