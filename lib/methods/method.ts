/** What a compression method is: a name, what it has to know, and the hash functions that it makes of that. */

import type { LearningMethod } from '../clustering/index.ts';
import type { FeatureInfo } from '../data/feature_info.ts';
import type { Split } from '../data/types.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import type { Device } from '../device.ts';
import type { OnProgress } from '../job.ts';
import type { Hashing } from '../pipeline/hashing.ts';
import type { Teacher } from '../pipeline/teacher.ts';
import type { Candidates } from './choosing/candidates.ts';
import type { Shape } from './choosing/choose.ts';
import type { MethodSettings } from './choosing/settings.ts';
import type { RowOptions } from './table_rows.ts';

/**
 * A way to make tables smaller. Those of this package and those that a program adds stand in the registry `methods`, by
 * which `compare`, its config and its report know them.
 */
export interface CompressionMethod {
  readonly name: string;
  /**
   * What it reads beside the numbers of ids: `counts`: how often ids come in the newest rows (`recent`); `teacher`: a model
   * of the past rows, which is trained for it.
   */
  readonly needs: 'nothing' | 'counts' | 'teacher';
  /** The learner that clusters the teacher's rows, if one does: it decides where a device is of use. */
  readonly learner?: LearningMethod;
  /** Why its students cannot train on CUDA, for the message. Default: they can. */
  readonly cudaObstacle?: string;
  /**
   * What the report takes it for. `whole`: no compression, so that it has one size; `baseline`: hashing without learning,
   * which other methods are measured against (of several the first that was run); `headline`: the first sentences are
   * about it. Default: one of the methods that are compared.
   */
  readonly role?: 'whole' | 'baseline' | 'headline';
  /** Tables that it leaves whole though `size` would compress them. Default: none. */
  keepsWhole?(task: MethodTask): string[];
  /** What is chosen on the validation rows. Default: there is nothing to choose. */
  choices?(task: MethodTask): Candidates;
  /** The hash functions of all features. `hashTables` makes them table by table. */
  build(task: BuildTask): Promise<Hashing>;
}

/** What a method has to do. */
export interface MethodTask extends RowOptions {
  /** The method's own name. */
  method: string;
  minRows: number;
  features: readonly FeatureInfo[];
  vocabulary?: Vocabulary;
  /** Width of the student's rows. */
  dim: number;
  /** The newest rows, whose accesses may be counted: counts carry no label. Given to a method that needs counts. */
  recent?: readonly Split[];
  /** Of a method that needs a teacher. */
  teacher?: Teacher;
  settings: MethodSettings;
  /** Of hash functions that are drawn. */
  seed: number;
  /** Where learners run. Default `cpu`. */
  device?: Device;
  /** Native threads; results do not depend on it. Default: all of this machine. */
  threads?: number;
  /** Stops the work; the promise rejects with ABORTED. */
  signal?: AbortSignal;
  /** Told what is being done, and the share of it that is done, 0 to 1. */
  onProgress?: OnProgress;
}

/** The same, once there is nothing left to choose. */
export interface BuildTask extends MethodTask {
  /** One of the method's choices. */
  shape: Shape;
}
