/**
 * openDataset: files -> SQL -> ids, dense columns and labels in splits.
 *
 * The source is read into an in-memory DuckDB table (csv and JSON after a pass that finds types, see text_columns.ts); each
 * feature is then dictionary-encoded and leaves as typed arrays; DuckDB is closed before this returns. Deterministic: the
 * same files and config give the same arrays.
 * Cost: 3 million rows of 8 features and a parquet file take about 10 s on two cores.
 */

import { basename, resolve } from 'node:path';
import { CollideError, checkOptions, describe } from '../errors.ts';
import type { OnProgress } from '../job.ts';
import { optionNames } from '../option_names.ts';
import {
  type CheckedConfig,
  type DataConfigInput,
  dataSchema,
  type NumberedConfigInput,
  numberedSchema,
} from './config.ts';
import { assignIds, type Codes, gatherIds, type Ids, idsOf, rankCodes } from './encode.ts';
import { encodeFeature } from './encode_feature.ts';
import { Engine } from './engine.ts';
import { bindExpressions, type Expressions } from './expressions.ts';
import type { FeatureInfo } from './feature_info.ts';
import { datasetFromArrays, type SplitArrays } from './memory.ts';
import { placesOf, textSql } from './number_by.ts';
import { createTable, type Rows, readRows } from './rows.ts';
import { checkSameVocabulary } from './same_vocabulary.ts';
import { parseStrict } from './schema.ts';
import { openSource } from './source.ts';
import { typeColumns } from './text_columns.ts';
import { type Dataset, type SplitName, splitNames } from './types.ts';
import { ValueTexts } from './value_texts.ts';
import { Vocabulary, type VocabularyColumn, type VocabularyFeature } from './vocabulary.ts';
import { listExpressions } from './written.ts';

const OPTIONS = optionNames<OpenDatasetOptions>({ signal: true, onProgress: true });

/** Options of {@link openDataset}. */
export interface OpenDatasetOptions {
  /** Stops with ABORTED. */
  signal?: AbortSignal;
  /** Told what is being done, and the share of it that is done, 0 to 1. */
  onProgress?: OnProgress;
}

/**
 * Data to be numbered as a model knows them. Any splits will do: `{ evaluation: 'true' }` is a whole file. `features` and
 * `dense` are by default the vocabulary's; what else the config says about numbering (`idOrder`, `minCount`) has been
 * done and is not looked at, `unseen` and `timezone` have to be the vocabulary's.
 */
export type NumberedData = Omit<NumberedConfigInput, 'features'> & {
  features?: NumberedConfigInput['features'];
  /** Of a teacher, hashing, student or other data set. */
  vocabulary: Vocabulary;
};

/**
 * Opens the data that the `data` section of a config describes.
 *
 * Values are numbered over the teacher and student rows only (`idOrder`); what others, and those seen there fewer than
 * `minCount` times, become is up to `unseen`. With a `vocabulary` beside the section's keys, values have the ids that they
 * have there instead, so that a model can be asked about other data than it was trained on.
 *
 * @throws CollideError INVALID_CONFIG; VOCABULARY_MISMATCH (features or dense columns that are not the vocabulary's); DATA_SOURCE (missing, damaged or malformed file; a broken csv line is named by
 * number); DATA_SQL (a mistake in an expression, named by its field; a NULL or infinite dense value); INVALID_LABEL
 * (first row that is not 0 or 1); EMPTY_SPLIT; SPLIT_OVERLAP; UNSEEN_ID (with `unseen: 'error'`); ABORTED
 * @example
 * ```ts
 * const data = await openDataset({
 *   source: 'ratings.csv.gz',
 *   label: 'rating >= 4',
 *   features: ['user', 'movie', { name: 'genre', expr: "string_split(genres, '|')" }],
 *   splits: { teacher: 'ts < 10', student: 'ts >= 10 and ts < 20', evaluation: 'ts >= 20' },
 * });
 * data.features[1]?.cardinality;
 * const next = await openDataset({ source: 'next.csv.gz', label: 'rating >= 4', splits: { evaluation: 'true' },
 *   vocabulary: data.vocabulary });
 * ```
 */
