/**
 * The names of the options of a type, for `checkOptions`. A name that is missing or that the type does not have is a
 * compile error, so that the list cannot fall behind the type.
 *
 * @example
 * ```ts
 * const OPTIONS = optionNames<JobOptions>({ signal: true, threads: true, onProgress: true });
 * ```
 */
export function optionNames<T extends object>(names: { [Name in keyof Required<T>]: true }): (keyof T & string)[] {
  return Object.keys(names) as (keyof T & string)[];
}
