/**
 * The CONFIG of `collide compare`: data, device, model, teacher, training and what to compare. Everything but `data`
 * may be left out.
 */
import { z } from 'zod';
import { dataSchema } from '../data/config.ts';
import { entryName, parseStrict } from '../data/schema.ts';
import { DEVICES } from '../device.ts';
import {
  type EmbeddingOptimizer,
  embeddingOptimizers,
  nativeEmbeddingOptimizer,
} from '../embedding/optimizers/index.ts';
import { CollideError } from '../errors.ts';
import { DEFAULT_DIM, defaultSettings } from '../methods/choosing/settings.ts';
import { methods } from '../methods/index.ts';
import { MOST_PARTS } from '../methods/learning/parts.ts';
import { DEFAULT_MIN_ROWS } from '../methods/table_rows.ts';
import { MOST_DIM, MOST_VECTORS } from '../model/dense_net.ts';
import { heads } from '../model/heads/index.ts';
import { MOST_LAYERS, MOST_WIDTH } from '../model/heads/layers.ts';
import { type DenseOptimizer, denseOptimizers, nativeDenseOptimizer } from '../model/optimizers/index.ts';
import { MOST_RATE } from '../model/optimizers/optimizer.ts';
import type { Registry } from '../registry.ts';
import { MOST_BATCH } from '../training/train.ts';
import { DEFAULT_PATIENCE } from '../training/tune.ts';

const SETTINGS = defaultSettings(DEFAULT_DIM);

const width = z.int().min(1).max(MOST_WIDTH);
const dim = z.int().min(1).max(MOST_DIM);
const layers = z.array(width).max(MOST_LAYERS);
const rate = z.number().positive().max(MOST_RATE);
const share = z.number().min(0).max(1);
const pieces = z.int().min(1).max(MOST_PARTS);
const epochs = z.int().min(1).max(10_000);

/** A list whose entries are all different: a method or size twice would count as more seeds. */
function distinct<T extends z.ZodType<string | number | boolean>>(entry: T) {
  return z
    .array(entry)
    .min(1)
    .superRefine((entries, context) => {
      for (const [at, value] of entries.entries()) {
        if (entries.indexOf(value) === at) continue;
        const message = `Expected every entry once, received ${value} twice`;
        context.addIssue({ code: 'custom', message, path: [at], input: value });
      }
    });
}

/** An optimizer as a config names it. */
interface OptimizerInput {
  /** Which optimizer. The keys beside it are options that this one has; one that it does not have is an error. */
  kind?: string;
  [option: string]: unknown;
}

/** The names of options are checked here, but for those that are `chosen` elsewhere; their values by what takes them. */
function optimizer<T extends { kind: string }>(
  kinds: Registry<{ name: string; options: readonly string[] }>,
  kind: T['kind'],
  chosen: readonly string[] = [],
): z.ZodType<T, OptimizerInput> {
  return z.looseObject({ kind: entryName(kinds).default(kind) }).superRefine((options, context) => {
    const all = new Set(kinds.names.flatMap((name) => kinds.get(name, 'kind').options));
    const known = [...all].filter((option) => !chosen.includes(option));
    const keys = Object.keys(options).filter((key) => !known.includes(key));
    if (keys.length > 0) context.addIssue({ code: 'unrecognized_keys', keys, known });
  }) as unknown as z.ZodType<T, OptimizerInput>;
}

