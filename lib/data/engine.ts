/**
 * One in-memory DuckDB database for the time that a data set is opened: queries, typed streams, abort and progress.
 *
 * DuckDB runs on its own threads and spills to a folder of the system's temporary directory when memory is short; the
 * folder goes with close(). It never loads or downloads an extension: what it reads, it reads with what its npm package
 * has built in (csv, json, parquet, time zones). Its settings are locked before it sees a user's SQL.
 */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance, DuckDBValue, DuckDBVector } from '@duckdb/node-api';
import { CollideError, suggestion } from '../errors.ts';

/** Rows of one of DuckDB's chunks. */
const CHUNK_ROWS = 2048;

let opened = 0;

/** A failure that DuckDB reports: `kind` is the class of its message (`Binder`, `IO`, ...), `message` the useful part. */
export class EngineError extends Error {
  readonly kind: string;

  constructor(cause: unknown) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const [, kind = '', rest = text] = /^([A-Z][\w ]*?) Error: ([\s\S]*)$/.exec(text) ?? [];
    super(shorten(rest), { cause });
    this.kind = kind;
  }
}

/** Without DuckDB's quote of our SQL and its list of reader options; of a csv error: file, line, text and reason. */
function shorten(message: string): string {
  const body = message.split(
    /\n\s*(?:LINE \d+:|Possible fixes|Possible Solution|Possible solutions|The search space)/,
  )[0]!;
  const lines = body.split('\n').filter((line) => line.trim() !== '');
  if (!/^CSV Error on Line/.test(body)) return clip(lines.join(' '));
  const file = /^ {2}file = (.*)$/m.exec(message)?.[1] ?? 'csv';
  // An open quote makes the quoted line thousands of lines long; the reason is behind all of them.
  const reason = lines.filter((line) => !/^Column .* is being converted|^This type was/.test(line)).at(-1)!;
  return `${file}: ${lines[0]}: ${clip(reason)} (${clip(lines[1] ?? '')})`;
}

function clip(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}...` : text;
}

export interface EngineOptions {
  signal?: AbortSignal | undefined;
  /** Where relative paths in SQL start. Default: the current folder. */
  folder?: string;
  /** Of timestamps with a zone. Default `UTC`, whatever the machine's. */
  timezone?: string;
}

export class Engine {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #spill: string;
  readonly signal: AbortSignal | undefined;
  readonly #interrupt = (): void => this.#connection.interrupt();

  /** @throws CollideError ABORTED, INVALID_CONFIG (a time zone that DuckDB does not know) */
  static async open({ signal, folder, timezone = 'UTC' }: EngineOptions = {}): Promise<Engine> {
    // Loaded here: its native library is large and most uses of this package never open a file.
    const { DuckDBInstance } = await import('@duckdb/node-api');
    opened += 1;
    const spill = join(tmpdir(), `learn-to-collide-${process.pid}-${opened}`);
    const instance = await DuckDBInstance.create(':memory:', {
      temp_directory: spill,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      allow_community_extensions: 'false',
      allow_persistent_secrets: 'false',
    });
    const engine = new Engine(instance, await instance.connect(), spill, signal);
    try {
      await engine.run('SET enable_progress_bar = true');
      await engine.run('SET enable_progress_bar_print = false');
      if (folder !== undefined) await engine.run(`SET file_search_path = ${quoteText(folder)}`);
      await engine.#setTimezone(timezone);
      await engine.run('SET lock_configuration = true');
    } catch (cause) {
      engine.close();
      throw cause;
    }
    return engine;
  }

  private constructor(
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    spill: string,
    signal: AbortSignal | undefined,
  ) {
    this.#instance = instance;
    this.#connection = connection;
    this.#spill = spill;
    this.signal = signal;
    signal?.addEventListener('abort', this.#interrupt);
  }

  /** @throws EngineError; CollideError ABORTED */
  async run(sql: string): Promise<void> {
    await this.#guard(() => this.#connection.run(sql));
  }

  /** The rows of a small result; numbers that JavaScript cannot hold come as text. */
  async rows(sql: string): Promise<Record<string, unknown>[]> {
    return this.#guard(async () => (await this.#connection.runAndReadAll(sql)).getRowObjectsJson());
  }

  /** Calls `visit` for each chunk of a result (about 2,000 rows), in the result's order. */
  async stream(sql: string, visit: (columns: DuckDBVector[], rows: number) => void): Promise<void> {
    await this.#guard(async () => {
      const result = await this.#connection.stream(sql);
      const width = result.columnCount;
      for (;;) {
        this.checkAborted();
        const chunk = await result.fetchChunk();
        if (chunk === null || chunk.rowCount === 0) return;
        const columns = Array.from({ length: width }, (_, column) => chunk.getColumnVector(column));
        visit(columns, chunk.rowCount);
      }
    });
  }

  /** Appends rows to a table; `columnsOf(begin, end)` gives the values of each column for a piece of them. */
  async append(table: string, rows: number, columnsOf: (begin: number, end: number) => DuckDBValue[][]): Promise<void> {
    const { DuckDBDataChunk } = await import('@duckdb/node-api');
    await this.#guard(async () => {
      const appender = await this.#connection.createAppender(table);
      const types = Array.from({ length: appender.columnCount }, (_, column) => appender.columnType(column));
      for (let begin = 0; begin < rows; begin += CHUNK_ROWS) {
        const end = Math.min(rows, begin + CHUNK_ROWS);
        const chunk = DuckDBDataChunk.create(types, end - begin);
        chunk.setColumns(columnsOf(begin, end));
        appender.appendDataChunk(chunk);
      }
      appender.closeSync();
    });
  }

  /** A folder for files that may be made on the way; it goes with close(). */
  get temporary(): string {
    return this.#spill;
  }

  /** How far the running query is, from 0 to 1; 0 where DuckDB cannot say. */
  get progress(): number {
    const { percentage } = this.#connection.progress;
    return Math.min(Math.max(percentage / 100, 0), 1);
  }

  /** @throws CollideError ABORTED when the caller's signal has fired */
  checkAborted(): void {
    if (this.signal?.aborted !== true) return;
    throw new CollideError('ABORTED', 'Opening the data was stopped by the signal', { cause: this.signal.reason });
  }

  close(): void {
    this.signal?.removeEventListener('abort', this.#interrupt);
    this.#connection.closeSync();
    this.#instance.closeSync();
    rmSync(this.#spill, { recursive: true, force: true });
  }

  async #setTimezone(timezone: string): Promise<void> {
    try {
      await this.run(`SET TimeZone = ${quoteText(timezone)}`);
    } catch (cause) {
      if (!(cause instanceof EngineError)) throw cause;
      const names = (await this.rows('SELECT name FROM pg_timezone_names()')).map((row) => String(row.name));
      throw new CollideError(
        'INVALID_CONFIG',
        `Expected a time zone such as UTC or Europe/Berlin for data.timezone, received "${timezone}".${suggestion(timezone, names)}`,
        { cause },
      );
    }
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    this.checkAborted();
    try {
      return await work();
    } catch (cause) {
      this.checkAborted();
      if (cause instanceof CollideError) throw cause;
      throw new EngineError(cause);
    }
  }
}

/** An SQL identifier. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** An SQL text literal. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
