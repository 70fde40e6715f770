/** Which rows make which split. */
import { type SplitName, splitNames, validationEvery } from './types.ts';

export interface SplitRows {
  /** The rows of each split, in row order. */
  members: Map<SplitName, Uint32Array>;
  /** The rows of teacher and student together, in row order: the rows that make the vocabulary. */
  vocabularyRows: Uint32Array;
}

/**
 * Deals rows to their splits; when `names` has no validation split every 20th student row makes one.
 *
 * @param order - rows in row order
 * @param splitOf - by row: its split, as a position in `names`
 */
export function dealRows(order: Uint32Array, splitOf: Uint8Array, names: readonly SplitName[]): SplitRows {
  const validation = splitNames.indexOf('validation');
  const student = splitNames.indexOf('student');
  const teacher = splitNames.indexOf('teacher');
  const derived = !names.includes('validation');
  const codes = names.map((name) => splitNames.indexOf(name));
  const sizes = splitNames.map(() => 0);
  const assigned = new Uint8Array(order.length);
  let students = 0;
  for (let k = 0; k < order.length; k++) {
    let split = codes[splitOf[order[k]!]!]!;
    if (derived && split === student && ++students % validationEvery === 0) split = validation;
    assigned[k] = split;
    sizes[split]! += 1;
  }
  const members = new Map(splitNames.map((name, split) => [name, new Uint32Array(sizes[split]!)]));
  const lists = [...members.values()];
  const vocabularyRows = new Uint32Array(sizes[teacher]! + sizes[student]!);
  const filled = splitNames.map(() => 0);
  let known = 0;
  for (let k = 0; k < order.length; k++) {
    const split = assigned[k]!;
    const at = filled[split]!;
    filled[split] = at + 1;
    lists[split]![at] = order[k]!;
    if (split === teacher || split === student) vocabularyRows[known++] = order[k]!;
  }
  return { members, vocabularyRows };
}
