/** Teacher rows and access counts -> learned hash functions. */

export type { JobOptions, OnProgress, Progress } from '../job.ts';
export {
  type BudgetShare,
  type BudgetTable,
  type DistortionCurve,
  distortionCurve,
  shareBudget,
  type UniformShare,
  uniformShare,
} from './budget.ts';
export { hilbertKeys } from './hilbert.ts';
export {
  type LearnedMapping,
  learnMapping,
  type TeacherKnowledge,
} from './learn_mapping.ts';
export type { LearningMethod, LearnMappingOptions, MappingProgress, Projection } from './learn_mapping_options.ts';
export { learnMappings, type MappingsProgress, type MappingTask } from './learn_mappings.ts';
export type { LearnedClusters, Learner, LearnerInput, LearnerOption, LearnOptions } from './learner.ts';
export {
  type AgglomerateMethod,
  type AgglomerateOptions,
  agglomerate,
  type ClusterFilter,
  type Clustering,
  type ClusterProgress,
  type FilterName,
  FREQUENCY_ABLATIONS,
  type MergedValue,
} from './learners/agglomerative.ts';
export {
  type BinMass,
  type EqualMassMethod,
  type EqualMassOptions,
  equalMassBins,
  learnEqualMass,
} from './learners/equal_mass.ts';
export {
  idWeights,
  type OptimalBins,
  type OptimalBinsOptions,
  type OptimalBinsProgress,
  optimalBins,
} from './learners/exact.ts';
export { type LearnerName, type LearnerSettings, learners } from './learners/index.ts';
export {
  type IdWeight,
  type KMeansClustering,
  type KMeansMethod,
  type KMeansOptions,
  type KMeansProgress,
  kMeans,
} from './learners/k_means.ts';
export { type KdTreeMethod, type KdTreeOptions, learnKdTree } from './learners/kd_tree.ts';
export {
  type LshClustering,
  type LshMethod,
  type LshOptions,
  type LshProgress,
  learnLsh,
  stableHashes,
} from './learners/lsh.ts';
export type { MappingStatistics, TableStatistics } from './mapping_statistics.ts';
export {
  axisProjection,
  type PrincipalComponents,
  type PrincipalOptions,
  principalComponents,
  principalProjection,
  principalRotation,
  type ViewOptions,
} from './principal.ts';
export type { Counts } from './types.ts';
