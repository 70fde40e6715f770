// Every type that an exported signature uses is exported, too: by the same door of the package (package.json, `exports`) or by
// the main one. Otherwise a user cannot name what a function takes or gives. Members marked @internal or private do not
// count; `typeof CONSTANT` needs no name.
// usage: node scripts/check-exports.mjs, after npm run build:ts
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../', import.meta.url));
/** @type {Record<string, { types?: string }>} */
const doors = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).exports;
const files = Object.entries(doors).flatMap(([name, { types }]) =>
  types === undefined ? [] : [{ name, path: root + types }],
);

const program = ts.createProgram(
  files.map(({ path }) => path),
  {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    skipLibCheck: true,
    types: ['node'],
  },
);
const checker = program.getTypeChecker();

/** @param {ts.Symbol} symbol */
const resolved = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
const isOurs = (/** @type {ts.Node} */ node) => node.getSourceFile().fileName.includes('/dist/');
/** Whether a member is not a user's to see. @param {ts.Node} node */
const isHidden = (node) =>
  ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'internal') ||
  (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword));

/** A type parameter, or a function of types that its file keeps to itself: what it yields is what a user sees. @param {ts.Symbol} symbol */
const isHelper = ({ flags, declarations }) =>
  (flags & ts.SymbolFlags.TypeParameter) !== 0 ||
  declarations?.every(
    (node) =>
      ts.isTypeAliasDeclaration(node) &&
      node.typeParameters !== undefined &&
      !node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword),
  );

/** The types of this package that a declaration names. @param {ts.Node} node @param {(symbol: ts.Symbol) => void} tell */
function visit(node, tell) {
  if (isHidden(node) || ts.isTypeQueryNode(node)) return;
  let name;
  if (ts.isTypeReferenceNode(node)) name = node.typeName;
  else if (ts.isExpressionWithTypeArguments(node)) name = node.expression;
  else if (ts.isImportTypeNode(node)) name = node.qualifier;
  const symbol = name === undefined ? undefined : checker.getSymbolAtLocation(name);
  if (symbol !== undefined && !isHelper(resolved(symbol))) tell(resolved(symbol));
  ts.forEachChild(node, (child) => visit(child, tell));
}

const exportsOf = (/** @type {string} */ path) =>
  checker.getExportsOfModule(
    /** @type {ts.Symbol} */ (checker.getSymbolAtLocation(/** @type {ts.SourceFile} */ (program.getSourceFile(path)))),
  );
const main = new Set(exportsOf(files[0].path).map(resolved));
const faults = new Set();
for (const { name: door, path } of files) {
  const exported = exportsOf(path);
  const own = new Set(exported.map(resolved));
  for (const symbol of exported) {
    for (const declaration of resolved(symbol).declarations ?? []) {
      visit(declaration, (used) => {
        const from = used.declarations?.[0];
        if (from === undefined || !isOurs(from) || own.has(used) || main.has(used)) return;
        const file = from.getSourceFile().fileName.slice(root.length);
        faults.add(
          `${door === '.' ? 'the main door' : door}: ${symbol.name} uses ${used.name} of ${file}, which is not exported`,
        );
      });
    }
  }
}
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exit(faults.size > 0 ? 1 : 0);
