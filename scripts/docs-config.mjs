// The reference page of the config, from its zod schema: types, defaults and limits are asked of the schema, what a key
// means is read from the docstring above it (lib/compare/config.ts, lib/data/config.ts). A key without one is an error.
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { z } from 'zod';

const root = fileURLToPath(new URL('../', import.meta.url));
const SOURCE = `${root}lib/compare/config.ts`;

/** @returns {Map<string, string>} the docstring of every key that has one, by its path: `compare.tune.patience` */
function docstrings() {
  const { config } = ts.readConfigFile(`${root}tsconfig.build.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram([SOURCE], options);
  const checker = program.getTypeChecker();
  const file = /** @type {ts.SourceFile} */ (program.getSourceFile(SOURCE));
  const module = /** @type {ts.Symbol} */ (checker.getSymbolAtLocation(file));
  const written = checker.getExportsOfModule(module).find(({ name }) => name === 'CompareConfigInput');
  const found = new Map();
  const walk = (type, path) => {
    for (const property of checker.getPropertiesOfType(type)) {
      const key = [...path, property.name];
      const text = ts.displayPartsToString(property.getDocumentationComment(checker));
      if (text !== '') found.set(key.join('.'), text);
      const inner = checker.getNonNullableType(checker.getTypeOfSymbolAtLocation(property, file));
      const isSection = inner.flags & ts.TypeFlags.Object && !checker.isArrayType(inner);
      if (isSection) walk(inner, key);
    }
  };
  walk(checker.getDeclaredTypeOfSymbol(/** @type {ts.Symbol} */ (written)), []);
  return found;
}

/** A value as YAML writes it. @returns {string} */
const shown = (value) => (Array.isArray(value) ? `[${value.map(shown).join(', ')}]` : String(value));

/** What a JSON schema allows, in words: "a whole number from 1 to 1024", "a list of ...". @returns {string} */
function allowed(schema) {
  if (schema.anyOf !== undefined) return schema.anyOf.map(allowed).join(', or ');
  if (schema.const !== undefined) return `\`${shown(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((name) => `\`${name}\``).join(', ');
  if (schema.type === 'boolean') return '`true` or `false`';
  if (schema.type === 'string') return 'a text';
  if (schema.type === 'array') return `a list of: ${allowed(schema.items)}`;
  if (schema.type === 'object') {
    if (schema.properties === undefined) return 'names with values';
    return `\`{ ${Object.keys(schema.properties).join(', ')} }\``;
  }
  if (schema.type === 'integer' || schema.type === 'number') return number(schema);
  throw new Error(`the config reference does not know ${JSON.stringify(schema)}`);
}

function number({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum }) {
  const written = (value) => value.toLocaleString('en');
  const least = exclusiveMinimum !== undefined ? `above ${written(exclusiveMinimum)}` : undefined;
  const from = least ?? (minimum !== undefined ? `from ${written(minimum)}` : undefined);
  const open = exclusiveMaximum !== undefined ? `below ${written(exclusiveMaximum)}` : undefined;
  const limited = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  const to = open ?? (limited ? `${from === undefined || least ? 'at most' : 'to'} ${written(maximum)}` : undefined);
  const limits = [from, to].filter((part) => part !== undefined).join(open || least ? ', ' : ' ');
  return `${type === 'integer' ? 'a whole number' : 'a number'}${limits === '' ? '' : ` ${limits}`}`;
}

/** @returns {Promise<string>} the page, in Markdown */
export async function configReference() {
  const { configSchema } = await import('../dist/compare/config.js');
  const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
  const texts = docstrings();
  const missing = [];
  const lines = [
    '# The config',
    '',
    '`collide compare` and `collide train` read a config: YAML or JSON. Every key but `data` may be left out. An unknown',
    'key is an error that names the right one. In code, `parseConfig` and `loadConfig` read the same config.',
  ];
  const section = (properties, required, path) => {
    for (const [name, value] of Object.entries(properties)) {
      const key = [...path, name].join('.');
      const text = texts.get(key);
      if (text === undefined) missing.push(key);
      const inner = value.properties;
      lines.push('', `${'#'.repeat(Math.min(path.length + 2, 4))} ${key} {#${key.replaceAll('.', '-').toLowerCase()}}`);
      lines.push('', escaped(text ?? ''));
      if (inner !== undefined) section(inner, value.required ?? [], [...path, name]);
      else {
        const fallback = value.default === undefined ? '' : ` Default: \`${shown(value.default)}\`.`;
        const needed = required.includes(name) ? ' Required.' : '';
        lines.push('', `Value: ${allowed(value)}.${fallback}${needed}`);
      }
    }
  };
  section(schema.properties, schema.required ?? [], []);
  if (missing.length > 0) throw new Error(`config keys without a docstring: ${missing.join(', ')}`);
  return `${lines.join('\n')}\n`;
}

/** Docstrings link to code as `{@link name}`, and `<` and `{{` would be HTML and Vue to the site. */
function escaped(text) {
  return text.replace(/\{@link (\w+)\}/g, '`$1`').replaceAll('{{', '&#123;&#123;');
}
