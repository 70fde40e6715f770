/** The results as a table of text, for a terminal. */

import { isBestForBytes } from '../compare/by_bytes.ts';
import { type Comparison, FULL } from '../compare/results.ts';
import { checkComparison } from '../compare/results_file.ts';
import { type Aggregate, aggregate, type QualityMetric } from '../compare/statistics.ts';
import { namedTables } from '../methods/table_rows.ts';
import { remarks } from './findings.ts';
import { bytes, integer, list, meanSpread, metric, percent, seconds } from './format.ts';

interface Column {
  title: string;
  /** Text left, numbers right. */
  left?: boolean;
  cell: (group: Aggregate, groups: readonly Aggregate[]) => string;
}

const COLUMNS: readonly Column[] = [
  { title: 'method', left: true, cell: (g) => g.method },
  { title: 'size', cell: (g) => (g.method === FULL ? '100 %' : percent(g.size)) },
  { title: 'AUC ', cell: (g, all) => meanSpread(g.auc) + mark(g, all, 'auc') },
  { title: 'log loss ', cell: (g, all) => meanSpread(g.logLoss) + mark(g, all, 'logLoss') },
  { title: 'norm. entropy', cell: (g) => metric(g.normalizedEntropy.mean) },
  { title: 'rows', cell: (g) => integer(g.rows) },
  { title: 'bytes', cell: (g) => bytes(g.bytes.total) },
  { title: 'of full', cell: (g) => percent(g.share) },
  { title: 'lr', cell: (g) => list(g.learningRates) },
  { title: 'epochs', cell: (g) => list(g.epochs) },
  { title: 'seeds', cell: (g) => String(g.auc.n) },
  { title: 'time', cell: (g) => seconds(g.seconds.total) },
];

function mark(group: Aggregate, groups: readonly Aggregate[], quality: QualityMetric): string {
  return isBestForBytes(group, groups, quality) ? '*' : ' ';
}

/**
 * A comparison as text: warnings and notes, then aligned lines of means over seeds with their standard deviation; `*` marks
 * a mean that nothing of as few bytes beats. Bytes count the mapping. Ends without a line break.
 *
 * @example
 * ```ts
 * console.log(formatTable(comparison));
 * ```
 */
export function formatTable(comparison: Comparison): string {
  checkComparison(comparison, 'formatTable');
  const groups = aggregate(comparison.results);
  const cells = groups.map((group) => COLUMNS.map((column) => column.cell(group, groups)));
  const widths = COLUMNS.map(({ title }, c) => Math.max(title.length, ...cells.map((row) => row[c]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((text, c) => (COLUMNS[c]!.left ? text.padEnd(widths[c]!) : text.padStart(widths[c]!)))
      .join('  ')
      .trimEnd();
  const { warnings, notes } = remarks(comparison);
  const lines = [...warnings.map((text) => `Warning: ${text}`), ...notes.map((text) => `Note: ${text}`)];
  if (lines.length > 0) lines.push('');
  lines.push(line(COLUMNS.map((c) => c.title)), widths.map((w) => '─'.repeat(w)).join('  '));
  groups.forEach((group, i) => {
    const previous = groups[i - 1];
    if (previous !== undefined && (previous.size !== group.size || previous.method === FULL)) lines.push('');
    lines.push(line(cells[i]!));
  });
  const whole = comparison.data.features.filter(({ compressed }) => !compressed);
  lines.push(
    '',
    '* nothing that takes no more bytes has a better mean; ± is the standard deviation over seeds; bytes count the mapping',
  );
  if (whole.length > 0) lines.push(`Tables that stay whole in every method: ${namedTables(whole)}`);
  return lines.join('\n');
}