/** The whole config; every key has its docstring here, from which the reference page of the config is made. */
export const configSchema = z.strictObject({
  /** Where rows come from and what they mean, in SQL. */
  data: dataSchema,
  /**
   * Where models train and tables are clustered. `cuda` is an error where there is no CUDA device, and for methods whose
   * clustering has no CUDA kernels; `auto` takes CUDA where it can, part by part, and the CPU elsewhere.
   */
  device: z.enum(DEVICES).default('cpu'),
  /** The student's network; the teacher's has the same layers below and above narrower rows. */
  model: z
    .strictObject({
      /** Which network stands above the embedding rows, by its name in `heads`. */
      kind: entryName(heads).default('dlrm'),
      /** Width of the student's embedding rows. */
      dim: dim.default(DEFAULT_DIM),
      /** Widths of the bottom layers of `dlrm`, the last equal to `dim`. Default: [64, dim] with dense columns, [] without. */
      bottom: layers.optional(),
      /** Whether dense columns are standardised by the rows that a model is trained on. */
      standardize: z.boolean().default(true),
      /** Widths of the top layers, the last 1. */
      top: layers.min(1).default([64, 1]),
    })
    .prefault({}),
  /** The small model that is trained first, on the rows of `data.splits.teacher`. */
  teacher: z
    .strictObject({
      /** Width of the teacher's rows; the paper takes 2 or 4. */
      dim: dim.default(2),
      /** Default: chosen among compare.tune.learningRate on the validation split. */
      learningRate: rate.optional(),
      /** Passes over the teacher's rows at most. Training stops earlier when the validation loss rises. */
      maxEpochs: epochs.default(4),
      /**
       * Whether the teacher of `auto` goes on over the student's rows, cross-fitted. Of several, validation chooses.
       */
      crossFit: z
        .union([z.boolean(), distinct(z.boolean())])
        .default([...SETTINGS.crossFit])
        .transform((value) => [value].flat()),
    })
    .prefault({}),
  /** How teacher and students are trained. */
  training: z
    .strictObject({
      /** Rows per step. `auto`: 32,768 (the paper's), less for small data. */
      batchSize: z.union([z.literal('auto'), z.int().min(1).max(MOST_BATCH)]).default('auto'),
      /**
       * Share of the student's accesses to ids that teacher rows do not have that is trained on the out-of-vocabulary row, so
       * that it knows what new ids are like. 0: that row stays untrained.
       */
      outOfVocabularyShare: z.number().min(0).lt(1).default(0.05),
      /**
       * The optimizer of embedding rows. Its learning rate is chosen from `compare.tune.learningRate`. Options that are not
       * given use the defaults of `EmbeddingTables`.
       */
      embeddingOptimizer: optimizer<EmbeddingOptimizer>(embeddingOptimizers, 'rowwise-adagrad', [
        'learningRate',
      ]).prefault({}),
      /**
       * The optimizer of the layers. Options that are not given use the defaults of `DenseNet`; LAMB's learning rate is by
       * default one that suits the number of steps.
       */
      denseOptimizer: optimizer<DenseOptimizer>(denseOptimizers, 'lamb').prefault({}),
      /** Default: all threads of this machine. Results do not depend on it. */
      threads: z.int().min(1).max(1024).optional(),
    })
    .prefault({}),
  /** What is compared: methods, sizes, seeds. */
  compare: z
    .strictObject({
      /** The compression methods to compare. The guide's page "Choose a method" says what each does. */
      methods: distinct(entryName(methods)).default(['full', 'modulo', 'frequent', 'equal-mass', 'learned', 'auto']),
      /** Rows of a compressed table as a share of its ids, above 0, at most 1. */
      sizes: distinct(z.number().positive().max(1)).default([0.05, 0.1, 0.2]),
      /** Tables of fewer ids stay whole. The paper has 100,000, for data of hundreds of millions of ids. */
      minRows: z
        .int()
        .min(0)
        .max(2 ** 32)
        .default(DEFAULT_MIN_ROWS),
      /** How often everything is repeated, with seeds 1, 2, ... */
      seeds: z.int().min(1).max(1000).default(3),
      /**
       * Share of a table's rows that `frequent` and `auto` give to the hottest ids; of several, validation chooses. With 1
       * and `unseen` dealt, `auto` learns nothing from the teacher: it hashes ids in the order of their recent counts.
       */
      hotShare: z
        .union([share, distinct(share)])
        .default([...SETTINGS.hotShare])
        .transform((value) => [value].flat()),
      /**
       * Where `auto` sends ids that own no row and that the teacher never saw: all to one row; dealt over all rows; or all
       * to the out-of-vocabulary row, which is trained on new ids only (`training.outOfVocabularyShare` above 0). The last is
       * best where rare ids of today are not like the new ids of tomorrow.
       */
      unseen: z.enum(['shared', 'dealt', 'out-of-vocabulary']).default(SETTINGS.unseen),
      /**
       * Pieces that the rows of `auto` are put together of, the learned one and hashed ones, each `model.dim / parts` wide
       * (see `learnHashing`); of several, validation chooses. Default: [1, 4], without what does not divide `model.dim`.
       */
      parts: z
        .union([pieces, distinct(pieces)])
        .transform((value) => [value].flat())
        .optional(),
      /** Tried per method and size on the validation split, with the first seed. */
      tune: z
        .strictObject({
          /** Learning rates of the embedding optimizer to choose from. */
          learningRate: distinct(rate).default([0.02, 0.05, 0.1]),
          /** Passes over the student's rows at most. Training stops earlier when the validation loss rises, see `patience`. */
          maxEpochs: epochs.default(4),
          /** A rate is given up after so many epochs in a row that were no better than its best. The teacher's, too. */
          patience: epochs.default(DEFAULT_PATIENCE),
        })
        .prefault({}),
    })
    .prefault({}),
});

