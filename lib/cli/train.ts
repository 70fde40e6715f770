/** `collide train CONFIG`: teacher -> cluster -> student, as `auto` of a comparison chooses on validation; all are saved. */
import { join } from 'node:path';
import { Command } from 'commander';
import { loadConfig } from '../compare/config.ts';
import { modelOptions } from '../compare/model_options.ts';
import { FIRST_SEED } from '../compare/teachers.ts';
import { trainingWarnings } from '../compare/warnings.ts';
import { openDataset } from '../data/index.ts';
import { chooseDevice } from '../device.ts';
import { checkNumber } from '../errors.ts';
import type { FeatureHashing } from '../hashing/feature_hashing.ts';
import { isWhole } from '../hashing/index.ts';
import { autoCandidates } from '../methods/candidates.ts';
import { chooseShape, hashedFeatures, mostSets, type Shape } from '../methods/choose.ts';
import { type CrossTeachers, crossFit, trainCrossTeachers } from '../methods/cross_fit.ts';
import { learnHashing } from '../methods/learn_hashing.ts';
import { allRows, dearTables } from '../methods/table_rows.ts';
import { saveModel } from '../pipeline/model_folder.ts';
import { type StudentOptions, trainStudent } from '../pipeline/student.ts';
import { trainTeacher } from '../pipeline/teacher.ts';
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
      const hotShares = given === undefined ? config.compare.hotShare : [checkNumber(given, 0, 1, '--hot-share')];
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
        const [past, present, validation] = ['teacher', 'student', 'validation'].map((name) => data.split(name));
        const tuned = {
          ...modelOptions(config),
          learningRate: config.compare.tune.learningRate,
          validation: validation!,
          signal,
        };
        const teacher = await trainTeacher(past!, {
          ...tuned,
          learningRate: config.teacher.learningRate ?? config.compare.tune.learningRate,
          dim: config.teacher.dim,
          epochs: config.teacher.maxEpochs,
          onProgress: (text, share) => progress.update(`teacher: ${text}`, share / 3),
        });
        let cross: CrossTeachers | undefined;
        const crossTeachers = async () => {
          cross ??= await trainCrossTeachers(past!, present!, {
            ...modelOptions(config),
            dim: config.teacher.dim,
            learningRate: teacher.fit!.learningRate,
            epochs: teacher.fit!.epochs,
            signal,
          });
          return cross;
        };
        const { minRows } = config.compare;
        const whole = dearTables(data.features, { size, minRows, dim: config.model.dim });
        const choice = { ...config.compare, crossFit: config.teacher.crossFit, hotShare: hotShares, size, whole };
        const { shapes, tables } = autoCandidates(data, teacher, choice);
        const most = shapes.length + mostSets(tables);
        const knowing = async (shape: Shape) => (shape.crossFit ? (await crossTeachers()).whole : teacher);
        const make = async (shape: Shape, chosen: StudentOptions, report: (text: string, share: number) => void) => {
          const hashing = await learnHashing(await knowing(shape), {
            size,
            hotShare: shape.hotShare,
            minRows,
            unseen: config.compare.unseen,
            parts: shape.parts,
            rows: allRows(data.features, whole),
            perFeature: hashedFeatures(shape),
            device: config.device,
            seed: FIRST_SEED, // the student is that of a comparison's first seed
            recent: [present!],
            signal,
            onProgress: (text, share) => report(`clustering: ${text}`, share / 2),
          });
          const student = await trainStudent(present!, {
            ...modelOptions(config),
            ...chosen,
            newcomers: { older: past!, share: config.training.newcomerShare },
            detours: shape.crossFit
              ? await crossFit(hashing, await crossTeachers(), data.features, { signal })
              : undefined,
            hashing,
            dim: config.model.dim,
            signal,
            onProgress: (text, share) => report(`student: ${text}`, (1 + share) / 2),
          });
          return { hashing, student };
        };
        const best = await chooseShape(shapes, tables, async (shape, tried) => {
          const report = (text: string, share: number) =>
            progress.update(`try ${tried + 1}: ${text}`, (1 + (2 * (tried + share)) / (most + 1)) / 3);
          const made = await make(shape, { ...tuned, epochs: config.compare.tune.maxEpochs }, report);
          using student = made.student; // only one is kept at a time: the best is made again
          const { learningRate, epochs, diverged } = student.fit;
          return {
            shape,
            chosen: { learningRate, epochs },
            diverged,
            losses: await student.losses(validation!, { signal }),
          };
        });
        const made = await make(best.shape, best.chosen, (text, share) =>
          progress.update(text, (1 + (2 * (most + share)) / (most + 1)) / 3),
        );
        using student = made.student;
        const teacherUsed = await knowing(best.shape);
        await saveModel(options.out, { teacher: teacherUsed, hashing: made.hashing, student });
        const metrics = await student.evaluate(data.split('evaluation'), { signal });
        progress.stop();
        const { devices } = student;
        const fit = { ...student.fit, diverged: best.diverged };
        const warnings = trainingWarnings(data, made.hashing, {
          minRows,
          size,
          whole,
          diverged: best.diverged,
          ...metrics,
        });
        for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
        const stayedWhole = ({ hashes }: FeatureHashing) => isWhole(hashes[0]!);
        const compressed = made.hashing.features.filter((feature) => !stayedWhole(feature)).map(({ name }) => name);
        const left = made.hashing.features.filter(stayedWhole).map(({ name }) => name);
        const report = { ...metrics, fit, chosen: best.shape, devices, bytes: student.memory() };
        process.stdout.write(
          `${JSON.stringify({ ...report, tables: { compressed, whole: left }, warnings }, null, 2)}\n`,
        );
      } finally {
        progress.stop();
      }
    });
}
