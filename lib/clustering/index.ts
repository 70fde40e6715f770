/** Teacher rows and access counts -> learned hash functions. */
export {
  type AgglomerateMethod,
  type AgglomerateOptions,
  agglomerate,
  type ClusterFilter,
  type Clustering,
  type ClusterProgress,
  type FilterName,
} from './agglomerative.ts';
export { type BinMass, type EqualMassOptions, equalMassBins, learnEqualMass } from './equal_mass.ts';
export { hilbertKeys } from './hilbert.ts';
export { type IdWeight, type KMeansClustering, type KMeansMethod, type KMeansOptions, kMeans } from './k_means.ts';
export { learnKdTree } from './kd_tree.ts';
export {
  type LearnedMapping,
  learnMapping,
  type MappingStatistics,
  type TableStatistics,
  type TeacherKnowledge,
} from './learn_mapping.ts';
export type { LearningMethod, LearnMappingOptions } from './learn_mapping_options.ts';
export { type LshClustering, type LshMethod, type LshOptions, learnLsh, stableHashes } from './lsh.ts';
export { idWeights, type OptimalBins, type OptimalBinsOptions, optimalBins } from './optimal_bins.ts';
export { axisProjection, type PrincipalComponents, principalComponents, principalProjection } from './principal.ts';
export type { Counts, Learner } from './types.ts';
