/** The report of a comparison: one HTML file that needs nothing else, on a screen or on paper. */
import { type Comparison, FULL } from '../compare/results.ts';
import { checkComparison } from '../compare/results_file.ts';
import { type Aggregate, aggregate, methodsOf, sizesOf } from '../compare/statistics.ts';
import { baselineOf, headline, remarks } from './findings.ts';
import { integer, percent } from './format.ts';
import { html, Markup } from './html.ts';
import { qualityPlot } from './plot.ts';
import { costTable, differenceTable, methodName, resultTable } from './sections.ts';
import { type MethodStyle, methodStyles, STYLE_SHEET } from './styles.ts';

/**
 * A comparison as one self-contained HTML page: headline, size-against-quality plots, every figure, bytes and seconds,
 * data, machine, protocol and config. Holds no script and refers to nothing outside itself; everything from the config
 * is escaped. About a second, most of it spent loading the plot library.
 *
 * @example
 * ```ts
 * await writeFileAtomic('report.html', await renderReport(comparison));
 * ```
 */
export async function renderReport(comparison: Comparison): Promise<string> {
  checkComparison(comparison, 'renderReport');
  const groups = aggregate(comparison.results);
  const styles = methodStyles(methodsOf(comparison.results).filter((m) => m !== FULL));
  const [auc, logLoss] = await Promise.all([
    qualityPlot(groups, 'auc', styles),
    qualityPlot(groups, 'logLoss', styles),
  ]);
  const baseline = baselineOf(comparison);
  const { warnings, notes } = remarks(comparison);
  const title = `Size against quality: ${nameOf(comparison.data.source)}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${new Markup(STYLE_SHEET)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="sub">${subtitle(comparison)}</p>
${warnings.length === 0 ? undefined : html`<div class="lede warning">${warnings.map((text) => html`<p><b>Warning:</b> ${unbroken(text)}</p>`)}</div>`}
<div class="lede">${headline(comparison).map((sentence) => html`<p>${unbroken(sentence)}</p>`)}</div>
${notes.map((note) => html`<p class="small">Note: ${note}</p>`)}
<h2>Size against quality</h2>
${legend(groups, styles)}
<div class="plots">
<figure><figcaption>AUC <span>– higher is better</span></figcaption>${new Markup(auc)}</figure>
<figure><figcaption>Log loss <span>– lower is better</span></figcaption>${new Markup(logLoss)}</figure>
</div>
<p class="small">Points are means over seeds, bars and the band of the full table one standard deviation to either side.
The horizontal scale is logarithmic.</p>
${baseline === undefined ? undefined : differenceTable(comparison, baseline, styles)}
${resultTable(groups, styles)}
${costTable(groups, styles)}
${dataSection(comparison)}
${protocolSection()}
<h2>Machine</h2>
<dl>${Object.entries(comparison.machine).map(([fact, value]) => html`<dt>${fact}</dt><dd>${value}</dd>`)}</dl>
<h2>Config</h2>
<details><summary>Everything this comparison was run with</summary><pre>${JSON.stringify(comparison.config, null, 2)}</pre></details>
<footer>learn-to-collide ${comparison.version}</footer>
</main>
</body>
</html>
`;
  return page.text;
}

/** Keeps numbers and their signs on one line. */
function unbroken(sentence: string): string {
  return sentence.replace(/ (?=[%±])|(?<=±) /g, '\u00a0');
}

/** The last part of a path, or the text itself. */
function nameOf(source: string): string {
  return source.split(/[\\/]/).at(-1) || source;
}

function subtitle({ data, results }: Comparison): string {
  const seeds = new Set(results.map((r) => r.seed)).size;
  const sizes = sizesOf(results).map(percent).join(', ');
  const rows = data.splits.reduce((sum, split) => sum + split.rows, 0);
  return `${integer(rows)} rows · label ${data.label} · tables at ${sizes || 'full size'} of their rows · ${seeds} ${seeds === 1 ? 'seed' : 'seeds'}`;
}

function legend(groups: readonly Aggregate[], styles: readonly MethodStyle[]): Markup {
  const full = groups.some((g) => g.method === FULL)
    ? html`<li><svg width="30" height="16" aria-hidden="true"><path d="M0 8H30" stroke="currentColor" stroke-width="1.5" stroke-dasharray="6 4"/></svg>full table</li>`
    : undefined;
  return html`<ul class="legend">${styles.map((style) => html`<li>${methodName(style.method, styles)}</li>`)}${full}</ul>`;
}

function dataSection({ data }: Comparison): Markup {
  const compressed = data.features.filter((f) => f.compressed).length;
  const order = data.idOrder === 'frequency' ? 'by descending training frequency' : `by ${data.idOrder}`;
  return html`<h2>Data</h2>
<dl><dt>Source</dt><dd>${data.source}</dd><dt>Label</dt><dd><code>${data.label}</code></dd>
<dt>Ids numbered</dt><dd>${order} (modulo hashing depends on it)</dd>
<dt>Dense columns</dt><dd>${data.dense.length === 0 ? 'none' : data.dense.join(', ')}</dd></dl>
<div class="scroll"><table class="compact"><thead><tr><th>Split</th><th>Rows</th><th>Label rate</th></tr></thead><tbody>${data.splits.map(
    (s) => html`<tr><td>${s.name}</td><td>${integer(s.rows)}</td><td>${percent(s.labelRate)}</td></tr>`,
  )}</tbody></table></div>
<p>${compressed} of ${data.features.length} tables are large enough to be compressed; the others stay whole in every method.</p>
<div class="scroll"><table class="compact"><thead><tr><th>Feature</th><th>Ids</th><th class="text">Table</th></tr></thead><tbody>${data.features.map(
    (f) =>
      html`<tr><td>${f.name}</td><td>${integer(f.cardinality)}</td><td class="text">${f.compressed ? 'compressed' : 'whole'}</td></tr>`,
  )}</tbody></table></div>`;
}

function protocolSection(): Markup {
  return html`<h2>How this was measured</h2>
<ul>
<li>Teacher and student train on different rows; a mapping that is learned from labels never sees the student’s labels.</li>
<li>Learning rate and number of epochs were chosen for every method at every size on the validation rows. The evaluation rows were used once, for the figures shown.</li>
<li>All methods share their seeds. “±” is the standard deviation over seeds; differences are taken seed by seed. A difference whose 95 % confidence interval (Student’s t) holds 0 is called not distinguishable. Training that diverged is in no mean; the warnings name it.</li>
<li>Sizes are shares of the rows of the compressed tables. Bytes are those of all tables and count the mapping from ids to rows, which hashing without learning does not need; they are what the plots show.</li>
<li>AUC is exact, ties count half. Normalized entropy is the log loss over that of always predicting the label rate: below 1 is better than knowing nothing else.</li>
</ul>`;
}
