/**
 * How an SQL expression uses columns: as the text that the file has, or as a value to calculate and compare with.
 *
 * DuckDB parses the expression; its tree says in which place a column stands. A place wants text where the value of a
 * feature is the column itself, in `||`, `concat`, CAST(... AS VARCHAR), PARTITION BY, and where every form of a function takes
 * text only. Every other place wants the value.
 */
import { type Engine, quoteText } from './engine.ts';

type Node = Record<string, unknown> & { class?: string; type?: string };

export interface Use {
  column: string;
  /** `order`: a value that rows are sorted by, or that is less or more than another. */
  as: 'text' | 'value' | 'order';
  /** What a value is looked for in, or tested to be equal to: a number, or the column of a name. */
  equals?: 'number' | { column: string };
}

export interface ParsedExpression {
  uses: Use[];
  /** The expression with another column wherever it wants the text of one. */
  rename(textOf: (column: string) => string | undefined): string;
}

/** What the catalog says of a function: by position, whether it takes nothing but text; what it gives. */
interface Signature {
  takesText: boolean[];
  givesText: boolean;
  givesNumber: boolean;
}

const numbers = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|BIGNUM|DECIMAL|FLOAT|DOUBLE)$/;
const concatenations = new Set(['||', 'concat', 'concat_ws', 'hash']);
/** Functions and window functions whose result is one of their arguments, or a list of them. */
const lists = new Set(['list_value', 'list_pack', 'array_value', 'nullif']);
const passingWindows = /^WINDOW_(LAG|LEAD|FIRST_VALUE|LAST_VALUE|NTH_VALUE)$/;
const extremes = new Set(['min', 'max', 'greatest', 'least']);
const passingAggregates = new Set(['list', 'array_agg', 'first', 'last', 'any_value', 'mode']);

/**
 * @param root - what the value of the whole expression is for: a feature is `text`
 * @returns undefined when the expression has a mistake, which binding it will report
 */
export async function parseExpression(
  engine: Engine,
  sql: string,
  root: 'text' | 'value' | 'order',
): Promise<ParsedExpression | undefined> {
  const prefix = 'SELECT (';
  const suffix = '\n)';
  const statement = `${prefix}${sql}${suffix}`;
  const [row] = await engine.rows(`SELECT json_serialize_sql(${quoteText(statement)}) AS tree`);
  const tree = JSON.parse(String(row!.tree)) as { error: boolean; statements: { node: { select_list: Node[] } }[] };
  if (tree.error) return undefined;
  const [expression] = tree.statements[0]!.node.select_list;
  const found = new Walk(await signatures(engine, expression!)).run(expression!, root);
  return {
    uses: found.uses,
    rename(textOf) {
      const bytes = Buffer.from(statement);
      const pieces: Buffer[] = [];
      let from = prefix.length;
      for (const node of found.texts.toSorted((a, b) => Number(a.query_location) - Number(b.query_location))) {
        const name = textOf(nameOf(node));
        const at = Number(node.query_location);
        const token = /^(?:"(?:[^"]|"")*"|[\w$\u0080-\uffff]+)/.exec(bytes.toString('utf8', at))?.[0];
        if (name === undefined || token === undefined || at < from) continue;
        pieces.push(bytes.subarray(from, at), Buffer.from(name));
        from = at + Buffer.byteLength(token);
      }
      pieces.push(bytes.subarray(from, bytes.length - suffix.length));
      return Buffer.concat(pieces).toString('utf8');
    },
  };
}

class Walk {
  readonly uses: Use[] = [];
  /** Column references that want text. */
  readonly texts: Node[] = [];
  readonly #signatures: ReadonlyMap<string, Signature>;

  constructor(signatures: ReadonlyMap<string, Signature>) {
    this.#signatures = signatures;
  }

  run(node: Node, as: 'text' | 'value' | 'order'): this {
    this.#visit(node, as);
    return this;
  }