export async function openDataset(
  config: DataConfigInput | NumberedData,
  options: OpenDatasetOptions = {},
): Promise<Dataset> {
  checkOptions(options, OPTIONS, 'openDataset');
  const numbered = typeof config === 'object' && config !== null && 'vocabulary' in config ? config : undefined;
  const checked = numbered === undefined ? parseStrict(dataSchema, config, 'data') : checkNumbered(numbered);
  const engine = await Engine.open({
    signal: options.signal,
    folder: resolve(checked.folder ?? '.'),
    timezone: checked.timezone,
  });
  try {
    return await build(engine, checked, numbered?.vocabulary, options.onProgress ?? (() => {}));
  } finally {
    engine.close();
  }
}

async function build(
  engine: Engine,
  config: CheckedConfig,
  vocabulary: Vocabulary | undefined,
  report: OnProgress,
): Promise<Dataset> {
  const opened = await openSource(engine, config);
  const file = basename(opened.name);
  const total = config.features.length + (opened.texts.length > 0 ? 3 : 2);
  let done = 0;
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    report({ step: name, share: done / total });
    const timer = setInterval(() => report({ step: name, share: (done + engine.progress) / total }), 200);
    try {
      return await work();
    } finally {
      clearInterval(timer);
      done += 1;
    }
  };

  const find = () => typeColumns(engine, opened, config, listExpressions(config));
  const typed = await (opened.texts.length > 0 ? step(`finding types in ${file}`, find) : find());
  const { source } = typed;
  const expressions = await bindExpressions(engine, typed);
  if (vocabulary !== undefined) checkDescribed(vocabulary, expressions);
  await step(`reading ${file}`, () => createTable(engine, source, expressions));
  const rows = await step('checking labels and splits', () => readRows(engine, source, expressions));
  const splits = startSplits(rows, expressions.dense.length);
  const unseen = vocabulary?.unseen ?? config.unseen;
  const features: (FeatureInfo & VocabularyFeature)[] = [];
  for (const [f, { name, list, written: sql, type }] of expressions.features.entries()) {
    await step(`encoding ${name}`, async () => {
      const codes = await encodeFeature(engine, f, list, rows.count);
      const known = vocabulary?.features[f];
      const texts = await ValueTexts.read(engine, codes.codeCount, known && (await textSql(engine, known, type)));
      const textOf = (code: number) => texts.at(code);
      let { values } = known ?? {};
      let ids: Ids;
      if (values === undefined) {
        const codeOf = rankCodes(codes, rows.vocabularyRows, config.idOrder, config.minCount);
        ids = assignIds(codes, codeOf, textOf, unseen, name);
        values = texts.select(codeOf);
      } else {
        ids = idsOf(placesOf(texts, values), values.length, textOf, unseen);
        if (codes.codeCount > 0 && !ids.seen.includes(1)) tellUnknown(name, textOf(0), values.at(0));
      }
      if (unseen === 'error') checkSeen(codes, ids, rows, texts, name);
      for (const [split, arrays] of splits) arrays.features.push(gatherIds(codes, ids, rows.members.get(split)!));
      const { cardinality, outOfVocabulary } = ids;
      features.push({ name, list, cardinality, outOfVocabulary, sql, type, values });
    });
  }
  report({ step: 'ready', share: 1 });
  const dense = expressions.dense.map(({ name, written: sql }) => ({ name, sql }));
  return datasetFromArrays({
    features,
    dense: dense.map(({ name }) => name),
    splits: Object.fromEntries(splits),
    idOrder: config.idOrder,
    unseen,
    validationFrom: config.splits.validation === undefined ? 'student' : 'config',
    vocabulary: vocabulary ?? new Vocabulary({ features, dense, unseen, timezone: config.timezone }),
  });
}

/** All of a feature's values are unseen ones: most likely written in another way than those of the vocabulary. */
function tellUnknown(name: string, received: string | null, known: string | null): void {
  process.emitWarning(
    `No value of feature "${name}" is in the vocabulary: the data have ${describe(received)}, the vocabulary ${describe(known)}. A model knows nothing of this feature then`,
    { type: 'CollideWarning', code: 'COLLIDE_UNKNOWN_VALUES' },
  );
}

