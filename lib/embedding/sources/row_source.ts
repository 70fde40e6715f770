/**
 * What a storage of rows is, beside internal tables that hash functions address: it makes the rows of a feature from
 * tables of its own shape. The engine does everything else for it: hashing, pooling, one summed gradient and one optimizer
 * step a row, checkpoints, memory.
 */
import type { TableReader } from '../../native.ts';

/**
 * Which row source a feature uses, and its options. Of a feature that is saved they are texts, numbers, booleans or lists
 * of them.
 */
export type SourceOptions = { readonly kind: string; readonly [option: string]: unknown };

/** The feature that a source makes rows for. */
export interface SourcedFeature {
  /** Rows to make: those of the feature's hash function, its ids by default. */
  rows: number;
  /** Columns of a row. */
  dim: number;
  /** Half-width of the initial values that the feature asks for (`init`). */
  initScale: number;
  /** What to call it in messages. */
  where: string;
}

/** One of the tables that a source makes rows from. */
export interface SourceTable {
  /** Its name behind the feature's table name, as in `movie/projection`. The first table has none. */
  part?: string;
  /** At most 2^32 - 1. */
  rows: number;
  /** At most 65,536. */
  width: number;
  /** Whether it is float32 whatever the precision of the feature: for small tables that every row needs. Default false. */
  exact?: boolean;
  /** Initial values are uniform in [center - scale, center + scale). Default 0 and 0. */
  init?: { center?: number; scale: number };
}

/** Numbers by name. */
export type SourceNumbers = Readonly<Record<string, number>>;

/** Gradients of rows of a table, [rows.length, table width]. A row may come more than once: its gradients are summed. */
export interface RowGradients {
  rows: Uint32Array;
  values: Float32Array;
}

/**
 * A storage of rows. It is computed by native code (native/cpu/embedding/sources), or in TypeScript by `makeRows` and
 * `backward`: slower, but all that a new idea needs.
 */
export interface RowSource<Options extends SourceOptions = SourceOptions> {
  /** Features say it as `source: { kind: name }`. */
  readonly name: string;
  /** Names of its options, `kind` among them. */
  readonly options: readonly string[];
  /**
   * The tables for a feature, the first one without a `part`, and numbers that rows are made with besides.
   *
   * @throws CollideError INVALID_ARGUMENT for an option out of range
   */
  describe(options: Options, feature: SourcedFeature): { tables: SourceTable[]; numbers?: SourceNumbers };
  /** The native source that computes it. Default: the one of its own name. */
  readonly native?: string;
  /**
   * The rows `rows` (distinct, ascending) as [rows.length, dim]. `tables[t](rows)` copies rows of table t,
   * [rows.length, width]; `numbers` are those of `describe`.
   */
  makeRows?(tables: readonly TableReader[], rows: Uint32Array, numbers: SourceNumbers): Float32Array;
  /**
   * Gradients of the rows of every table, from the summed gradient of each row that `makeRows` made for the same rows,
   * `gradient` [rows.length, dim].
   */
  backward?(
    tables: readonly TableReader[],
    rows: Uint32Array,
    gradient: Float32Array,
    numbers: SourceNumbers,
  ): RowGradients[];
}
