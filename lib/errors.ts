/**
 * Every failure of this package that a caller can cause or meet is a CollideError: `code` is stable and documented,
 * the message says what was expected, what came and where.
 */
import { closest, distance } from 'fastest-levenshtein';

/** What kind of failure a {@link CollideError} is. Codes are stable; guide/errors.md says what to do about each. */
export type CollideErrorCode =
  | 'INVALID_ARGUMENT' // a value of the wrong type or out of its range
  | 'UNKNOWN_OPTION' // an option or name that does not exist; the message names the nearest that does
  | 'INVALID_INDEX' // an id outside its feature's cardinality, or not a whole number
  | 'INVALID_OFFSETS' // offsets that decrease, overrun the indices or have the wrong length
  | 'INVALID_CONFIG' // a config file that its schema refuses
  | 'INVALID_LABEL' // a label that is not 0 or 1
  | 'NOT_SUPPORTED' // a combination that this version cannot do; the message says what can
  | 'NO_FORWARD' // backward without a forward to go back through
  | 'CLOSED' // use after close()
  | 'ABORTED' // stopped by the caller's AbortSignal
  | 'DIVERGED' // training met a loss, or prediction a logit, that is not a finite number
  | 'OUT_OF_MEMORY' // the message says how many bytes were wanted, and for what
  | 'NATIVE_MISSING' // the native addon could not be loaded; the message has the build command
  | 'CUDA_UNAVAILABLE' // device 'cuda' without a usable driver, device or build
  | 'CUDA_FAILED' // the CUDA runtime reported an error; the message names the operation
  | 'DATA_SOURCE' // the data file is missing, broken or unreadable
  | 'DATA_SQL' // an SQL expression that the data engine refuses
  | 'EMPTY_SPLIT' // a split without rows
  | 'SPLIT_OVERLAP' // rows that belong to two splits
  | 'VOCABULARY_MISMATCH' // data whose ids do not mean what they mean to the model; the message names the first difference
  | 'UNSEEN_ID' // an id not in the vocabulary, when `unseen` is 'error'
  | 'FILE_FORMAT' // a file of ours that is truncated, damaged or of another kind
  | 'FILE_IO'; // reading or writing failed (permissions, full disk, ...)

/**
 * The error of every failure that a caller can cause or meet: `code` says what kind, the message what was expected,
 * what came and where.
 */
export class CollideError extends Error {
  readonly code: CollideErrorCode;

  constructor(code: CollideErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'CollideError';
    this.code = code;
  }
}

/** Whether training broke off because its loss was not a finite number any more: another learning rate may do. */
export function isDiverged(error: unknown): error is CollideError {
  return error instanceof CollideError && error.code === 'DIVERGED';
}

/** @throws CollideError ABORTED, with the signal's reason as its cause, when it has fired */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new CollideError('ABORTED', "Stopped by the caller's AbortSignal", { cause: signal.reason });
  }
}

/** The known name nearest to `name` as ` Did you mean "x"?`, or an empty string when none is near. */
export function suggestion(name: string, known: readonly string[]): string {
  if (known.length === 0) return '';
  // Letters that changed places are one slip: lable is label rather than table.
  const letters = (word: string): string => [...word].sort().join('');
  const best = known.find((other) => letters(other) === letters(name)) ?? closest(name, [...known]);
  return distance(name, best) <= Math.max(2, Math.floor(best.length / 3)) ? ` Did you mean "${best}"?` : '';
}

/**
 * Checks that `options` is a plain object with no key outside `known`.
 *
 * @throws CollideError INVALID_ARGUMENT (not an object) or UNKNOWN_OPTION (names the nearest known option)
 */
