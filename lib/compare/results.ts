/** What a comparison of compression methods yields, as plain data: the content of results.json. */

import type { Shape } from '../methods/choosing/choose.ts';
import type { DroppedShape } from '../methods/choosing/method_training.ts';
import { full } from '../methods/full.ts';
import type { UsedDevices } from './plan.ts';

/** One trained and evaluated student; its shape is what its method chose on the validation split. */
export interface ComparisonResult extends Shape {
  method: string;
  /** Rows of the compressed tables as a share of their ids; 1 for the full table. */
  size: number;
  seed: number;
  /** Of the embedding optimizer, chosen on the validation split per method and size. */
  learningRate: number;
  /** Chosen with the learning rate. */
  epochs: number;
  /** Features of which the teacher could learn nothing: hashed by modulo in place of a learned hash. */
  untaught?: readonly string[];
  /** Tables that `auto` left whole because a learned hash would take at least as many bytes. */
  whole?: readonly string[];
  /** Learning rates that were left out because training diverged with them; of the seed that chose. */
  diverged?: readonly number[];
  /** Layouts that were left out because training diverged with every learning rate; of the seed that chose. */
  dropped?: readonly DroppedShape[];
  /** Of the evaluation split; NaN when its labels are all equal. */
  auc: number;
  logLoss: number;
  normalizedEntropy: number;
  /** Rows of all internal tables, small ones included; of parts, as many as make whole rows. */
  rows: number;
  bytes: ComparisonBytes;
  /** Where models trained and tables were clustered; results of earlier versions do not say. */
  devices?: UsedDevices;
  /** What this student's making took; a teacher shared by several counts in each. */
  seconds: { teacher: number; cluster: number; tune: number; train: number; evaluate: number };
}

/** A student that is missing because its training, or its teacher's, diverged. */
export interface ComparisonFailure {
  method: string;
  size: number;
  seed: number;
  reason: string;
}

/** Bytes of all embedding tables, small ones included. */
export interface ComparisonBytes {
  rows: number;
  /** What the hash functions need at inference. */
  mapping: number;
  /** Needed in training only. */
  optimizer: number;
  /** rows + mapping: the honest size. */
  total: number;
}

/** A feature of the data that were compared. */
export interface ComparisonFeature {
  name: string;
  cardinality: number;
  /** Whether its table was compressed; small tables stay whole. */
  compressed: boolean;
}

/** A split of the data that were compared. */
export interface ComparisonSplit {
  name: string;
  rows: number;
  /** Share of labels that are 1. */
  labelRate: number;
}

/**
 * A comparison: its config, the data and the machine, and a result for each method, size and seed. What `--json`
 * writes.
 */
export interface Comparison {
  /** Of this package. */
  version: string;
  /** The config as it was run, every default filled in. */
  config: object;
  machine: { [fact: string]: string | number };
  data: {
    /** Files or query the rows came from. */
    source: string;
    label: string;
    /** How ids were numbered; modulo hashing depends on it. */
    idOrder: string;
    features: ComparisonFeature[];
    dense: string[];
    splits: ComparisonSplit[];
    /** SHA-256 of the data's content; results of earlier versions have none and cannot be resumed. */
    fingerprint?: string;
  };
  /** What a reader has to know beside the figures: warnings, then e.g. that rows were sampled. */
  notes: string[];
  results: ComparisonResult[];
  /** Students that diverged, in no mean; results of earlier versions do not say. */
  failed?: ComparisonFailure[];
}

/** The method that everything else is measured against: no compression. */
export const FULL = full.name;

/** What is wrong with results of which two are of one student: it would count as two seeds. Undefined where none are. */
export function repeatedResult(
  results: readonly Pick<ComparisonResult, 'method' | 'size' | 'seed'>[],
): string | undefined {
  const known = new Set<string>();
  for (const { method, size, seed } of results) {
    const key = JSON.stringify([method, size, seed]);
    if (known.has(key)) return `expected one result of ${method} at size ${size} with seed ${seed}, received two`;
    known.add(key);
  }
  return undefined;
}
