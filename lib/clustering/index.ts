/** Teacher rows and access counts -> learned hash functions. */
export {
  type AgglomerateMethod,
  type AgglomerateOptions,
  agglomerate,
  type ClusterFilter,
  type Clustering,
  type ClusterProgress,
  type FilterName,
  FREQUENCY_ABLATIONS,
} from './agglomerative.ts';
export {
  type BudgetShare,
  type BudgetTable,
  type DistortionCurve,
  distortionCurve,
  shareBudget,
  type UniformShare,
  uniformShare,
} from './budget.ts';
export { type BinMass, type EqualMassOptions, equalMassBins, learnEqualMass } from './equal_mass.ts';
export { hilbertKeys } from './hilbert.ts';
export type { JobOptions } from './job.ts';
export { type IdWeight, type KMeansClustering, type KMeansMethod, type KMeansOptions, kMeans } from './k_means.ts';
export { type KdTreeOptions, learnKdTree } from './kd_tree.ts';
export {
  type LearnedMapping,
  learnMapping,
  type MappingStatistics,
  type TableStatistics,
  type TeacherKnowledge,
} from './learn_mapping.ts';
export type { LearningMethod, LearnMappingOptions, MappingProgress } from './learn_mapping_options.ts';
export { learnMappings, type MappingsProgress, type MappingTask } from './learn_mappings.ts';
export { type LshClustering, type LshMethod, type LshOptions, learnLsh, stableHashes } from './lsh.ts';
export { idWeights, type OptimalBins, type OptimalBinsOptions, optimalBins } from './optimal_bins.ts';
export {
  axisProjection,
  type PrincipalComponents,
  type PrincipalOptions,
  principalComponents,
  principalProjection,
  principalRotation,
  type ViewOptions,
} from './principal.ts';
export type { Counts, Learner } from './types.ts';
