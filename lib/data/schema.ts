/**
 * Checks a value against a zod schema and words what is wrong as this package's errors do: path, expected, received,
 * and for a misspelt key the nearest right one.
 */
import { z } from 'zod';
import { CollideError, describe, suggestion } from '../errors.ts';
import type { Registry } from '../registry.ts';

type Issue = z.core.$ZodIssue;
type Schema = z.core.$ZodType;
type Path = readonly PropertyKey[];

/**
 * The value as the schema gives it back (defaults filled in).
 *
 * @param where - what is being read, for messages: a file, or a name such as `data`
 * @throws CollideError INVALID_CONFIG with one line for everything that is wrong
 */
export function parseStrict<T extends z.ZodType>(schema: T, value: unknown, where: string): z.output<T> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const lines = result.error.issues.flatMap((issue) => wordIssue(issue, schema, []));
  throw new CollideError('INVALID_CONFIG', lines.map((line) => `${where}: ${line}`).join('\n'));
}

/** The name of an entry of a registry, those that a program added among them: the names are read at every check. */
export function entryName(registry: Registry<{ readonly name: string }>): z.ZodType<string, string> {
  return z
    .unknown()
    .superRefine((value, context) => {
      if (typeof value === 'string' && registry.has(value)) return;
      context.addIssue({ code: 'invalid_value', values: registry.names, input: value });
    })
    .meta({
      get enum() {
        return registry.names; // of a JSON schema of it
      },
    }) as unknown as z.ZodType<string, string>;
}

function wordIssue(issue: Issue, root: Schema, above: Path): string[] {
  const path = [...above, ...issue.path];
  const at = formatPath(path);
  const where = path.length === 0 ? '' : ` for ${at}`;
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = (issue as { known?: string[] }).known ?? knownKeys(root, path, issue.keys);
      return issue.keys.map((key) => {
        return `Unknown key "${key}"${path.length === 0 ? '' : ` in ${at}`}.${suggestion(key, known)} Known keys: ${known.join(', ')}`;
      });
    }
    case 'invalid_type':
      if (issue.input === undefined && path.length > 0) return [`Missing ${at}: expected ${article(issue.expected)}`];
      return [`Expected ${article(issue.expected)}${where}, received ${describe(issue.input)}`];
    case 'invalid_value': {
      const values = issue.values.map(String);
      const hint = typeof issue.input === 'string' ? suggestion(issue.input, values) : '';
      return [`Expected one of ${quoted(values)}${where}, received ${describe(issue.input)}.${hint}`];
    }
    case 'invalid_union': {
      // The alternative that fails inside is the one that was meant: an object with a misspelt key, not a text.
      const meant = issue.errors.find((issues) => !issues.some(isWrongKind));
      if (meant !== undefined) return meant.flatMap((inner) => wordIssue(inner, root, path));
      const expected = new Set(issue.errors.flat().filter(isWrongKind).map(expectation));
      return [`Expected ${[...expected].join(' or ')}${where}, received ${describe(issue.input)}`];
    }
    case 'too_small':
      return [
        `Expected ${amount(issue, issue.inclusive ? 'at least' : 'more than', issue.minimum)}${where}, received ${describe(issue.input)}`,
      ];
    case 'too_big':
      return [
        `Expected ${amount(issue, issue.inclusive ? 'at most' : 'less than', issue.maximum)}${where}, received ${describe(issue.input)}`,
      ];
    case 'custom':
      return [path.length === 0 ? issue.message : `${issue.message} (${at})`];
    default:
      return [`${issue.message}${where}`];
  }
}

/** Whether an issue says that the value as a whole is of another kind. */
function isWrongKind(issue: Issue): boolean {
  return (issue.code === 'invalid_type' || issue.code === 'invalid_value') && issue.path.length === 0;
}

function expectation(issue: Issue): string {
  if (issue.code === 'invalid_value') return quoted(issue.values.map(String));
  return issue.code === 'invalid_type' ? article(issue.expected) : issue.message;
}

function quoted(values: readonly string[]): string {
  return values.map((value) => `"${value}"`).join(', ');
}

/** `at least 1 entries`, `a number of at most 3` */
function amount(issue: { origin: string }, relation: string, bound: number | bigint): string {
  if (issue.origin === 'array') return `${relation} ${bound} entries`;
  if (issue.origin === 'string') return `${relation} ${bound} characters`;
  return `a number of ${relation} ${bound}`;
}

/** data.features[2].expr */
function formatPath(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else text += text === '' ? String(key) : `.${String(key)}`;
  }
  return text;
}

const articles: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a section with keys',
};

function article(type: string): string {
  return articles[type] ?? type;
}

/** The keys of the object schema at a path; of several alternatives the one without `unknown` keys that is an object. */
function knownKeys(root: Schema, path: Path, unknown: readonly string[]): string[] {
  let candidates = unwrap(root);
  for (const key of path) {
    candidates = candidates.flatMap((schema) => {
      const def = schema._zod.def as { shape?: Record<string, Schema>; element?: Schema };
      const next = typeof key === 'number' ? def.element : def.shape?.[String(key)];
      return next === undefined ? [] : unwrap(next);
    });
  }
  const keys = candidates.flatMap((schema) =>
    Object.keys((schema._zod.def as { shape?: Record<string, Schema> }).shape ?? {}),
  );
  return keys.filter((key) => !unknown.includes(key));
}

/** The schemas behind optional, default and union wrappers. */
function unwrap(schema: Schema): Schema[] {
  const def = schema._zod.def as { innerType?: Schema; options?: Schema[] };
  if (def.options !== undefined) return def.options.flatMap(unwrap);
  return def.innerType === undefined ? [schema] : unwrap(def.innerType);
}
