/** `collide train CONFIG`: teacher -> cluster -> student once, everything saved. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { openDataset } from '../data/index.ts';
import { checkNumber } from '../errors.ts';
import { fileError } from '../files/index.ts';
import { loadConfig } from '../pipeline/config.ts';
import { learnHashing } from '../pipeline/learn_hashing.ts';
import { modelOptions } from '../pipeline/model_options.ts';
import { trainStudent } from '../pipeline/student.ts';
import { trainTeacher } from '../pipeline/teacher.ts';
import { interruptSignal } from './interrupt.ts';
import { Progress } from './progress.ts';

export function trainCommand(): Command {
  return new Command('train')
    .description('train a teacher, learn the hashing, train the student; save all three')
    .argument('<config>', 'config file, as for compare')
    .requiredOption('--out <folder>', 'folder for teacher.safetensors, mapping.safetensors and student/')
    .option('--size <share>', 'rows of a compressed table as a share of its ids', Number, 0.1)
    .option(
      '--hot-share <share>',
      "share of those rows for the hottest ids (default: the first of the config's compare.hotShare)",
      Number,
    )
    .action(async (path: string, options: { out: string; size: number; hotShare?: number }) => {
      const config = await loadConfig(path);
      const size = checkNumber(options.size, Number.MIN_VALUE, 1, '--size');
      const hotShare = checkNumber(options.hotShare ?? config.compare.hotShare[0], 0, 1, '--hot-share');
      const progress = new Progress();
      const signal = interruptSignal();
      try {
        await makeFolder(options.out);
        using data = await openDataset(config.data, {
          signal,
          onProgress: ({ step }) => progress.update(`data: ${step}`, 0),
        });
        const [past, present, validation] = ['teacher', 'student', 'validation'].map((name) => data.split(name));
        const tuned = {
          ...modelOptions(config),
          learningRate: config.compare.tune.learningRate,
          validation: validation!,
          signal,
        };
        const teacher = await trainTeacher(past!, {
          ...tuned,
          dim: config.teacher.dim,
          epochs: config.teacher.maxEpochs,
          onProgress: (text, share) => progress.update(`teacher: ${text}`, share / 3),
        });
        await teacher.save(join(options.out, 'teacher.safetensors'));
        const hashing = await learnHashing(teacher, {
          size,
          hotShare,
          minRows: config.compare.minRows,
          recent: [past!, present!],
          signal,
          onProgress: (text, share) => progress.update(`clustering: ${text}`, (1 + share) / 3),
        });
        await hashing.save(join(options.out, 'mapping.safetensors'));
        using student = await trainStudent(present!, {
          ...tuned,
          hashing,
          dim: config.model.dim,
          epochs: config.compare.tune.maxEpochs,
          onProgress: (text, share) => progress.update(`student: ${text}`, (2 + share) / 3),
        });
        await student.save(join(options.out, 'student'));
        const metrics = await student.evaluate(data.split('evaluation'), { signal });
        progress.stop();
        process.stdout.write(`${JSON.stringify({ ...metrics, fit: student.fit, bytes: student.memory() }, null, 2)}\n`);
      } finally {
        progress.stop();
      }
    });
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw fileError('write', path, cause);
  }
}