/** @throws CollideError INVALID_ARGUMENT (no vocabulary with values), INVALID_CONFIG */
function checkNumbered({ vocabulary, ...written }: NumberedData): CheckedConfig {
  const known = vocabulary instanceof Vocabulary && vocabulary.features.every(({ values }) => values !== undefined);
  if (!known) {
    const received = vocabulary instanceof Vocabulary ? 'one without values' : describe(vocabulary);
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected a vocabulary of data that openDataset has opened (data.vocabulary, or that of a teacher, hashing or student), received ${received}`,
    );
  }
  if (written.unseen !== undefined && written.unseen !== vocabulary.unseen) {
    throw new CollideError(
      'INVALID_CONFIG',
      `data: Expected unseen "${vocabulary.unseen}", as the vocabulary has it (or none), received ${describe(written.unseen)}`,
    );
  }
  const { timezone = vocabulary.timezone } = written;
  if (vocabulary.timezone !== undefined && timezone !== vocabulary.timezone) {
    throw new CollideError(
      'INVALID_CONFIG',
      `data: Expected timezone "${vocabulary.timezone}", as the vocabulary has it (or none), received ${describe(timezone)}`,
    );
  }
  const asWritten = ({ name, sql }: VocabularyColumn) => ({ name, expr: sql! });
  const features = written.features ?? vocabulary.features.map(asWritten);
  const dense = written.dense ?? vocabulary.dense?.map(asWritten);
  // minCount above 1 may not stand beside unseen "error", and is not looked at.
  return parseStrict(numberedSchema, { ...written, features, dense, minCount: 1, timezone }, 'data');
}

/** Compares what is known before a row is read. @throws CollideError VOCABULARY_MISMATCH */
function checkDescribed(vocabulary: Vocabulary, { features, dense }: Expressions): void {
  const described = features.map(({ name, list, written }, f) => {
    const { cardinality = 0, outOfVocabulary } = vocabulary.features[f] ?? {};
    return { name, list, cardinality, outOfVocabulary, sql: written };
  });
  const columns = dense.map(({ name, written: sql }) => ({ name, sql }));
  const data = new Vocabulary({ features: described, dense: columns });
  const remedy = 'Without data.features and data.dense, those of the vocabulary are taken';
  checkSameVocabulary(vocabulary, data, { model: 'the vocabulary', data: 'the data' }, remedy);
}

/** Labels and dense columns of each split. */
function startSplits(rows: Rows, width: number): Map<SplitName, SplitArrays> {
  const splits = new Map<SplitName, SplitArrays>();
  for (const name of splitNames) {
    const members = rows.members.get(name)!;
    if (members.length === 0) continue; // not asked for
    const labels = new Float32Array(members.length);
    const dense = new Float32Array(members.length * width);
    for (let i = 0; i < members.length; i++) {
      const row = members[i]!;
      labels[i] = rows.labels[row]!;
      for (let d = 0; d < width; d++) dense[i * width + d] = rows.dense[row * width + d]!;
    }
    splits.set(name, { labels, dense, features: [] });
  }
  return splits;
}

function checkSeen({ codes, offsets }: Codes, { seen }: Ids, rows: Rows, values: ValueTexts, name: string): void {
  for (const split of splitNames) {
    for (const row of rows.members.get(split)!) {
      const end = offsets === null ? row + 1 : offsets[row + 1]!;
      for (let k = offsets === null ? row : offsets[row]!; k < end; k++) {
        if (seen[codes[k]!] === 1) continue;
        throw new CollideError(
          'UNSEEN_ID',
          `feature "${name}": Expected values of the vocabulary (teacher and student rows make it), received ${values.at(codes[k]!) ?? 'NULL'} in row ${rows.sourceRow[row]} of the source (split ${split}). data.unseen can be "row" or "hash" instead of "error"`,
        );
      }
    }
  }
}
