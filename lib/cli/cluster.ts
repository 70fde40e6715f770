/** `collide cluster TEACHER`: hash functions from a saved teacher, without the training data. */
import { Command } from 'commander';
import { learnHashing } from '../pipeline/learn_hashing.ts';
import { Teacher } from '../pipeline/teacher.ts';
import { interruptSignal } from './interrupt.ts';
import { Progress } from './progress.ts';

interface ClusterOptions {
  out: string;
  size: number;
  minRows: number;
  method: 'agglomerative' | 'equal-mass' | 'kd-tree';
  hotShare: number;
}

export function clusterCommand(): Command {
  return new Command('cluster')
    .description("learn hash functions from a saved teacher's rows and counts")
    .argument('<teacher>', 'teacher.safetensors of collide train')
    .requiredOption('--out <file>', 'where to write the mapping (safetensors)')
    .option('--size <share>', 'rows of a compressed table as a share of its ids', Number, 0.1)
    .option('--min-rows <ids>', 'features with fewer ids stay whole', Number, 100_000)
    .option('--method <name>', 'agglomerative, equal-mass or kd-tree', 'agglomerative')
    .option('--hot-share <share>', 'share of the rows for the hottest ids', Number, 0)
    .action(async (path: string, { out, size, minRows, method, hotShare }: ClusterOptions) => {
      const progress = new Progress();
      try {
        const hashing = await learnHashing(await Teacher.load(path), {
          size,
          minRows,
          method,
          hotShare,
          signal: interruptSignal(),
          onProgress: (text, share) => progress.update(text, share),
        });
        await hashing.save(out);
        progress.stop();
        process.stdout.write(`wrote ${out}: ${hashing.rows()} rows, ${hashing.mappingBytes()} bytes of mapping\n`);
      } finally {
        progress.stop();
      }
    });
}
