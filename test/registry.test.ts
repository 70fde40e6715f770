import { expect, test } from 'vitest';
import { optionNames } from '../lib/option_names.ts';
import { Registry } from '../lib/registry.ts';

const shapes = () => new Registry<{ name: string; sides: number }>('shape', [{ name: 'triangle', sides: 3 }]);

test('entries are found by name, in the order in which they came', () => {
  const registry = shapes();
  registry.add({ name: 'square', sides: 4 });
  expect(registry.names).toEqual(['triangle', 'square']);
  expect(registry.get('square', 'a test').sides).toBe(4);
  expect([registry.has('square'), registry.has('circle')]).toEqual([true, false]);
});

test('an unknown name is an error that names the nearest', () => {
  const code = 'INVALID_ARGUMENT';
  expect(() => shapes().get('triangel', 'shape of a test')).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(/shape of a test.*Did you mean "triangle"/s) }),
  );
  expect(() => shapes().get(undefined, 'a test')).toThrow(expect.objectContaining({ code }));
});

test('a name twice, or none, is refused', () => {
  const code = 'INVALID_ARGUMENT';
  const again = { name: 'triangle', sides: 3 };
  expect(() => shapes().add(again)).toThrow(
    expect.objectContaining({ code, message: 'Expected a new name for a shape, received "triangle" again' }),
  );
  expect(() => shapes().add({ sides: 3 } as never)).toThrow(expect.objectContaining({ code }));
  expect(() => shapes().add(null as never)).toThrow(expect.objectContaining({ code }));
});

test('names of options are those of the type', () => {
  expect(optionNames<{ a: number; b?: string }>({ a: true, b: true })).toEqual(['a', 'b']);
  // @ts-expect-error one is missing
  optionNames<{ a: number; b?: string }>({ a: true });
  // @ts-expect-error one too many
  optionNames<{ a: number }>({ a: true, c: true });
});
