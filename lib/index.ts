/** learn-to-collide: learned hash functions for embedding tables. Re-exports only; each area documents its own. */
export * from './clustering/index.ts';
export * from './data/index.ts';
export type { Device, PlacedOn } from './device.ts';
export * from './embedding/index.ts';
export { CollideError, type CollideErrorCode } from './errors.ts';
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
export * from './hashing/index.ts';
export * from './model/index.ts';
export { type BuildInfo, buildInfo, type CudaProbe, probeCuda } from './native.ts';
export { type BudgetOptions, type BudgetPlan, planBudget } from './pipeline/budget.ts';
export { type Attempt, chooseShape, hashedFeatures, type Judge, type Shape, tablesToHash } from './pipeline/choose.ts';
export { type CompareOptions, compare } from './pipeline/compare.ts';
export { type CompareConfig, type CompareConfigInput, loadConfig, parseConfig } from './pipeline/config.ts';
export { type CrossTeachers, crossFit, trainCrossTeachers } from './pipeline/cross_fit.ts';
export type { Fit } from './pipeline/fit.ts';
export { type FeatureHashing, Hashing, type HashingManifest } from './pipeline/hashing.ts';
export {
  type BaselineMethod,
  baselineHashing,
  type LearnerOptions,
  type LearnHashingOptions,
  learnHashing,
  type SizeOptions,
} from './pipeline/learn_hashing.ts';
export { type MappingFormat, writeMapping } from './pipeline/mapping_file.ts';
export { loadModel, saveModel, type TrainedModel } from './pipeline/model_folder.ts';
export type { ModelOptions, TrainingOptions } from './pipeline/model_options.ts';
export { aggregate, type Comparison, type ComparisonFailure, type ComparisonResult } from './pipeline/results.ts';
export { readComparison, writeComparison } from './pipeline/results_file.ts';
export { Student, type StudentBytes, type StudentOptions, trainStudent } from './pipeline/student.ts';
export { Teacher, type TeacherFeature, type TeacherOptions, trainTeacher } from './pipeline/teacher.ts';
export { loadVectors, type VectorOptions } from './pipeline/vectors.ts';
export { formatTable, renderReport } from './report/index.ts';
export { auc, logLoss, logLossOfLogits, normalizedEntropy, normalizedEntropyOfLogits } from './training/metrics.ts';
export { evaluateSplit, type Metrics, predictSplit, trainEpoch } from './training/train.ts';
export { PACKAGE_VERSION } from './version.ts';
