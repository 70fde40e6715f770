/** What is told of a learned mapping: its tables, their rows and loads. O(ids), in turns of the event loop. */
import type { PlacedOn } from '../device.ts';
import { CollideError, describe } from '../errors.ts';
import type { TableEntries } from '../hashing/pack.ts';
import { inTurns } from '../turns.ts';
import type { Counts } from './types.ts';

/** What one internal table got. */
export interface TableStatistics {
  rows: number;
  /** Rows owned by one hot id each: rows 0 .. hotRows - 1, hottest first. */
  hotRows: number;
  /** Ids that were clustered, and the rows that the learner gave them. */
  clusteredIds: number;
  clusters: number;
  /** Rows without any id. */
  emptyRows: number;
  /** Ids in the fullest row. */
  largestRow: number;
  /** Rounds of the learner, 0 for those that work in none; the next two are told of by the agglomerative one. */
  rounds: number;
  fallbackRounds: number;
  splitRounds: number;
  /** The limit of ids to a cluster, of the learners that have one; null for the others. */
  maxClusterSize: number | null;
  /** Clusters over that limit, which is a soft one without `strictSize`. */
  rowsOverLimit: number;
}

/** What `learnMapping` did. */
export interface MappingStatistics {
  ids: number;
  /** Ids with teacher count 0. */
  unseenIds: number;
  /** Share of the recent accesses (`hotCounts`) that fall on them. */
  unseenTraffic: number;
  /** Where the tables were learned. */
  device: PlacedOn;
  tables: TableStatistics[];
}

/** What a table is whose learner did nothing. */
export const NOTHING_LEARNED = { rounds: 0, fallbackRounds: 0, splitRounds: 0, maxClusterSize: null, rowsOverLimit: 0 };

/**
 * Ids of each cluster.
 *
 * @throws CollideError INVALID_ARGUMENT for what is no assignment of the ids to the clusters
 */
export async function sizesOf(
  assignment: Uint32Array,
  ids: number,
  clusters: number,
  learner: string,
  signal: AbortSignal | undefined,
): Promise<Uint32Array> {
  if (!(assignment instanceof Uint32Array) || assignment.length !== ids) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a Uint32Array of length ${ids} (one cluster per id) from learner "${learner}", received ${describe(assignment)}`,
    );
  }
  const sizes = new Uint32Array(clusters);
  const count = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) {
      const cluster = assignment[id]!;
      if (cluster >= clusters) {
        throw new CollideError(
          'INVALID_ARGUMENT',
          `Expected clusters from 0 to ${clusters - 1} from learner "${learner}", received ${cluster} at index ${id}`,
        );
      }
      sizes[cluster]!++;
    }
  };
  await inTurns(ids, count, signal);
  return sizes;
}

/** What the teacher never saw, and its share of the recent accesses. */
export async function unseenShare(
  counts: Counts,
  hotCounts: Counts,
  signal: AbortSignal | undefined,
): Promise<{ unseenIds: number; unseenTraffic: number }> {
  let unseenIds = 0;
  let accesses = 0;
  let total = 0;
  const add = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) {
      total += hotCounts[id]!;
      if (counts[id] !== 0) continue;
      unseenIds++;
      accesses += hotCounts[id]!;
    }
  };
  await inTurns(counts.length, add, signal);
  return { unseenIds, unseenTraffic: total > 0 ? accesses / total : 0 };
}

/** How full the rows are. */
export async function occupancy(
  entries: TableEntries,
  rows: number,
  signal: AbortSignal | undefined,
): Promise<{ emptyRows: number; largestRow: number }> {
  const load = new Uint32Array(rows);
  const count = (begin: number, end: number) => {
    for (let id = begin; id < end; id++) load[entries[id]!]!++;
  };
  await inTurns(entries.length, count, signal);
  let emptyRows = 0;
  let largestRow = 0;
  const look = (begin: number, end: number) => {
    for (let row = begin; row < end; row++) {
      if (load[row] === 0) emptyRows++;
      if (load[row]! > largestRow) largestRow = load[row]!;
    }
  };
  await inTurns(rows, look, signal);
  return { emptyRows, largestRow };
}
