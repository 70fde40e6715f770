/**
 * Teachers made elsewhere: vectors and access counts from a safetensors, npy or parquet file become a Teacher, so that a
 * team with its own trainer can use the clustering alone. Everything in a file is checked before it is believed.
 */

import { basename, extname } from 'node:path';
import { readVectorsParquet } from '../data/parquet.ts';
import { CollideError, checkOptions, checkText } from '../errors.ts';
import { readNpy, readSafetensors, type Tensor } from '../files/index.ts';
import { optionNames } from '../option_names.ts';
import { isTeacherFile, Teacher, type TeacherFeature } from './teacher.ts';

const OPTIONS = optionNames<VectorOptions>({ counts: true, feature: true, signal: true });

/** Options of {@link loadVectors}. */
export interface VectorOptions {
  /** npy: the file of the counts, one per vector. */
  counts?: string;
  /** Name of the table. Default: the file's name without its ending. Not for files that name their tables themselves. */
  feature?: string;
  /** Stops the work; the promise rejects with ABORTED. */
  signal?: AbortSignal;
}

const MOST_ACCESSES = 2 ** 32 - 1;

/**
 * Reads a teacher from
 *
 * - `.safetensors`: a teacher of this package, or tensors `vectors` [ids, dim] and `counts` [ids] of one table, or
 *   `NAME.vectors` and `NAME.counts` of several, all of one width;
 * - `.npy`: vectors [ids, dim], with the counts [ids] in a file of their own;
 * - `.parquet`: columns `id` (0 .. ids - 1), `count` and `vector` (a list).
 *
 * Vectors are float32, float64, float16 or (safetensors) bfloat16, and are taken as float32; counts are whole numbers of
 * any type. Other tensors of a safetensors file do not matter, whatever their types.
 *
 * @throws CollideError FILE_IO, FILE_FORMAT (what was expected, what came), INVALID_ARGUMENT for options that the file has
 * no use for
 * @example
 * ```ts
 * const teacher = await loadVectors('movie.npy', { counts: 'movie_counts.npy' });
 * const hashing = await learnHashing(teacher, { size: 0.1, minRows: 0, method: 'k-means' });
 * ```
 */