  #visit(node: Node, as: Use['as']): void {
    if (node.class === 'COLUMN_REF') {
      this.#reference(node, as);
      return;
    }
    const passed = this.#passed(node);
    const passes = as === 'text' && passed.length > 0 && passed.every((child) => this.#isText(child));
    for (const child of passes ? passed : []) this.#visit(child, 'text');
    const done = new Set<unknown>(passes ? passed : []);
    if (node.class === 'LAMBDA' || node.class === 'SUBQUERY') {
      this.#below(node, done, true);
      return;
    }
    this.#texts(node, done);
    this.#equalities(node);
    this.#below(node, done, false);
  }

  /** Visits the children that want text wherever the node stands. */
  #texts(node: Node, done: Set<unknown>): void {
    if (isTextCast(node)) this.#once(node.child as Node, 'text', done);
    if (node.class === 'FUNCTION') {
      const name = String(node.function_name);
      const signature = this.#signatures.get(name);
      for (const [i, child] of (node.children as Node[]).entries()) {
        if (concatenations.has(name) || signature?.takesText[i]) this.#once(child, 'text', done);
      }
    }
    if (/^OPERATOR_IS_(NOT_)?NULL$/.test(node.type ?? '')) {
      for (const child of node.children as Node[]) this.#once(child, 'text', done);
    }
    for (const child of this.#ranked(node)) this.#once(child, 'order', done);
    if (node.class === 'WINDOW') {
      for (const child of node.partitions as Node[]) this.#once(child, 'text', done);
      for (const { expression } of node.orders as { expression: Node }[]) this.#once(expression, 'order', done);
    }
  }

  /** The columns of which is asked what is less: as text, where they are text. */
  #ranked(node: Node): Node[] {
    if (extremes.has(String(node.function_name))) {
      return (node.children as Node[]).filter((child) => child.class === 'COLUMN_REF');
    }
    if (!/^COMPARE_(LESS|GREATER)THAN|^COMPARE_BETWEEN$/.test(node.type ?? '')) return [];
    const sides = [node.left, node.right, node.input, node.lower, node.upper].filter(Boolean) as Node[];
    return sides.every((side) => this.#isText(side)) ? sides.filter((side) => side.class === 'COLUMN_REF') : [];
  }

