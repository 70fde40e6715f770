/** What `auto` may choose from: layouts, the simplest first, and tables that may be hashed instead. */
import type { Dataset } from '../data/types.ts';
import { type Shape, shapesToTry } from './choose.ts';
import { compressedTables, type RowOptions } from './table_rows.ts';
import type { Teacher } from './teacher.ts';
import { isUntaught } from './untaught.ts';

/** The candidates of one table size. */
export interface Candidates {
  shapes: readonly Shape[];
  tables: readonly string[];
}

/**
 * The layouts and tables that can make a difference: where every table stays whole, one layout is all there is.
 *
 * @param options.whole - tables that stay whole though `size` would compress them
 */
export function autoCandidates(
  data: Dataset,
  teacher: Teacher,
  options: RowOptions & Parameters<typeof shapesToTry>[0] & { whole: readonly string[] },
): Candidates {
  const tables = compressedTables(data.features, options).filter((name) => !options.whole.includes(name));
  const shapes = shapesToTry(options);
  if (tables.length === 0) return { shapes: shapes.slice(0, 1), tables };
  // A cross-fitted teacher may know what this one does not; without one such tables are hashed anyway.
  if (options.crossFit.includes(true)) return { shapes, tables };
  const recent = [data.split('student')];
  const knows = (name: string) => {
    const f = data.features.findIndex((feature) => feature.name === name);
    return !isUntaught(teacher.features[f]!, f, recent);
  };
  return { shapes, tables: tables.filter(knows) };
}
