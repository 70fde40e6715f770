/** Learns the hash functions of every feature from a teacher. */
import { type LearnedMapping, learnMappings, type MappingStatistics } from '../../clustering/index.ts';
import { throwIfAborted } from '../../errors.ts';
import type { FeatureHashing } from '../../hashing/feature_hashing.ts';
import type { HashFunction } from '../../hashing/index.ts';
import { Hashing, type LearnedFeature } from '../../pipeline/hashing.ts';
import { checkTeacher, type Teacher } from '../../pipeline/teacher.ts';
import { DEFAULT_MIN_ROWS } from '../table_rows.ts';
import { serveColdIds } from './cold_ids.ts';
import { checkLearnHashing, type LearnHashingOptions } from './options.ts';
import { hashedParts } from './parts.ts';
import { type PlannedTable, planTables } from './plan.ts';
import { recentCounts } from './recent_counts.ts';
import { tellUntaught } from './untaught.ts';

/**
 * Learns the hash functions of all features from a teacher ("Learning to Collide", section 4). Features with fewer than
 * `minRows` ids stay whole. A feature of which the teacher knows nothing (constant or NULL in all its rows, or with hardly
 * any of the ids in `recent`) is hashed by modulo, with a process warning (code `COLLIDE_UNTAUGHT`) and its name in
 * `manifest.details.untaught`; unless `unseen` spreads such ids already ('hash', 'dealt', 'cluster').
 *
 * @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, VOCABULARY_MISMATCH (`recent` of other data than the teacher's),
 * ABORTED, CUDA_UNAVAILABLE, NOT_SUPPORTED
 * @example
 * ```ts
 * const hashing = await learnHashing(teacher, { size: 0.1, minRows: 10_000, hotShare: 0.5, recent: [present] });
 * await hashing.save('mapping.safetensors');
 * await learnHashing(teacher, { size: 0.1, perFeature: { user: { method: 'kd-tree', hotShare: 0.25 } } });
 * ```
 */
export async function learnHashing(teacher: Teacher, options: LearnHashingOptions): Promise<Hashing> {
  checkTeacher(teacher, 'learnHashing');
  checkLearnHashing(teacher, options);
  const { size, minRows = DEFAULT_MIN_ROWS, recent, signal, threads, onProgress, ...about } = options;
  const { rows: _, perFeature = {}, hotShare = 0, seed = 0, ...learner } = about;
  throwIfAborted(signal);
  const tables = planTables(teacher, { ...learner, hotShare, seed }, options);
  const untaught = tables.filter(({ plan }) => plan.kind === 'hashed' && plan.untaught).map(({ name }) => name);
  tellUntaught(untaught);
  const tasks = tables.flatMap(({ plan }) => (plan.kind === 'learned' ? [plan.task] : []));
  const mappings = await learnMappings(tasks, {
    signal,
    threads,
    onProgress:
      onProgress &&
      (({ table, share, clusters }) => {
        const { name } = tasks[table]!;
        onProgress({ step: clusters === undefined ? name! : `${name}: ${clusters} clusters`, share });
      }),
  });
  const features: FeatureHashing[] = [];
  const statistics: Record<string, MappingStatistics> = {};
  const learned: Record<string, LearnedFeature> = {};
  for (const table of tables) {
    if (table.plan.kind !== 'learned') {
      features.push(withoutLearning(table));
      continue;
    }
    const mapping = mappings[tasks.indexOf(table.plan.task)]!;
    const made = await fromMapping(table, mapping, options);
    features.push(made.feature);
    statistics[table.name] = mapping.statistics;
    learned[table.name] = made.how;
  }
  const counts = new Map(teacher.features.map(({ name, counts }) => [name, counts]));
  const own = tables.filter(({ name }) => Object.hasOwn(perFeature, name)).map((table) => [table.name, table.learner]);
  const found = { perFeature: Object.fromEntries(own), statistics, ...(untaught.length > 0 ? { untaught } : {}) };
  const details = { hotShare, ...learner, ...found };
  const manifest = { method: learner.method ?? 'agglomerative', size, minRows, seed, learned, details };
  // A teacher made elsewhere knows no values; the rows that were counted may.
  const known = [teacher, ...(recent ?? [])].find(({ vocabulary }) => vocabulary.features[0]?.values !== undefined);
  const { vocabulary } = known ?? teacher;
  return new Hashing(features, manifest, counts, { vocabulary, teacher: teacher.fingerprint });
}

/** The hash functions of a table of which nothing is learned. */
function withoutLearning({ name, cardinality, learner, plan }: PlannedTable): FeatureHashing {
  const hash: HashFunction = plan.kind === 'hashed' ? { kind: 'modulo', rows: plan.rows } : { kind: 'identity' };
  return { name, cardinality, combine: learner.combine ?? 'sum', hashes: [hash] };
}

/** The hash functions of a table from what was learned: with a row for cold ids and hashed parts, where they are wanted. */
async function fromMapping(
  { name, cardinality, feature, learner, plan }: PlannedTable,
  { hashes, statistics }: LearnedMapping,
  { recent, signal }: LearnHashingOptions,
): Promise<{ feature: FeatureHashing; how: LearnedFeature }> {
  const { method = 'agglomerative', projection, combine = 'sum', parts = 1, seed = 0 } = learner;
  const how: LearnedFeature = { method, projection, hotRows: statistics.tables[0]!.hotRows };
  const [first] = hashes;
  const outOfVocabulary = plan.kind === 'learned' ? plan.outOfVocabulary : null;
  let served = first!;
  let trainingHash: HashFunction | undefined;
  if (outOfVocabulary !== null && first?.kind === 'table') {
    const counts = await recentCounts(recent!, feature, cardinality, signal);
    const cold = await serveColdIds(first, outOfVocabulary, counts, signal);
    [served, trainingHash, how.coldRow] = [cold.hash, cold.trainingHash, cold.coldRow];
  }
  const pieces = parts > 1 && served.kind === 'table' ? hashedParts(served.rows, parts, seed) : undefined;
  const others = pieces ?? hashes.slice(1);
  const made = { name, cardinality, combine: pieces === undefined ? combine : 'concat', hashes: [served, ...others] };
  return { feature: trainingHash === undefined ? made : { ...made, trainingHashes: [[trainingHash, ...others]] }, how };
}
