/**
 * Every exported function and method, with every argument and every option in turn missing, null or of the wrong kind:
 * it either works or throws a CollideError with a code. The calls are generated: a new export without a call in calls.ts,
 * and a new option of a known call, are found by themselves.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Call, everyCall } from './calls.ts';
import * as api from './every_door.ts';

const WRONG: [string, unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['NaN', Number.NaN],
  ['-1', -1],
  ['0.5', 0.5],
  ['1e300', 1e300],
  ['a text', 'no such thing'],
  ['true', true],
  ['5n', 5n],
  ['{}', {}],
  ['[]', []],
  ['[null]', [null]],
  ['a function', () => undefined],
  ['an empty array of floats', new Float32Array(0)],
  ['a date', new Date(0)],
];

const plainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** What goes wrong in a call: undefined when it is refused with a code or, unless it `must` be refused, works. */
async function fault(run: Call['run'], args: unknown[], must = false): Promise<string | undefined> {
  try {
    const result = await (run as (...args: unknown[]) => unknown)(...args);
    const iterable = typeof result === 'object' && result !== null && 'next' in result;
    if (iterable) for (const _ of result as unknown as Iterable<unknown>);
    return must ? 'works' : undefined;
  } catch (error) {
    if (error instanceof api.CollideError && typeof error.code === 'string') return undefined;
    return error instanceof Error ? `${error.name}: ${error.message.slice(0, 100)}` : String(error);
  }
}

/** `value` with one part after the other replaced by something wrong: itself, its keys, and what they hold. */
function* bent(value: unknown, depth: number, more: readonly string[] = []): Generator<[string, unknown]> {
  for (const [name, wrong] of WRONG) yield [name, wrong];
  if (depth === 0) return;
  if (plainObject(value)) {
    for (const key of new Set([...Object.keys(value), ...more])) {
      for (const [name, inner] of bent(value[key], depth - 1)) yield [`${key}: ${name}`, { ...value, [key]: inner }];
    }
  } else if (Array.isArray(value) && value.length > 0) {
    for (const [name, inner] of bent(value[0], depth - 1)) yield [`[${name}]`, [inner, ...value.slice(1)]];
  }
}

/** The options that an object argument may have, as its own error message lists them. */
async function knownOptions({ run, args }: Call, position: number): Promise<string[]> {
  if (!plainObject(args[position])) return [];
  const asked = args.map((arg, a) => (a === position ? { ...(arg as object), noSuchOption: 1 } : arg));
  try {
    const result = await (run as (...args: unknown[]) => unknown)(...asked);
    if (typeof result === 'object' && result !== null && 'next' in result)
      for (const _ of result as unknown as Iterable<unknown>);
    return [];
  } catch (error) {
    const list = /Known options: (.*)$/.exec((error as Error).message)?.[1];
    return list === undefined ? [] : list.split(', ');
  }
}

/** What ends with an optional argument that JavaScript counts among the others. */
const OPTIONAL = ['EmbeddingTables.forward', 'EmbeddingTables.lookup', 'EmbeddingTables.backward', 'Teacher'];

/** Arguments that a function or method cannot do without. An error class takes what it is given. */
function required(name: string): number {
  if (name === 'CollideError') return 0;
  return argumentsOf(name) - (OPTIONAL.includes(name) ? 1 : 0);
}

function argumentsOf(name: string): number {
  const [owner, method] = name.split('.') as [string, string | undefined];
  const door = new Map<string, unknown>(Object.entries(api)).get(owner) as {
    length: number;
    prototype?: Record<string, unknown>;
  } & Record<string, unknown>;
  if (method === undefined) return door?.length ?? 0;
  return ((door?.prototype?.[method] ?? door?.[method]) as { length: number } | undefined)?.length ?? 0;
}

let calls: Call[] = [];
const tidy: { close(): void }[] = [];
const folder = mkdtempSync(join(tmpdir(), 'doors-cwd-'));
const before = process.cwd();
beforeAll(async () => {
  process.chdir(folder); // some doors write to whatever text they are given
  calls = await everyCall(tidy);
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
  for (const made of tidy) made.close();
});

/** Methods that take no arguments and need none, or are for the package itself. */
const OTHERS = ['constructor', 'close', 'counted', 'native', 'contents', 'parts', 'checkpointPieces', 'restoreFrom'];

describe('every door of the package', () => {
  it('has a call that works', async () => {
    const named = new Set(calls.map(({ name }) => name));
    const doors = Object.entries(api).flatMap(([name, value]) => {
      if (typeof value !== 'function') return [];
      const { prototype } = value as { prototype?: object };
      const methods = [prototype ?? {}, value].flatMap((owner) =>
        Object.entries(Object.getOwnPropertyDescriptors(owner))
          .filter(([, { value: method }]) => typeof method === 'function')
          .map(([method]) => method),
      );
      return [name, ...methods.filter((method) => !OTHERS.includes(method)).map((method) => `${name}.${method}`)];
    });
    const withoutCall = doors.filter((name) => !named.has(name) && !['Student', 'Hashing.from'].includes(name));
    expect(withoutCall).toEqual([]);
    for (const { name, run, args } of calls) expect([name, await fault(run, args)]).toEqual([name, undefined]);
  });

  it('refuses what is missing, null or of the wrong kind with a code', async () => {
    const faults: string[] = [];
    for (const call of calls) {
      for (let length = 0; length < call.args.length; length++) {
        const args = call.args.slice(0, length);
        const found = await fault(call.run, args, length < required(call.name));
        if (found !== undefined) faults.push(`${call.name} with ${length} arguments: ${found}`);
      }
      for (const [position, arg] of call.args.entries()) {
        for (const [name, wrong] of bent(arg, 2, await knownOptions(call, position))) {
          const args = call.args.map((right, a) => (a === position ? wrong : right));
          const missing = position < required(call.name) && (wrong === undefined || wrong === null);
          const found = await fault(call.run, args, missing);
          if (found !== undefined) faults.push(`${call.name}, argument ${position} ${name}: ${found}`);
        }
      }
    }
    expect(faults).toEqual([]);
  });
});
