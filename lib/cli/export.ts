/** `collide export MAPPING`: the mapping as csv, npy or parquet for another trainer. */
import { Command } from 'commander';
import { checkInteger, checkOneOf } from '../errors.ts';
import { Hashing } from '../pipeline/hashing.ts';
import { mappingFormat, writeMapping } from '../pipeline/mapping_file.ts';
import { digestOf } from './digest.ts';
import { checkPaths } from './paths.ts';

export function exportCommand(): Command {
  return new Command('export')
    .description('write one feature of a mapping: id and row (-1 for an id without a row)')
    .argument('<mapping>', 'mapping.safetensors of collide train or cluster')
    .requiredOption('--feature <name>', 'name of the feature')
    .requiredOption('--out <file>', 'file to write: .csv, .npy (the row of each id) or .parquet')
    .option('--table <number>', 'internal table, from 0', Number, 0)
    .action(async (path: string, options: { feature: string; out: string; table: number }) => {
      mappingFormat(options.out);
      await checkPaths([{ name: 'the mapping', path }], [{ name: '--out', path: options.out }]);
      const { features } = await Hashing.load(path);
      const names = features.map(({ name }) => name);
      const feature = features[names.indexOf(checkOneOf(options.feature, names, '--feature'))]!;
      const table = checkInteger(options.table, 0, feature.hashes.length - 1, '--table');
      await writeMapping(options.out, feature, table);
      process.stdout.write(`wrote ${options.out}: ${feature.cardinality} ids${await digestOf(options.out)}\n`);
    });
}
