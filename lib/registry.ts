/** Things of one kind by name: those of this package, and those that a program adds. */
import { CollideError, checkObject, checkOneOf, checkText } from './errors.ts';

/**
 * The one list of a kind of thing (hash kinds, learners, methods ...): checks, config enums and command-line flags read it,
 * so that a new entry is one file and one line.
 */
export class Registry<T extends { readonly name: string }> {
  readonly #what: string;
  readonly #entries = new Map<string, T>();

  /** @param what - what an entry is called in messages, as `hash kind` */
  constructor(what: string, entries: readonly T[]) {
    this.#what = what;
    for (const entry of entries) this.add(entry);
  }

  /**
   * Adds an entry, for this process.
   *
   * @throws CollideError INVALID_ARGUMENT unless it is an object with a name of its own
   */
  add(entry: T): void {
    checkObject(entry, `a ${this.#what}`);
    const name = checkText(entry.name, `the name of a ${this.#what}`);
    if (this.#entries.has(name)) {
      throw new CollideError('INVALID_ARGUMENT', `Expected a new name for a ${this.#what}, received "${name}" again`);
    }
    this.#entries.set(name, entry);
  }

  /** Names, in the order in which they were added. */
  get names(): string[] {
    return [...this.#entries.keys()];
  }

  /** In the order in which they were added. */
  get entries(): T[] {
    return [...this.#entries.values()];
  }

  /** Whether there is an entry of this name. */
  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /**
   * @param where - what names the entry, for the message
   * @throws CollideError INVALID_ARGUMENT that names the nearest entry
   */
  get(name: unknown, where: string): T {
    return this.#entries.get(checkOneOf(name, this.names, where))!;
  }
}
