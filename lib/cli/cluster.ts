/** `collide cluster VECTORS`: hash functions from a teacher's vectors and counts, without the training data. */
import { extname } from 'node:path';
import { Command } from 'commander';
import { learners } from '../clustering/index.ts';
import { CollideError } from '../errors.ts';
import { mappingFormat, writeMapping } from '../export/mapping_file.ts';
import { type BudgetPlan, planBudget } from '../methods/learning/budget.ts';
import { learnHashing } from '../methods/learning/learn_hashing.ts';
import type { LearnHashingOptions } from '../methods/learning/options.ts';
import { DEFAULT_MIN_ROWS, wholeTables } from '../methods/table_rows.ts';
import type { Hashing } from '../pipeline/hashing.ts';
import { loadVectors } from '../pipeline/vectors.ts';
import { DEVICE_FLAG } from './device.ts';
import { digestOf } from './digest.ts';
import { interruptSignal } from './interrupt.ts';
import { addLearnerFlags, withoutKernels, withoutShorthands } from './learner_flags.ts';
import { numberOf } from './number_of.ts';
import { checkPaths } from './paths.ts';
import { Progress } from './progress.ts';

interface ClusterOptions extends Omit<LearnHashingOptions, 'size' | 'signal' | 'onProgress'> {
  out: string;
  counts?: string;
  feature?: string;
  size?: number;
  budget?: number;
  dim?: number;
  sensitivity?: string[];
}

export function clusterCommand(): Command {
  const command = new Command('cluster')
    .description('learn hash functions from the vectors and access counts of a teacher, of ours or made elsewhere')
    .argument('<vectors>', 'teacher.safetensors of collide train, or a .safetensors, .npy or .parquet file of vectors')
    .requiredOption('--out <file>', 'where to write the mapping: .safetensors, or .csv, .npy, .parquet of one table')
    .option('--counts <file>', 'for .npy: the access counts, one per vector')
    .option('--feature <name>', "name of a single table (default: the file's name)")
    .option('--size <share>', 'rows of a compressed table as a share of its ids (default: 0.1)', numberOf)
    .option('--min-rows <ids>', 'tables of fewer ids stay whole', numberOf, DEFAULT_MIN_ROWS)
    .option(
      '--budget <bytes>',
      'instead of --size: rows of every table so that all, mappings included, have these bytes',
      numberOf,
    )
    .option('--dim <width>', "for --budget: width of the student's rows (default: 16)", numberOf)
    .option(
      '--sensitivity <name=weight...>',
      "for --budget: how much a unit of a table's error hurts (default: as collide train measured it, 1 elsewhere)",
    )
    .option('--method <name>', `how ids are clustered: ${learners.names.join(', ')}`, 'agglomerative')
    .option('--hot-share <share>', 'share of the rows for the hottest ids', numberOf, 0)
    .option('--unseen <policy>', 'ids that the teacher never saw: shared (default), reserved, hash, dealt or cluster')
    .option('--reserved-share <share>', 'unseen reserved: share of the rows for them', numberOf)
    .option('--hashes <number>', 'internal tables per feature, 1 or 2', numberOf)
    .option('--combine <how>', 'of two tables: sum or concat')
    .option('--projection <view>', 'for 1-D methods: principal, axis, or hilbert (equal-mass)')
    .option(DEVICE_FLAG, `cpu, cuda or auto (no CUDA kernels: ${withoutKernels()})`, 'cpu')
    .option('--seed <number>', 'of hashed ids, and of methods that draw at random', numberOf)
    .action(
      async (path: string, { out, counts, feature, size, budget, dim, sensitivity, ...options }: ClusterOptions) => {
        checkBudgetOptions({ size, budget, dim, sensitivity });
        const whole = extname(out).toLowerCase() === '.safetensors';
        if (!whole) mappingFormat(out);
        const inputs = [{ name: 'the vectors', path }];
        if (counts !== undefined) inputs.push({ name: '--counts', path: counts });
        await checkPaths(inputs, [{ name: '--out', path: out }]);
        const progress = new Progress();
        const signal = interruptSignal();
        try {
          const teacher = await loadVectors(path, { counts, feature, signal });
          const { device, minRows } = options;
          const planned = { dim: dim ?? 16, sensitivity: weightsOf(sensitivity), minRows, device, signal };
          const plan = budget === undefined ? undefined : await planBudget(teacher, { ...planned, bytes: budget });
          const hashing = await learnHashing(teacher, {
            ...withoutShorthands(options),
            size: size ?? 0.1,
            rows: plan?.rows,
            signal,
            onProgress: ({ step, share }) => progress.update(step, share),
          });
          await (whole
            ? hashing.save(out)
            : writeMapping(out, onlyTable(hashing, out), 0, hashing.vocabulary.features[0]));
          progress.stop();
          if (plan !== undefined) process.stdout.write(describePlan(plan));
          const digest = whole ? '' : await digestOf(out);
          process.stdout.write(
            `wrote ${out}: ${hashing.rows()} rows, ${hashing.mappingBytes()} bytes of mapping${digest}\n`,
          );
          for (const line of overfullTables(hashing, options)) process.stdout.write(`${line}\n`);
          for (const line of wholeTables(hashing.features, hashing.manifest.minRows)) process.stdout.write(`${line}\n`);
        } finally {
          progress.stop();
        }
      },
    );
  addLearnerFlags(command);
  return command;
}

