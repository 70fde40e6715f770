/** `collide train CONFIG`: teacher -> cluster -> student, as `auto` of a comparison chooses on validation; all are saved. */
import { join } from 'node:path';
import { Command } from 'commander';
import { loadConfig } from '../compare/config_file.ts';
import { autoOptions } from '../compare/model_options.ts';
import { trainingWarnings } from '../compare/warnings.ts';
import { openDataset } from '../data/index.ts';
import { chooseDevice } from '../device.ts';
import { checkNumber } from '../errors.ts';
import { isWholeTable } from '../hashing/feature_hashing.ts';
import { trainAuto } from '../methods/choosing/train_auto.ts';
import type { Hashing } from '../pipeline/hashing.ts';
import { saveModel } from '../pipeline/model_folder.ts';
import { dataInputs } from './data_inputs.ts';
import { DEVICE_FLAG, DEVICE_OF_CONFIG, onDevice } from './device.ts';
import { interruptSignal } from './interrupt.ts';
import { numberOf } from './number_of.ts';
import { checkPaths } from './paths.ts';
import { Progress } from './progress.ts';

export function trainCommand(): Command {
  return new Command('train')
    .description('train a teacher, learn the hashing, train the student; save all three')
    .argument('<config>', 'config file, as for compare')
    .requiredOption('--out <folder>', 'folder for teacher.safetensors, mapping.safetensors and student/')
    .option('--size <share>', 'rows of a compressed table as a share of its ids', numberOf, 0.1)
    .option(
      '--hot-share <share>',
      "share of those rows for the hottest ids (default: of the config's compare.hotShare what validation likes best)",
      numberOf,
    )
    .option(DEVICE_FLAG, DEVICE_OF_CONFIG)
    .action(async (path: string, options: { out: string; size: number; hotShare?: number; device?: string }) => {
      const config = onDevice(await loadConfig(path), options.device);
      chooseDevice(config.device, 'collide train'); // refused before the data are read
      const size = checkNumber(options.size, Number.MIN_VALUE, 1, '--size');
      const given = options.hotShare;
      const hotShare = given === undefined ? config.compare.hotShare : checkNumber(given, 0, 1, '--hot-share');
      const outputs = ['teacher.safetensors', 'mapping.safetensors', 'student/student.safetensors'].map((file) => ({
        name: '--out',
        path: join(options.out, file),
        makesFolders: true,
      }));
      await checkPaths([{ name: 'the config file', path }, ...(await dataInputs(config.data))], outputs);
      const progress = new Progress();
      const signal = interruptSignal();
      try {
        using data = await openDataset(config.data, {
          signal,
          onProgress: ({ step }) => progress.update(`data: ${step}`, 0),
        });
        const trained = await trainAuto(data, {
          ...autoOptions(config),
          ...{ size, hotShare, signal },
          onProgress: ({ step, share }) => progress.update(step, share),
        });
        using student = trained.student;
        await saveModel(options.out, trained);
        const metrics = await student.evaluate(data.split('evaluation'), { signal });
        progress.stop();
        const warnings = trainingWarnings(data, trained, { minRows: config.compare.minRows, ...metrics });
        for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
        const { learningRate: _, epochs: __, ...chosen } = trained.choice;
        const diverged = trained.diverged.length > 0 ? trained.diverged : undefined;
        const report = {
          ...{
            ...metrics,
            fit: { ...student.fit, diverged },
            chosen,
            devices: student.devices,
            bytes: student.memory(),
          },
          ...{ tables: tablesOf(trained.hashing), warnings },
        };
        process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
      } finally {
        progress.stop();
      }
    });
}

/** Names of the tables that were compressed, and of those that stayed whole. */
function tablesOf({ features }: Hashing): { compressed: string[]; whole: string[] } {
  const names = (whole: boolean) =>
    features.filter((feature) => isWholeTable(feature) === whole).map(({ name }) => name);
  return { compressed: names(false), whole: names(true) };
}
