/** The tables of the report: differences from the baseline, every figure, and what it cost. */
import { isBestForBytes } from '../compare/by_bytes.ts';
import { type Comparison, FULL } from '../compare/results.ts';
import { type Aggregate, distinguishable, type QualityMetric, type Spread, sizesOf } from '../compare/statistics.ts';
import { takesMoreThanFull, times } from '../compare/warnings.ts';
import { type Difference, differences } from './findings.ts';
import { bytes, difference, integer, list, meanSpread, metric, percent, seconds } from './format.ts';
import { html, type Markup } from './html.ts';
import type { MethodStyle } from './styles.ts';

/** A method's name behind its symbol. */
export function methodName(method: string, styles: readonly MethodStyle[]): Markup {
  const style = styles.find((s) => s.method === method);
  if (style === undefined) return html`<span class="name">${method === FULL ? 'full table' : method}</span>`;
  const symbol = html`<svg width="16" height="16" aria-hidden="true"><path d="${style.shape.path}" fill="${style.colour}"/></svg>`;
  return html`<span class="name">${symbol}${method}</span>`;
}

/** Every method against the baseline, a column per size. */
export function differenceTable(comparison: Comparison, baseline: string, styles: readonly MethodStyle[]): Markup {
  const methods = differences(comparison);
  const sizes = sizesOf(comparison.results);
  const body = (title: string, cell: (d: Difference) => Markup) => {
    const rows = methods.map(({ method, sizes: measured }) => {
      const cells = sizes.map((size) => measured.filter((d) => d.size === size).map(cell));
      return html`<tr><td>${methodName(method, styles)}</td>${cells.map((c) => html`<td>${c}</td>`)}</tr>`;
    });
    return html`<tbody><tr><th colspan="${sizes.length + 1}">${title}</th></tr>${rows}</tbody>`;
  };
  return html`<h2>Difference from ${baseline} at equal bytes</h2>
<div class="scroll wide"><table><thead><tr><th>Method</th>${sizes.map((size) => html`<th>${percent(size)} of the rows</th>`)}</tr></thead>
${body('AUC', (d) => html`${wonBack(d.recovered)}${verdict(d, d.auc, 1)}`)}${body('Log loss', (d) => verdict(d, d.logLoss, -1))}${body(`Bytes, ${baseline} at the same share of rows: 1`, (d) => html`${times(d.times)}`)}</table></div>
<p class="small"><span class="good">▲</span> better, <span class="bad">▼</span> worse, ≈ not distinguishable: the 95 % confidence interval over seeds holds 0.
“Wins back”: the part of the AUC lost between the full table and ${baseline}. Between two of its sizes the figure of ${baseline} is read off a straight line over
the logarithm of bytes, up to the full table. Where no ${baseline} with as many bytes was run, the difference is at the same share of rows, with the bytes it takes more, and claims nothing.</p>`;
}

/** `sign`: 1 where more is better, -1 where less is. */
function verdict({ comparable, times: ratio }: Difference, of: Spread, sign: 1 | -1): Markup {
  if (!comparable) return html`<small>takes ${times(ratio)} the bytes</small>${difference(of)}`;
  const clear = distinguishable(of);
  if (clear === undefined || !Number.isFinite(of.mean)) return html`${difference(of)}`;
  if (!clear) return html`${difference(of)} ≈`;
  return sign * of.mean > 0
    ? html`<span class="good">${difference(of)} ▲</span>`
    : html`<span class="bad">${difference(of)} ▼</span>`;
}

function wonBack(recovered: number | undefined): Markup {
  return recovered === undefined || recovered <= 0
    ? html``
    : html`<small>wins back ${percent(Number(recovered.toFixed(2)))}</small>`;
}