/** A config as it is written: fields with a default may be left out. */
export type CompareConfigInput = z.input<typeof configSchema>;
/** A config with every default filled in. */
export type CompareConfig = Omit<z.output<typeof configSchema>, 'model' | 'compare'> & {
  model: Omit<z.output<typeof configSchema>['model'], 'bottom'> & { bottom: number[] };
  compare: Omit<z.output<typeof configSchema>['compare'], 'parts'> & { parts: number[] };
};

/**
 * Checks a config and fills in its defaults.
 *
 * @param where - what is being read, for messages. Default `config`
 * @throws CollideError INVALID_CONFIG: what is wrong where, one line each, with the nearest right name of a misspelt key
 * @example
 * ```ts
 * const config = parseConfig({
 *   data: {
 *     source: 'ratings.csv',
 *     label: 'rating >= 4',
 *     features: ['user', 'movie'],
 *     splits: { teacher: 'ts < 10', student: 'ts >= 10 and ts < 20', evaluation: 'ts >= 20' },
 *   },
 * });
 * config.model.dim; // 16
 * ```
 */
export function parseConfig(value: unknown, where = 'config'): CompareConfig {
  const config = parseStrict(configSchema, value, where);
  const { model, data } = config;
  const { takes } = heads.get(model.kind, 'model.kind');
  const hasBottom = takes.includes('bottomHidden') && data.dense.length > 0;
  const bottom = model.bottom ?? (hasBottom ? [64, model.dim] : []);
  const refuse = (path: string, expected: string, received: readonly number[]): never => {
    throw new CollideError(
      'INVALID_CONFIG',
      `${where}: Expected ${expected} for ${path}, received [${received.join(', ')}]`,
    );
  };
  if (data.dense.length === 0 && bottom.length > 0)
    refuse('model.bottom', 'no layers (there are no dense columns)', bottom);
  if (!takes.includes('bottomHidden') && bottom.length > 0)
    refuse('model.bottom', `no layers (the head ${model.kind} has none)`, bottom);
  if (hasBottom && bottom.at(-1) !== model.dim) {
    refuse('model.bottom', `a last width equal to model.dim (${model.dim})`, bottom);
  }
  if (config.compare.unseen === 'out-of-vocabulary' && config.training.outOfVocabularyShare === 0) {
    refuse('training.outOfVocabularyShare', 'a share above 0 (compare.unseen is out-of-vocabulary)', [0]);
  }
  if (data.features.length > MOST_VECTORS) {
    refuse('data.features', `at most ${MOST_VECTORS} features`, [data.features.length]);
  }
  const { embeddingOptimizer, denseOptimizer } = config.training;
  checkPart(where, 'training.embeddingOptimizer', () => nativeEmbeddingOptimizer(embeddingOptimizer));
  checkPart(where, 'training.denseOptimizer', () => nativeDenseOptimizer(denseOptimizer));
  if (model.top.at(-1) !== 1) refuse('model.top', 'a last width of 1', model.top);
  const parts = config.compare.parts ?? [...defaultSettings(model.dim).parts];
  if (!parts.every((pieces) => model.dim % pieces === 0)) {
    refuse('compare.parts', `numbers that divide model.dim (${model.dim})`, parts);
  }
  return { ...config, model: { ...model, bottom }, compare: { ...config.compare, parts } };
}

/** What an option may be is known to what takes it; here it is asked, before data are read. */
function checkPart(where: string, path: string, check: () => void): void {
  try {
    check();
  } catch (cause) {
    if (!(cause instanceof CollideError)) throw cause;
    throw new CollideError('INVALID_CONFIG', `${where}: ${path}: ${cause.message}`, { cause });
  }
}
