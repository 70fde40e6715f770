/** What `auto` may choose from: layouts, the simplest first, and tables that may be hashed instead. */
import type { FeatureInfo } from '../../data/feature_info.ts';
import type { Split } from '../../data/types.ts';
import type { Teacher } from '../../pipeline/teacher.ts';
import { isUntaught } from '../learning/untaught.ts';
import { compressedTables, type RowOptions } from '../table_rows.ts';
import { type Shape, shapesToTry } from './choose.ts';

/**
 * With more features than this a student costs so much (the dots of all pairs, and the layer above them, grow with the
 * square of the features) that not every combination of options is tried.
 */
export const WIDE = 100;

/** The candidates of one table size. */
export interface Candidates {
  shapes: readonly Shape[];
  tables: readonly string[];
}

/**
 * The layouts and tables that can make a difference: where every table stays whole, one layout is all there is. With more than
 * {@link WIDE} features one option at a time is changed: every hot share, and at the middle one every other `crossFit` and
 * `parts`; 7 layouts in place of 20 with the defaults.
 *
 * @param options.whole - tables that stay whole though `size` would compress them
 */
export function autoCandidates(
  { features, teacher, recent }: { features: readonly FeatureInfo[]; teacher: Teacher; recent?: readonly Split[] },
  options: RowOptions & Parameters<typeof shapesToTry>[0] & { whole: readonly string[] },
): Candidates {
  const tables = compressedTables(features, options).filter((name) => !options.whole.includes(name));
  const shapes = features.length > WIDE ? oneAtATime(options) : shapesToTry(options);
  if (tables.length === 0) return { shapes: shapes.slice(0, 1), tables };
  // A cross-fitted teacher may know what this one does not; without one such tables are hashed anyway.
  if (options.crossFit.includes(true)) return { shapes, tables };
  const taught = (name: string) => {
    const f = features.findIndex((feature) => feature.name === name);
    return !isUntaught(teacher.features[f]!, f, recent);
  };
  const known = tables.filter(taught);
  return { shapes: known.length === 0 ? shapes.slice(0, 1) : shapes, tables: known };
}

function oneAtATime(options: Parameters<typeof shapesToTry>[0]): Shape[] {
  const [crossFit, parts] = [options.crossFit[0], options.parts[0]];
  const middle = options.hotShare[Math.floor(options.hotShare.length / 2)];
  return shapesToTry(options).filter((shape) => {
    const changed = Number(shape.crossFit !== crossFit) + Number(shape.parts !== parts);
    return changed === 0 || (changed === 1 && shape.hotShare === middle);
  });
}
