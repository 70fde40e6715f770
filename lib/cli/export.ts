/** `collide export MAPPING`: the mapping as csv, npy or parquet for another trainer. */
import { Command } from 'commander';
import { checkInteger, checkOneOf } from '../errors.ts';
import { mappingFormat, writeMapping } from '../export/mapping_file.ts';
import { Hashing } from '../pipeline/hashing.ts';
import { checkBesideStudent } from '../pipeline/model_folder.ts';
import { digestOf } from './digest.ts';
import { numberOf } from './number_of.ts';
import { checkPaths } from './paths.ts';

export function exportCommand(): Command {
  return new Command('export')
    .description('write one feature of a mapping: id, row (-1 for an id without a row) and value of the data')
    .argument('<mapping>', 'mapping.safetensors of collide train or cluster')
    .requiredOption('--feature <name>', 'name of the feature')
    .requiredOption(
      '--out <file>',
      'file to write: .csv or .parquet (id, row, value, kind), or .npy (the row of each id, no values)',
    )
    .option('--table <number>', 'internal table, from 0', numberOf, 0)
    .action(async (path: string, options: { feature: string; out: string; table: number }) => {
      mappingFormat(options.out);
      await checkPaths([{ name: 'the mapping', path }], [{ name: '--out', path: options.out }]);
      const hashing = await Hashing.load(path);
      await checkBesideStudent(path, hashing);
      const { features, vocabulary } = hashing;
      const names = features.map(({ name }) => name);
      const f = names.indexOf(checkOneOf(options.feature, names, '--feature'));
      const feature = features[f]!;
      const table = checkInteger(options.table, 0, feature.hashes.length - 1, '--table');
      const known = vocabulary.features[f]!;
      await writeMapping(options.out, feature, table, known);
      const without = known.values === undefined ? ', without values, which the mapping does not know' : '';
      const digest = await digestOf(options.out);
      // A device or pipe may be standard output: csv and nothing else.
      (digest === '' ? process.stderr : process.stdout).write(
        `wrote ${options.out}: ${feature.cardinality} ids${without}${digest}\n`,
      );
    });
}