  /** Tests for equality: DuckDB rounds a text to the type of a number there. */
  #equalities(node: Node): void {
    const type = node.type ?? '';
    const sides = /^COMPARE_(EQUAL|NOTEQUAL|(NOT_)?DISTINCT_FROM)$/.test(type)
      ? [node.left as Node, node.right as Node]
      : /^COMPARE_(NOT_)?IN$/.test(type) || node.function_name === 'nullif'
        ? (node.children as Node[])
        : [];
    for (const side of sides) {
      if (side.class !== 'COLUMN_REF' || (side.column_names as string[]).length > 1) continue;
      for (const other of sides) {
        if (other === side) continue;
        const plain = other.class === 'COLUMN_REF' && (other.column_names as string[]).length === 1;
        const equals = plain ? { column: nameOf(other) } : this.#isNumber(other) ? ('number' as const) : undefined;
        if (equals !== undefined) this.uses.push({ column: nameOf(side), as: 'value', equals });
      }
    }
  }

  #isNumber(node: Node): boolean {
    if (node.class === 'CONSTANT') return numbers.test(constantType(node));
    if (node.class === 'CAST') return numbers.test((node.cast_type as { id: string }).id);
    return node.class === 'FUNCTION' && this.#signatures.get(String(node.function_name))?.givesNumber === true;
  }

  #once(node: Node, as: Use['as'], done: Set<unknown>): void {
    if (done.has(node)) return;
    done.add(node);
    this.#visit(node, as);
  }

  /** Everything else below a node wants values; in a lambda or a subquery a name may be another's. */
  #below(node: object, done: Set<unknown>, foreign: boolean): void {
    for (const child of Object.values(node)) {
      if (typeof child !== 'object' || child === null || done.has(child)) continue;
      if (!foreign && typeof (child as Node).class === 'string') this.#visit(child as Node, 'value');
      else if ((child as Node).class === 'COLUMN_REF') this.#reference(child as Node, 'value');
      else this.#below(child, done, foreign);
    }
  }

  #reference(node: Node, as: Use['as']): void {
    const names = node.column_names as string[];
    // With a dot: a table and its column, or a column and its field.
    if (names.length > 1) this.uses.push(...names.map((column) => ({ column, as: 'value' as const })));
    else this.uses.push({ column: names[0]!, as });
    if (names.length === 1 && as === 'text') this.texts.push(node);
  }

  /** The children of which one is the node's value, or all are in its list. */
  #passed(node: Node): Node[] {
    if (node.class === 'CASE') {
      const checks = node.case_checks as { then_expr: Node }[];
      return [...checks.map((check) => check.then_expr), node.else_expr as Node];
    }
    const children = (node.children ?? []) as Node[];
    if (node.type === 'OPERATOR_COALESCE' || node.type === 'ARRAY_CONSTRUCTOR') return children;
    const name = String(node.function_name);
    if (node.class === 'FUNCTION') return lists.has(name) ? children : [];
    if (node.class !== 'WINDOW' || node.default_expr !== null) return [];
    const passing =
      passingWindows.test(node.type!) || (node.type === 'WINDOW_AGGREGATE' && passingAggregates.has(name));
    return passing ? children.slice(0, 1) : [];
  }

  /** Whether a node can be text beside other texts. */
  #isText(node: Node): boolean {
    if (node.class === 'COLUMN_REF') return (node.column_names as string[]).length === 1;
    if (node.class === 'CONSTANT') return /^(VARCHAR|NULL)$/.test(constantType(node));
    if (isTextCast(node)) return true;
    const name = String(node.function_name);
    if (node.class === 'FUNCTION' && (name === '||' || this.#signatures.get(name)?.givesText)) return true;
    const passed = this.#passed(node);
    return passed.length > 0 && passed.every((child) => this.#isText(child));
  }
}

function nameOf(node: Node): string {
  return (node.column_names as string[])[0]!;
}

function constantType(node: Node): string {
  return (node.value as { type: { id: string } }).type.id;
}

function isTextCast(node: Node): boolean {
  return node.class === 'CAST' && (node.cast_type as { id: string }).id === 'VARCHAR';
}

/** The catalog is the same for every engine, and slow to ask. */
const known = new Map<string, Signature>();

/** The signatures of all functions that a tree names. */
async function signatures(engine: Engine, tree: Node): Promise<ReadonlyMap<string, Signature>> {
  const names = new Set<string>();
  const collect = (node: object): void => {
    if ((node as Node).class === 'FUNCTION') names.add(String((node as Node).function_name));
    for (const child of Object.values(node)) if (typeof child === 'object' && child !== null) collect(child);
  };
  collect(tree);
  const missing = [...names].filter((name) => !known.has(name));
  if (missing.length === 0) return known;
  const rows = await engine.rows(
    `SELECT function_name AS name, parameter_types AS types, return_type AS result FROM duckdb_functions()
     WHERE function_type IN ('scalar', 'aggregate') AND function_name IN (${missing.map(quoteText).join(', ')})`,
  );
  for (const name of missing) {
    const forms = rows.filter((row) => row.name === name);
    const width = Math.max(0, ...forms.map((form) => (form.types as string[]).length));
    const takesText = Array.from({ length: width }, (_, i) => {
      const types = new Set(forms.map((form) => (form.types as string[])[i]).filter((type) => type !== undefined));
      for (const other of ['BLOB', 'BIT', 'ANY[]', 'T[]', 'MAP(K, V)', 'VARCHAR[]']) types.delete(other);
      return types.size === 1 && types.has('VARCHAR');
    });
    known.set(name, {
      takesText,
      givesText: forms.length > 0 && forms.every((form) => form.result === 'VARCHAR'),
      givesNumber: forms.some((form) => numbers.test(String(form.result))),
    });
  }
  return known;
}
