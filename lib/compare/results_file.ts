/** results.json: a comparison as a file, checked when it is read. */
import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { CollideError, checkText, describe } from '../errors.ts';
import { fileError, writeFileAtomic } from '../files/index.ts';
import { type Comparison, repeatedResult } from './results.ts';

const count = z.number().min(0);
const place = z.enum(['cpu', 'cuda']);
/** A figure from 0, infinity and NaN among them. JSON has no NaN; JSON.stringify writes null for it. */
const metricUpTo = (most: number) =>
  z
    .custom<number>((value) => typeof value === 'number' && !(value < 0 || value > most), {
      error: ({ input }) => `expected a number from 0 to ${most}, or null for none, received ${describe(input)}`,
    })
    .nullable()
    .transform((value) => value ?? Number.NaN);
const metric = metricUpTo(Number.POSITIVE_INFINITY);
const shareOfPairs = metricUpTo(1);

const shape = {
  hotShare: count.optional(),
  crossFit: z.boolean().optional(),
  parts: count.optional(),
  hashed: z.array(z.string()).optional(),
  own: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
};
const step = { method: z.string(), size: z.number().positive(), seed: z.int().min(0) };

// Objects of facts stay open: results written by a later version may say more.
const schema: z.ZodType<Comparison, unknown> = z.looseObject({
  version: z.string(),
  config: z.looseObject({}),
  machine: z.record(z.string(), z.union([z.string(), z.number()])),
  data: z.looseObject({
    source: z.string(),
    label: z.string(),
    idOrder: z.string(),
    features: z.array(z.looseObject({ name: z.string(), cardinality: count, compressed: z.boolean() })),
    dense: z.array(z.string()),
    splits: z.array(z.looseObject({ name: z.string(), rows: count, labelRate: metric })),
    fingerprint: z.string().optional(),
  }),
  notes: z.array(z.string()),
  results: z
    .array(
      z.looseObject({
        ...step,
        learningRate: count,
        epochs: count,
        ...shape,
        untaught: z.array(z.string()).optional(),
        whole: z.array(z.string()).optional(),
        diverged: z.array(count).optional(),
        dropped: z.array(z.looseObject({ ...shape, reason: z.string() })).optional(),
        auc: shareOfPairs,
        logLoss: metric,
        normalizedEntropy: metric,
        rows: count,
        devices: z.looseObject({ model: place, clusters: place.optional() }).optional(),
        bytes: z.looseObject({ rows: count, mapping: count, optimizer: count, total: count }),
        seconds: z.looseObject({ teacher: count, cluster: count, tune: count, train: count, evaluate: count }),
      }),
    )
    .superRefine((results, context) => {
      const repeated = repeatedResult(results);
      if (repeated !== undefined) context.addIssue({ code: 'custom', message: repeated });
    }),
  failed: z.array(z.looseObject({ ...step, reason: z.string() })).optional(),
});

/**
 * Checks what JSON.parse made of a results file.
 *
 * @param where - what the message names
 * @throws CollideError FILE_FORMAT with the first wrong field
 */
export function parseComparison(value: unknown, where: string): Comparison {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const field = issue.path.length === 0 ? 'the file' : issue.path.join('.');
  throw new CollideError(
    'FILE_FORMAT',
    `"${where}" does not hold the results of a comparison: ${field}: ${issue.message}`,
  );
}

/**
 * That a value is a comparison, as `compare` gives it.
 *
 * @throws CollideError INVALID_ARGUMENT with the first wrong field
 */
export function checkComparison(value: unknown, where: string): Comparison {
  const parsed = schema.safeParse(value);
  if (parsed.success && isJson(value)) return value as Comparison;
  const { path, message } = parsed.error?.issues[0] ?? { path: ['config'], message: 'it is not JSON' };
  const field = path.length === 0 ? '' : ` (${path.join('.')}: ${message})`;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a comparison, as compare gives it, for ${where}, received ${describe(value)}${field}`,
  );
}

function isJson(value: unknown): boolean {
  try {
    return JSON.stringify(value) !== undefined;
  } catch {
    return false;
  }
}

/** Of all but the notes, which people write; the same before JSON and after it. */
function checksumOf({ notes: _, checksum: __, ...rest }: Record<string, unknown>): string {
  return crc32(JSON.stringify(rest)).toString(16).padStart(8, '0');
}

/** Results are text that may be worked on by hand, so that a change is told and not refused. */
function withoutChecksum(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null || !('checksum' in value)) return value;
  const { checksum, ...comparison } = value as Record<string, unknown>;
  const found = checksumOf(comparison);
  if (checksum !== found) {
    process.emitWarning(
      `"${path}" was changed or damaged after it was written: expected the checksum ${String(checksum)} that it names, ` +
        `received ${found}. Take out its line "checksum" if the change is meant`,
      { type: 'CollideWarning', code: 'FILE_FORMAT' },
    );
  }
  return comparison;
}

/**
 * Reads results.json. One that was changed after it was written, but for its notes, is read with a process warning.
 *
 * @throws CollideError FILE_IO when it cannot be read, FILE_FORMAT when it is no JSON or no comparison
 * @example
 * ```ts
 * const comparison = await readComparison('results.json');
 * ```
 */
export async function readComparison(path: string): Promise<Comparison> {
  let text: string;
  try {
    text = await readFile(checkText(path, 'the path of results'), 'utf8');
  } catch (error) {
    if (error instanceof CollideError) throw error;
    throw fileError('read', path, error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CollideError('FILE_FORMAT', `"${path}" is not JSON: ${why}`, { cause });
  }
  return parseComparison(withoutChecksum(value, path), path);
}

/**
 * Writes results.json, as a whole or not at all, with a checksum. A metric of NaN (labels all equal) becomes null.
 *
 * @throws CollideError FILE_IO, INVALID_ARGUMENT for what is no comparison
 * @example
 * ```ts
 * await writeComparison('results.json', comparison);
 * ```
 */
export async function writeComparison(path: string, comparison: Comparison): Promise<void> {
  checkComparison(comparison, 'writeComparison');
  const plain = JSON.parse(JSON.stringify(comparison)) as Record<string, unknown>;
  const text = JSON.stringify({ ...plain, checksum: checksumOf(plain) }, null, 2);
  await writeFileAtomic(checkText(path, 'the path of results'), `${text}\n`);
}
