/**
 * What a clustering learner is: one file in learners/ for each of this package, and a call of `learners.add` for one of a
 * program's own. The options of learnMapping, the flags of `collide cluster` and the checks of both follow from it.
 */
import type { PlacedOn } from '../device.ts';
import { CollideError, checkInteger, checkOneOf, describe } from '../errors.ts';
import type { JobOptions } from '../job.ts';

/** What a learner clusters. Nobody changes the arrays before its promise settles. */
export interface LearnerInput<Vectors = Float32Array | Float64Array> {
  /**
   * Finite, [ids * dim]: Float64Array [ids] for a learner of one dimension, otherwise the teacher's rows, a Float32Array.
   */
  vectors: Vectors;
  /** 1 for a learner of one dimension. */
  dim: number;
  /** Accesses per id, whole numbers, [ids]. */
  counts: Float64Array;
}

/** How a learner clusters, beside the options that are its own. */
export interface LearnOptions extends JobOptions {
  /** Clusters wanted, from 1 to the number of ids. */
  clusters: number;
  /** Where it runs, one of the learner's devices. Default 'cpu'. */
  device?: PlacedOn;
  /** For learners that draw at random. Default 0n. */
  seed?: bigint;
}

/** What a learner gives. It may have more fields than these. */
export interface LearnedClusters {
  /** Cluster of each id, [ids]: 0 .. clusters - 1, every one of them used. */
  assignment: Uint32Array;
  /** Rounds that it took, of a learner that works in rounds. */
  rounds?: number;
  /** The limit of ids to a cluster, where there is one; it may be a soft one. */
  maxClusterSize?: number;
}

/** One option of a learner. */
export interface LearnerOption<T = unknown> {
  /** What it is for, in a line: help of the command line. */
  help: string;
  /** Absent: the learner finds it out from what it is given. */
  default?: T;
  /** How the command line reads its flag; absent: it has none. */
  flag?: 'number' | 'text' | 'switch';
  /**
   * Returns a value that the option may have.
   *
   * @throws CollideError INVALID_ARGUMENT for other values
   */
  check(value: unknown, where: string): T;
}

/** A way to cluster ids by what a teacher knows of them. */
export interface Learner<Own extends object = Record<string, unknown>, Name extends string = string> {
  /** What options, flags and configs call it. */
  name: Name;
  /** Its own options. Those of one name must mean the same for every learner. */
  options: { [Option in keyof Own]-?: LearnerOption<Required<Own>[Option]> };
  /** Flags of the command line that stand for several options: by name what each of their choices means. */
  shorthands?: Record<string, { help: string; choices: Record<string, Partial<Own>> }>;
  /** Where it can run. */
  devices: readonly PlacedOn[];
  /** What its CUDA kernels cannot do of some options, for messages; undefined: nothing. */
  cudaObstacle?(options: Own): string | undefined;
  /** Whether it clusters the teacher's rows in all their dimensions or one value for each id, a 1-D view of them. */
  dimensions: 'one' | 'all';
  /** Whether its clusters are intervals of that one value. */
  cuts1D: boolean;
  /** Whether the order of the ids is all that it takes of the value, as for a place on a Hilbert curve. Default false. */
  ordersOnly?: boolean;
  /** Whether it draws at random, so that another seed gives other clusters. Default false. */
  seeded?: boolean;
  /**
   * Clusters. Deterministic: equal input and options give equal bits for any number of threads.
   *
   * @throws CollideError INVALID_ARGUMENT, ABORTED, OUT_OF_MEMORY; by rejecting the promise
   */
  learn(input: LearnerInput, options: LearnOptions & Own): Promise<LearnedClusters>;
}

/** The own options of a learner, those not given by their defaults. @throws CollideError INVALID_ARGUMENT */
export function completeOptions<Own extends object>(
  options: { [Option in keyof Own]-?: LearnerOption<Required<Own>[Option]> },
  given: Own,
  where: string,
): Own {
  const complete: Partial<Own> = {};
  for (const name of Object.keys(options) as (keyof Own & string)[]) {
    const value = given[name] === undefined ? options[name].default : given[name];
    if (value !== undefined) complete[name] = options[name].check(value, `${name} of ${where}`);
  }
  return complete as Own;
}

/** An option that is a whole number. */
export function wholeOption(
  least: number,
  most: number,
  about: { help: string; default?: number },
): LearnerOption<number> {
  return { ...about, flag: 'number', check: (value, where) => checkInteger(value, least, most, where) };
}

/** An option that is one of several words. */
export function choiceOption<T extends string>(
  choices: readonly T[],
  about: { help: string; default: NoInfer<T> },
): LearnerOption<T> {
  return { ...about, flag: 'text', check: (value, where) => checkOneOf(value, choices, where) };
}

/** An option that is on or off, off by default. */
export function switchOption(help: string): LearnerOption<boolean> {
  return {
    help,
    default: false,
    flag: 'switch',
    check(value, where) {
      if (typeof value === 'boolean') return value;
      throw new CollideError('INVALID_ARGUMENT', `Expected a boolean for ${where}, received ${describe(value)}`);
    },
  };
}

/** The limit of ids to a cluster; Infinity: none. */
export const MAX_CLUSTER_SIZE: LearnerOption<number> = {
  help: 'most ids of a row',
  flag: 'number',
  check(value, where) {
    return value === Number.POSITIVE_INFINITY ? value : checkInteger(value, 1, Number.MAX_SAFE_INTEGER, where);
  },
};
