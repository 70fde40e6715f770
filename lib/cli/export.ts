/** `collide export MAPPING`: the mapping as plain text for another trainer. */
import { Command } from 'commander';
import { checkInteger, checkOneOf } from '../errors.ts';
import { writeFileAtomic } from '../files/index.ts';
import { PRUNED, rowsOfAll } from '../hashing/index.ts';
import { Hashing } from '../pipeline/hashing.ts';

export function exportCommand(): Command {
  return new Command('export')
    .description('write one feature of a mapping as csv: id,row (-1 for an id without a row)')
    .argument('<mapping>', 'mapping.safetensors of collide train or cluster')
    .requiredOption('--feature <name>', 'name of the feature')
    .requiredOption('--out <file>', 'csv file to write')
    .option('--table <number>', 'internal table, from 0', Number, 0)
    .action(async (path: string, options: { feature: string; out: string; table: number }) => {
      const { features } = await Hashing.load(path);
      const names = features.map(({ name }) => name);
      const feature = features[names.indexOf(checkOneOf(options.feature, names, '--feature'))]!;
      const hash = feature.hashes[checkInteger(options.table, 0, feature.hashes.length - 1, '--table')]!;
      await writeFileAtomic(options.out, csv(rowsOfAll(hash, feature.cardinality)));
      process.stdout.write(`wrote ${options.out}: ${feature.cardinality} ids\n`);
    });
}

/** Pieces of a few hundred kilobytes, so that a mapping of many ids is never one string. */
function* csv(rows: Uint32Array): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let text = 'id,row\n';
  for (const [id, row] of rows.entries()) {
    text += `${id},${row === PRUNED >>> 0 ? PRUNED : row}\n`;
    if (text.length < 1 << 18) continue;
    yield encoder.encode(text);
    text = '';
  }
  yield encoder.encode(text);
}
