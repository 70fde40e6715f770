/** The `data` section of a config: where rows come from and what they mean, in SQL. */
import { z } from 'zod';
import { suggestion } from '../errors.ts';
import { askable } from './text_kinds.ts';
import type { splitNames } from './types.ts';

const expression = z.string().trim().min(1);

const namedExpression = z.strictObject({
  /** Name in results and messages. */
  name: z.string().min(1),
  /** SQL expression over the source's columns. */
  expr: expression,
});

/** A text stands for the column of that name, whatever its spelling (it is quoted); anything else needs an `expr`. */
const feature = z.union([z.string().min(1), namedExpression]);

/** What the keys of a section say together. */
function checkTogether(
  data: { minCount: number; unseen: string; source?: unknown; query?: unknown },
  context: z.RefinementCtx,
): void {
  if (data.minCount > 1 && data.unseen === 'error') {
    context.addIssue({ code: 'custom', path: ['minCount'], message: 'Expected 1 with unseen "error"' });
  }
  if ((data.source === undefined) === (data.query === undefined)) {
    const received = data.source === undefined ? 'neither' : 'both';
    context.addIssue({ code: 'custom', message: `Expected either source or query, received ${received}` });
  }
}

const sqlTypes = Object.keys(askable);

/** The name of a type, in any case; `text` is VARCHAR. */
const sqlType = z
  .string()
  .transform((name) => (/^(text|string)$/i.test(name) ? 'VARCHAR' : name.toUpperCase()))
  .superRefine((name, context) => {
    if (sqlTypes.includes(name)) return;
    const message = `Expected one of ${sqlTypes.join(', ')}, received "${name}".${suggestion(name, sqlTypes)}`;
    context.addIssue({ code: 'custom', message });
  });

function checkTimezone(name: string, context: z.RefinementCtx): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    // An offset is valid there, and no name of a zone.
    if (/^[a-z]/i.test(name)) return;
  } catch {
    // told below
  }
  const known = Intl.supportedValuesOf('timeZone');
  const message = `Expected the name of a time zone, UTC or like Europe/Berlin, received "${name}".${suggestion(name, known)}`;
  context.addIssue({ code: 'custom', message });
}

export const dataSchema = z
  .strictObject({
    /**
     * csv, tsv, txt, json, jsonl, ndjson (also as .gz or .zst) or parquet files, or one DuckDB file; `*`, `?` and `[a-z]`
     * match several. csv files are UTF-8 with a header line and are read strictly: a broken line is an error. Exactly
     * one of `source` and `query` is given.
     */
    source: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(),
    /** An SQL SELECT instead of files: joins, other formats, files without a header (`read_csv(...)` with its options). */
    query: expression.optional(),
    /** Table or view of a DuckDB file; may be left out where it has one. */
    table: z.string().min(1).optional(),
    /**
     * Types of csv and JSON columns, by name; a value that does not fit is an error with its line. Columns that are not
     * named get the type that holds all their values where an expression calculates with them, and are text elsewhere.
     */
    types: z.record(z.string(), sqlType).optional(),
    /** Time zone that the hour and day of a time with a zone are in: `UTC`, `Europe/Berlin`. */
    timezone: z.string().superRefine(checkTimezone).default('UTC'),
    /** Folder that relative paths in `source` and `query` start from. Default: that of the config file, or the current one. */
    folder: z.string().min(1).optional(),
    /** SQL expression that is 0 or 1, or a boolean, in every row of a split. */
    label: expression,
    /** Categorical features. A list value is a bag (an empty or NULL list an empty one); NULL is a value of its own. */
    features: z
      .array(feature)
      .min(1)
      .superRefine((features, context) => {
        const seen = new Set<string>();
        const columns = new Set<string>(); // SQL takes `user` and `USER` for one column
        features.forEach((entry, index) => {
          const name = typeof entry === 'string' ? entry : entry.name;
          const column = typeof entry === 'string' ? entry.toLowerCase() : undefined;
          if (seen.has(name) || (column !== undefined && columns.has(column))) {
            context.addIssue({
              code: 'custom',
              path: [index],
              message: `Expected different ${seen.has(name) ? 'names' : 'columns'}, received "${name}" twice`,
            });
          }
          seen.add(name);
          if (column !== undefined) columns.add(column);
        });
      }),
    /**
     * Dense columns: SQL expressions whose values are numbers from -1e30 to 1e30, held as float32. Models standardise them
     * (`model.standardize`). Default: none.
     */
    dense: z.array(z.union([expression, namedExpression])).default([]),
    /**
     * Boolean SQL expressions, window functions allowed; rows in none are left out, rows in two are an error. The
     * teacher learns from rows that the student does not. Without `validation` every 20th student row is taken for it.
     */
    splits: z.strictObject({
      /** The rows that the teacher is trained on: the oldest. */
      teacher: expression,
      /** The rows that students are trained on: newer ones. */
      student: expression,
      /** The rows on which learning rates, epochs and layouts are chosen. Default: every 20th student row. */
      validation: expression.optional(),
      /** The rows that the figures are of: the newest. Nothing is chosen on them. */
      evaluation: expression,
    } satisfies Record<(typeof splitNames)[number], z.ZodType>),
    /** SQL expression or expressions to sort rows by, ties in source order, NULL last. Default: source order. */
    order: z.union([expression, z.array(expression).min(1)]).optional(),
    /** How ids are numbered: by descending count over teacher and student rows, or by first appearance there. */
    idOrder: z.enum(['frequency', 'appearance']).default('frequency'),
    /**
     * Values that teacher and student rows have fewer times than this count as unseen. 1 keeps all; then the row of
     * unseen values is never trained. With 2, values seen once train it: good where unseen values are like rare ones,
     * bad where they are not (a rising player wins more than one who was seen once).
     */
    minCount: z.int().min(1).default(1),
    /**
     * Values that no teacher or student row has: `row` gives them one more id, the last; `hash` the id that a fixed
     * hash of their text picks; `error` refuses them.
     */
    unseen: z.enum(['row', 'hash', 'error']).default('row'),
  })
  .superRefine(checkTogether);

/** As {@link dataSchema}, for data that a saved vocabulary numbers: any splits will do. */
export const numberedSchema = z
  .strictObject({
    ...dataSchema.shape,
    splits: dataSchema.shape.splits
      .partial()
      .refine((splits) => Object.values(splits).some((split) => split !== undefined), 'Expected at least one split'),
  })
  .superRefine(checkTogether);

/** The section as it is written: fields with a default may be left out. */
export type DataConfigInput = z.input<typeof dataSchema>;
/** The section with its defaults filled in. */
export type DataConfig = z.output<typeof dataSchema>;
/** The section, with its defaults, of data with or without a vocabulary. */
export type CheckedConfig = DataConfig | z.output<typeof numberedSchema>;
/**
 * The `data` section, as it is written, for data that a saved vocabulary numbers: features may be left out, any splits
 * will do.
 */
export type NumberedConfigInput = z.input<typeof numberedSchema>;