/** All figures by size; a mean that nothing of as few bytes beats is marked. */
export function resultTable(groups: readonly Aggregate[], styles: readonly MethodStyle[]): Markup {
  const body = bySize(groups, 10, (group) => {
    const mark = (quality: QualityMetric) => (isBestForBytes(group, groups, quality) ? 'mark best' : 'mark');
    const share = takesMoreThanFull(group)
      ? html`<span class="bad">${percent(group.share)}, more than the full table</span>`
      : percent(group.share);
    return html`<tr><td>${methodName(group.method, styles)}</td>
<td class="${mark('auc')}">${meanSpread(group.auc)}</td><td class="${mark('logLoss')}">${meanSpread(group.logLoss)}</td>
<td>${metric(group.normalizedEntropy.mean)}</td><td>${integer(group.rows)}</td><td>${bytes(group.bytes.total)}</td>
<td>${share}</td><td>${list(group.learningRates)}</td><td>${list(group.epochs)}</td><td>${group.auc.n}</td></tr>`;
  });
  return html`<h2>All figures</h2>
<div class="scroll wide"><table><thead><tr><th>Method</th><th>AUC</th><th>Log loss</th><th>Normalized<br>entropy</th><th>Rows</th>
<th>Bytes with<br>mapping</th><th>Share of<br>full table</th><th>Learning<br>rate</th><th>Epochs</th><th>Seeds</th></tr></thead>${body}</table></div>
<p class="small">★ nothing that takes no more bytes has a better mean, which need not be distinguishable from the next.</p>`;
}

/** Bytes in their parts, and seconds. */
export function costTable(groups: readonly Aggregate[], styles: readonly MethodStyle[]): Markup {
  const largest = Math.max(1, ...groups.filter((g) => g.method !== FULL).map((g) => g.bytes.total));
  const body = bySize(groups, 10, (group) => {
    const { bytes: b, seconds: s } = group;
    return html`<tr><td>${methodName(group.method, styles)}</td><td>${bytes(b.rows)}</td><td>${bytes(b.mapping)}</td>
<td class="text">${group.method === FULL ? undefined : bar(group, largest)}</td><td>${bytes(b.optimizer)}</td><td>${seconds(s.teacher)}</td>
<td>${seconds(s.cluster)}</td><td>${seconds(s.tune)}</td><td>${seconds(s.train)}</td><td>${seconds(s.evaluate)}</td></tr>`;
  });
  return html`<h2>What it costs</h2>
<div class="scroll wide"><table><thead><tr><th>Method</th><th>Bytes of<br>rows</th><th>of the<br>mapping</th><th class="text">Rows and mapping</th><th>Optimizer<br>(training only)</th>
<th>Teacher</th><th>Cluster</th><th>Tune</th><th>Train</th><th>Evaluate</th></tr></thead>${body}</table></div>
<p class="small"><span class="swatch rows"></span>rows<span class="swatch mapping"></span>mapping.
1 MB is 1,000,000 bytes. Seconds are means per student; a teacher shared by several students counts in each.</p>`;
}

function bar({ bytes: b }: Aggregate, largest: number): Markup {
  const width = (part: number) => `${((100 * part) / largest).toFixed(2)}%`;
  return html`<span class="bar"><i class="rows" style="width:${width(b.rows)}"></i><i class="mapping" style="width:${width(b.mapping)}"></i></span>`;
}

/** Table bodies: the full table, then one with a heading per size. */
function bySize(groups: readonly Aggregate[], columns: number, row: (group: Aggregate) => Markup): Markup {
  const full = groups.filter((g) => g.method === FULL);
  const compressed = groups.filter((g) => g.method !== FULL);
  const sizes = [...new Set(compressed.map((g) => g.size))];
  const bodies = sizes.map((size) => {
    const rows = compressed.filter((g) => g.size === size).map(row);
    return html`<tbody><tr><th colspan="${columns}">${percent(size)} of the rows</th></tr>${rows}</tbody>`;
  });
  return html`<tbody>${full.map(row)}</tbody>${bodies}`;
}
