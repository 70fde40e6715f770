// Type-checks bench/ and scripts/ (JavaScript) against the built package: a promise that is not awaited, an export that is
// gone, an argument of the wrong type. Parameters may go without a type; what is known of the others is held to.
// usage: node scripts/check-scripts.mjs, after npm run build:ts
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** "Parameter, binding, variable, member or rest element implicitly has an 'any' type." */
const UNTYPED = new Set([7005, 7006, 7008, 7019, 7031, 7034]);
/** "Element implicitly has an 'any' type": any key of an object is fine, but not a promise taken for its value. */
const INDEXED = 7053;

const root = fileURLToPath(new URL('../', import.meta.url));
const { config } = ts.readConfigFile(`${root}tsconfig.scripts.json`, ts.sys.readFile);
const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
const found = ts.getPreEmitDiagnostics(ts.createProgram(fileNames, options)).filter(({ code, messageText }) => {
  const text = ts.flattenDiagnosticMessageText(messageText, '\n');
  return !UNTYPED.has(code) && (code !== INDEXED || text.includes("index type 'Promise<"));
});
const host = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => root, getNewLine: () => '\n' };
if (found.length > 0) process.stdout.write(ts.formatDiagnostics(found, host));
process.exit(found.length > 0 ? 1 : 0);