export async function loadVectors(path: string, options: VectorOptions = {}): Promise<Teacher> {
  checkText(path, 'the path of loadVectors');
  checkOptions(options, OPTIONS, 'loadVectors');
  for (const name of ['counts', 'feature'] as const) {
    if (options[name] !== undefined) checkText(options[name], `${name} of loadVectors`);
  }
  const { counts, feature = basename(path, extname(path)), signal } = options;
  const kind = extname(path).toLowerCase();
  if (counts !== undefined && kind !== '.npy') {
    throw new CollideError('INVALID_ARGUMENT', `Expected no file of counts beside "${path}": it holds its own`);
  }
  switch (kind) {
    case '.safetensors':
      return fromSafetensors(path, options.feature, feature);
    case '.npy': {
      if (counts === undefined) {
        throw new CollideError(
          'INVALID_ARGUMENT',
          `Expected a file of access counts for "${path}" (npy, one per vector; all ones when there are none), received none`,
        );
      }
      return teacherOf([tableOf(feature, await readNpy(path), path, await readNpy(counts), counts)], path);
    }
    case '.parquet':
    case '.pq': {
      const table = await readVectorsParquet(path, signal);
      const shape = [table.counts.length, table.dim];
      const vectors: Tensor = { dtype: 'F32', shape, data: table.vectors };
      const seen: Tensor = { dtype: 'F64', shape: [table.counts.length], data: table.counts };
      return teacherOf([tableOf(feature, vectors, path, seen, path)], path);
    }
    default:
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected a .safetensors, .npy or .parquet file of vectors, received "${path}"`,
      );
  }
}

async function fromSafetensors(path: string, named: string | undefined, fallback: string): Promise<Teacher> {
  const file = await readSafetensors(path);
  const names = [
    ...Object.keys(file.tensors),
    ...Object.entries(file.unread).map(([name, type]) => `${name} (${type})`),
  ];
  const single = file.tensors.vectors !== undefined;
  if (named !== undefined && !single) {
    throw new CollideError('INVALID_ARGUMENT', `Expected no feature name for "${path}": its tables have names`);
  }
  if (isTeacherFile(file)) return Teacher.from(file, path);
  const tables = single
    ? [{ name: fallback, prefix: '' }]
    : names
        .filter((name) => name.endsWith('.vectors'))
        .sort()
        .map((name) => name.slice(0, -'.vectors'.length))
        .map((name) => ({ name, prefix: `${name}.` }));
  if (tables.length === 0) {
    throw broken(
      path,
      `expected tensors "vectors" and "counts", or "NAME.vectors" and "NAME.counts", received ${names.join(', ') || 'none'}`,
    );
  }
  return teacherOf(
    tables.map(({ name, prefix }) => {
      const counts = file.tensors[`${prefix}counts`];
      if (counts === undefined) throw broken(path, `expected a tensor "${prefix}counts" beside "${prefix}vectors"`);
      return tableOf(name, file.tensors[`${prefix}vectors`]!, path, counts, path);
    }),
    path,
  );
}

function teacherOf(features: TeacherFeature[], path: string): Teacher {
  const widths = features.map(({ rows, cardinality }) => rows.length / cardinality);
  const other = widths.findIndex((width) => width !== widths[0]);
  if (other < 0) return new Teacher(widths[0]!, features);
  throw broken(
    path,
    `expected vectors of one width for all tables, received ${widths[0]} for "${features[0]!.name}" and ${widths[other]} for "${features[other]!.name}"`,
  );
}

/** One table, checked. */
function tableOf(name: string, vectors: Tensor, path: string, counts: Tensor, countsPath: string): TeacherFeature {
  const [ids, dim] = vectors.shape;
  if (vectors.shape.length !== 2 || ids! < 1 || dim! < 1) {
    throw broken(path, `expected vectors of shape [ids, dim], received [${vectors.shape}]`);
  }
  if (counts.shape.length !== 1 || counts.shape[0] !== ids) {
    throw broken(countsPath, `expected counts of shape [${ids}], one per vector, received [${counts.shape}]`);
  }
  const rows = toFloat32(vectors, path);
  const bad = rows.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw broken(
      path,
      `expected finite numbers, received ${rows[bad]} for id ${Math.floor(bad / dim!)}, dimension ${bad % dim!}`,
    );
  }
  return { name, cardinality: ids!, rows, counts: toCounts(counts, countsPath) };
}

function toFloat32({ dtype, data }: Tensor, path: string): Float32Array {
  switch (dtype) {
    case 'F32':
      return data as Float32Array;
    case 'F64':
      return new Float32Array(data as Float64Array);
    case 'BF16': {
      const words = Uint32Array.from(data as Uint16Array, (bits) => bits << 16);
      return new Float32Array(words.buffer);
    }
    case 'F16':
      return Float32Array.from(data as Uint16Array, halfToNumber);
    default:
      throw broken(path, `expected vectors of type F32, F64, F16 or BF16, received ${dtype}`);
  }
}

/** The value of IEEE 754 binary16 bits. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function toCounts({ dtype, data }: Tensor, path: string): Uint32Array {
  if (['BOOL', 'F8_E4M3', 'F8_E5M2', 'F16', 'BF16'].includes(dtype)) {
    throw broken(path, `expected counts of a type of whole numbers (or F32, F64), received ${dtype}`);
  }
  const counts = new Uint32Array(data.length);
  for (let id = 0; id < data.length; id++) {
    const count = Number(data[id]);
    if (!Number.isInteger(count) || count < 0 || count > MOST_ACCESSES) {
      throw broken(path, `expected counts from 0 to ${MOST_ACCESSES}, whole numbers, received ${count} for id ${id}`);
    }
    counts[id] = count;
  }
  return counts;
}

function broken(path: string, problem: string): CollideError {
  return new CollideError('FILE_FORMAT', `"${path}" does not hold vectors and counts: ${problem}`);
}
