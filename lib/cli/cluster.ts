/** `collide cluster VECTORS`: hash functions from a teacher's vectors and counts, without the training data. */
import { extname } from 'node:path';
import { Command } from 'commander';
import { CollideError } from '../errors.ts';
import { planBudget } from '../pipeline/budget.ts';
import type { Hashing } from '../pipeline/hashing.ts';
import { type LearnHashingOptions, learnHashing } from '../pipeline/learn_hashing.ts';
import { mappingFormat, writeMapping } from '../pipeline/mapping_file.ts';
import { loadVectors } from '../pipeline/vectors.ts';
import { interruptSignal } from './interrupt.ts';
import { Progress } from './progress.ts';

interface ClusterOptions extends Omit<LearnHashingOptions, 'signal' | 'onProgress'> {
  out: string;
  counts?: string;
  feature?: string;
  budget?: number;
  dim: number;
}

export function clusterCommand(): Command {
  return new Command('cluster')
    .description('learn hash functions from the vectors and access counts of a teacher, of ours or made elsewhere')
    .argument('<vectors>', 'teacher.safetensors of collide train, or a .safetensors, .npy or .parquet file of vectors')
    .requiredOption('--out <file>', 'where to write the mapping: .safetensors, or .csv, .npy, .parquet of one table')
    .option('--counts <file>', 'for .npy: the access counts, one per vector')
    .option('--feature <name>', "name of a single table (default: the file's name)")
    .option('--size <share>', 'rows of a compressed table as a share of its ids', Number, 0.1)
    .option('--min-rows <ids>', 'features with fewer ids stay whole (default: 100000; 0 for a single table)', Number)
    .option('--budget <bytes>', 'rows of every table so that all, mappings included, have these bytes', Number)
    .option('--dim <width>', "for --budget: width of the student's rows", Number, 16)
    .option('--method <name>', 'agglomerative, equal-mass, exact, kd-tree, k-means or lsh', 'agglomerative')
    .option('--hot-share <share>', 'share of the rows for the hottest ids', Number, 0)
    .option('--unseen <policy>', 'ids that the teacher never saw: shared (default), reserved, hash or cluster')
    .option('--reserved-share <share>', 'unseen reserved: share of the rows for them', Number)
    .option('--hashes <number>', 'internal tables per feature, 1 or 2', Number)
    .option('--combine <how>', 'of two tables: sum or concat')
    .option('--projection <view>', 'for 1-D methods: principal, axis, or hilbert (equal-mass)')
    .option('--mass <name>', 'equal-mass: sqrt, cbrt or one')
    .option('--weight <name>', 'k-means and exact: count, sqrt or uniform')
    .option('--iterations <number>', 'k-means: most rounds', Number)
    .option('--directions <number>', 'lsh: directions whose cells make a bucket', Number)
    .option('--max-cluster-size <ids>', 'agglomerative and lsh: most ids of a row', Number)
    .option('--seed <number>', 'of hashed ids and of lsh', Number)
    .action(async (path: string, { out, counts, feature, budget, dim, ...options }: ClusterOptions) => {
      const whole = extname(out).toLowerCase() === '.safetensors';
      if (!whole) mappingFormat(out);
      const progress = new Progress();
      const signal = interruptSignal();
      try {
        const teacher = await loadVectors(path, { counts, feature, signal });
        const plan = budget === undefined ? undefined : await planBudget(teacher, { bytes: budget, dim, signal });
        const hashing = await learnHashing(teacher, {
          ...options,
          rows: plan?.rows,
          minRows: options.minRows ?? (teacher.features.length === 1 ? 0 : 100_000),
          signal,
          onProgress: (text, share) => progress.update(text, share),
        });
        await (whole ? hashing.save(out) : writeMapping(out, onlyTable(hashing, out)));
        progress.stop();
        for (const { name, ids, rows, bytes, error } of plan?.tables ?? []) {
          process.stdout.write(`${name}: ${rows} rows for ${ids} ids, ${bytes} bytes, error ${error.toPrecision(4)}\n`);
        }
        process.stdout.write(`wrote ${out}: ${hashing.rows()} rows, ${hashing.mappingBytes()} bytes of mapping\n`);
      } finally {
        progress.stop();
      }
    });
}

function onlyTable({ features }: Hashing, out: string) {
  if (features.length === 1 && features[0]!.hashes.length === 1) return features[0]!;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a .safetensors file for ${features.length} features of ${features[0]!.hashes.length} tables, received "${out}"; collide export then writes one table`,
  );
}