/** @throws CollideError INVALID_ARGUMENT for options that would have no effect */
function checkBudgetOptions(given: Pick<ClusterOptions, 'size' | 'budget' | 'dim' | 'sensitivity'>): void {
  const refuse = (option: string, why: string) => {
    throw new CollideError('INVALID_ARGUMENT', `Expected no ${option}: ${why}`);
  };
  if (given.budget !== undefined && given.size !== undefined)
    refuse('--size', '--budget chooses the rows of every table');
  if (given.budget === undefined && given.dim !== undefined) refuse('--dim', 'it is for --budget, which is not given');
  if (given.budget === undefined && given.sensitivity !== undefined) {
    refuse('--sensitivity', 'it is for --budget, which is not given');
  }
}

/** A line for every table with clusters over its soft limit of ids, or with a row over a strict one. */
function overfullTables(
  { manifest }: Hashing,
  { strictSize, maxClusterSize = Number.POSITIVE_INFINITY }: Pick<LearnHashingOptions, 'strictSize' | 'maxClusterSize'>,
): string[] {
  const statistics = manifest.details?.statistics ?? {};
  if (strictSize === true) {
    return Object.entries(statistics).flatMap(([name, { tables }]) =>
      tables
        .filter(({ largestRow }) => largestRow > maxClusterSize)
        .map(
          ({ largestRow }) =>
            `${name}: the largest row has ${largestRow} ids, ${maxClusterSize} were wanted: ids that the teacher never saw share rows beside the clusters; --unseen cluster keeps the limit for them, too`,
        ),
    );
  }
  return Object.entries(statistics).flatMap(([name, { tables }]) =>
    tables
      .filter(({ rowsOverLimit }) => rowsOverLimit > 0)
      .map(
        ({ rowsOverLimit, clusters, maxClusterSize, largestRow }) =>
          `${name}: ${rowsOverLimit} of ${clusters} clusters have more than ${maxClusterSize} ids, the largest row ${largestRow}; --strict-size keeps the limit`,
      ),
  );
}

function onlyTable({ features }: Hashing, out: string) {
  if (features.length === 1 && features[0]!.hashes.length === 1) return features[0]!;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a .safetensors file for ${features.length} features of ${features[0]!.hashes.length} tables, received "${out}"; collide export then writes one table`,
  );
}

/** NAME=WEIGHT, ... as planBudget takes them. */
function weightsOf(pairs: readonly string[] | undefined): Record<string, number> | undefined {
  if (pairs === undefined) return undefined;
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.lastIndexOf('=');
      const weight = Number(pair.slice(at + 1));
      if (at > 0 && pair.length > at + 1 && Number.isFinite(weight)) return [pair.slice(0, at), weight];
      throw new CollideError('INVALID_ARGUMENT', `Expected NAME=WEIGHT for --sensitivity, received "${pair}"`);
    }),
  );
}

/** A line for every table, and the plan beside one share for all. */
function describePlan({ tables, bytes, error, uniform }: BudgetPlan): string {
  const short = (value: number) => value.toPrecision(4);
  const lines = tables.map(
    (table) =>
      `${table.name}: ${table.rows} rows for ${table.ids} ids, ${table.bytes} bytes, sensitivity ${short(table.sensitivity)}, error ${short(table.error)}`,
  );
  lines.push(`planned: ${bytes} bytes, error ${short(error)}`);
  lines.push(
    uniform === undefined
      ? 'one share for all: does not fit'
      : `one share for all, ${(100 * uniform.size).toPrecision(3)} %: ${uniform.bytes} bytes, error ${short(uniform.error)}`,
  );
  return `${lines.join('\n')}\n`;
}
