import { expect, test } from 'vitest';
import { z } from 'zod';
import { entryName, parseStrict } from '../../lib/data/schema.ts';
import { Registry } from '../../lib/registry.ts';

test('a name of a registry is checked by what the registry holds then', () => {
  const registry = new Registry('shape', [{ name: 'square' }, { name: 'circle' }]);
  const schema = z.strictObject({ shape: entryName(registry).default('square') });
  expect(parseStrict(schema, {}, 'c')).toEqual({ shape: 'square' });
  expect(parseStrict(schema, { shape: 'circle' }, 'c')).toEqual({ shape: 'circle' });
  const refuses = (shape: unknown, message: string) =>
    expect(() => parseStrict(schema, { shape }, 'c')).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG', message }),
    );
  refuses(
    'cirkle',
    'c: Expected one of "square", "circle" for shape, received "cirkle" of type string. Did you mean "circle"?',
  );
  refuses(7, 'c: Expected one of "square", "circle" for shape, received 7 of type number.');
  registry.add({ name: 'cirkle' });
  expect(parseStrict(schema, { shape: 'cirkle' }, 'c')).toEqual({ shape: 'cirkle' });
  const { properties } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  expect(properties!.shape).toEqual({ default: 'square', enum: ['square', 'circle', 'cirkle'] });
});