export function checkOptions(options: unknown, known: readonly string[], where: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected an options object for ${where}, received ${describe(options)}`,
    );
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new CollideError(
      'UNKNOWN_OPTION',
      `Unknown option "${key}" for ${where}.${suggestion(key, known)} Known options: ${known.join(', ')}`,
    );
  }
}

/** @throws CollideError INVALID_ARGUMENT unless `value` is one of `allowed` */
export function checkOneOf<T extends string>(value: unknown, allowed: readonly T[], where: string): T {
  if (allowed.includes(value as T)) return value as T;
  const hint = typeof value === 'string' ? suggestion(value, allowed) : '';
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected one of ${allowed.map((a) => `"${a}"`).join(', ')} for ${where}, received ${describe(value)}.${hint}`,
  );
}

/** @throws CollideError INVALID_ARGUMENT unless `value` is a whole number in [least, most] */
export function checkInteger(value: unknown, least: number, most: number, where: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a whole number from ${least} to ${most} for ${where}, received ${describe(value)}`,
  );
}

/** @throws CollideError INVALID_ARGUMENT unless `value` is a finite number in [least, most] */
export function checkNumber(value: unknown, least: number, most: number, where: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= least && value <= most) return value;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a number from ${least} to ${most} for ${where}, received ${describe(value)}`,
  );
}

/** @throws CollideError INVALID_ARGUMENT unless `value` is a text, not an empty one */
export function checkText(value: unknown, where: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new CollideError('INVALID_ARGUMENT', `Expected a text for ${where}, received ${describe(value)}`);
}

/** @throws CollideError INVALID_ARGUMENT unless `value` is an array */
export function checkList<T>(value: readonly T[], where: string): readonly T[] {
  if (Array.isArray(value)) return value;
  throw new CollideError('INVALID_ARGUMENT', `Expected an array for ${where}, received ${describe(value)}`);
}

/** @throws CollideError INVALID_ARGUMENT unless `value` is an object that is no array */
export function checkObject(value: unknown, where: string): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new CollideError('INVALID_ARGUMENT', `Expected an object for ${where}, received ${describe(value)}`);
}

/** @throws CollideError INVALID_ARGUMENT unless `value` is a function */
export function checkFunction(value: unknown, where: string): void {
  if (typeof value === 'function') return;
  throw new CollideError('INVALID_ARGUMENT', `Expected a function for ${where}, received ${describe(value)}`);
}

/** @throws CollideError INVALID_ARGUMENT unless `value` is a bigint */
export function checkBigInt(value: unknown, where: string): bigint {
  if (typeof value === 'bigint') return value;
  throw new CollideError('INVALID_ARGUMENT', `Expected a bigint for ${where}, received ${describe(value)}`);
}

/** @throws CollideError INVALID_ARGUMENT unless signal and onProgress are undefined or what their names say */
export function checkCallbacks(signal: unknown, onProgress: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new CollideError('INVALID_ARGUMENT', `Expected an AbortSignal for signal, received ${describe(signal)}`);
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new CollideError('INVALID_ARGUMENT', `Expected a function for onProgress, received ${describe(onProgress)}`);
  }
}

/**
 * A seed as the bigint it stands for.
 *
 * @throws CollideError INVALID_ARGUMENT unless `value` is a whole number from 0 to 2^53 - 1 or a bigint below 2^64
 */
export function checkSeed(value: unknown, where: string): bigint {
  const whole = typeof value === 'bigint' ? value < 2n ** 64n : Number.isSafeInteger(value);
  if (whole && (value as number | bigint) >= 0) return BigInt(value as number | bigint);
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a whole number from 0 to 2^53 - 1, or a bigint below 2^64, for ${where}, received ${describe(value)}`,
  );
}

/** A short text for a received value: `"x" of type string`, `Float32Array of length 3`, ... */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (ArrayBuffer.isView(value)) {
    return `${value.constructor.name} of length ${(value as unknown as { length?: number }).length ?? value.byteLength}`;
  }
  if (Array.isArray(value)) return `an array of length ${value.length}`;
  if (typeof value === 'object') return `an object of type ${value.constructor?.name ?? 'Object'}`;
  if (typeof value === 'string') return `"${value}" of type string`;
  if (typeof value === 'function') return 'a function';
  return `${String(value)} of type ${typeof value}`;
}
