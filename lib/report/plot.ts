/**
 * Size-against-quality plots as SVG text: one line per method with error bars over seeds, the full table as a dashed
 * line with its band. Drawn by Vega without a screen; colours are CSS variables, so that the page's scheme applies.
 */
import { FULL } from '../compare/results.ts';
import type { Aggregate, QualityMetric } from '../compare/statistics.ts';
import type { MethodStyle } from './styles.ts';

const WIDTH = 450;
const HEIGHT = 310;
/** Room for the axes and, on the right, for the label of the full table. Not measured: without a screen texts have no width. */
const PADDING = { left: 52, right: 66, top: 12, bottom: 48 };

interface Point {
  method: string;
  x: number;
  y: number;
  low: number;
  high: number;
}

/**
 * The plot of one metric, as an `<svg>` element that scales to its container. Groups without a number are left out.
 *
 * @param groups - of {@link aggregate}
 * @param styles - of every compressed method
 */
export async function qualityPlot(
  groups: readonly Aggregate[],
  metric: QualityMetric,
  styles: readonly MethodStyle[],
): Promise<string> {
  const measured = groups.filter((g) => Number.isFinite(g[metric].mean));
  // Without a full table there is nothing to be a share of.
  const shares = measured.every((g) => g.share !== undefined);
  const points = measured.map((g): Point => {
    const { mean, sd = 0 } = g[metric];
    return { method: g.method, x: shares ? g.share! : g.bytes.total / 1e6, y: mean, low: mean - sd, high: mean + sd };
  });
  const name = metric === 'auc' ? 'AUC' : 'Log loss';
  if (points.length === 0)
    return `<p class="small">Nothing to draw: no result has a finite ${metric === 'auc' ? name : 'log loss'}.</p>`;
  const svg = await draw(
    specification(
      points.filter((p) => p.method !== FULL),
      points.find((p) => p.method === FULL),
      styles,
      shares,
    ),
  );
  return adapt(svg, `${name} against embedding bytes, one line per method; the figures are in the table below`);
}

function specification(
  points: readonly Point[],
  full: Point | undefined,
  styles: readonly MethodStyle[],
  shares: boolean,
) {
  const xs = points.map((p) => p.x);
  const domain = points.length > 0 ? [Math.min(...xs) / 1.12, Math.max(...xs) * 1.12] : [0.01, 1];
  const quality = padded([...points, ...(full === undefined ? [] : [full])]);
  const x = {
    field: 'x',
    type: 'quantitative',
    scale: { type: 'log', domain, nice: false },
    title: shares
      ? 'Embedding bytes, mapping counted, as a share of the full table'
      : 'Embedding bytes, mapping counted',
    axis: {
      values: ticks(domain[0]!, domain[1]!),
      labelExpr: shares ? "format(100 * datum.value, '~r') + ' %'" : "format(datum.value, '~r')",
    },
  };
  const y = {
    field: 'y',
    type: 'quantitative',
    scale: { domain: quality, nice: true, zero: false },
    title: null,
    axis: { format: '.4~f' },
  };
  const colour = {
    field: 'method',
    type: 'nominal',
    scale: { domain: styles.map((s) => s.method), range: styles.map((s) => s.colour) },
    legend: null,
  };
  const shape = {
    field: 'method',
    type: 'nominal',
    scale: { domain: styles.map((s) => s.method), range: styles.map((s) => s.shape.vega) },
    legend: null,
  };
  const layer: object[] = [];
  if (full !== undefined) {
    const across = { x: { value: 0 }, x2: { value: WIDTH } };
    // Beside the plot, where no point is, in two lines.
    const label = (text: string, dy: number) => ({
      data: { values: [full] },
      mark: { type: 'text', text, align: 'left', baseline: 'middle', dx: 8, dy, color: 'var(--ink)', fontSize: 12 },
      encoding: { x: { value: WIDTH }, y },
    });
    layer.push(
      {
        data: { values: [full] },
        mark: { type: 'rect', color: 'var(--ink)', opacity: 0.13 },
        encoding: { ...across, y: { ...y, field: 'low' }, y2: { field: 'high' } },
      },
      {
        data: { values: [full] },
        mark: { type: 'rule', color: 'var(--ink)', strokeDash: [6, 4], strokeWidth: 1.5 },
        encoding: { ...across, y },
      },
      label('full table', -7),
      label(full.y.toFixed(4), 8),
    );
  }
  if (points.length > 0) {
    const encoding = { x, y, color: colour };
    layer.push(
      {
        data: { values: points },
        mark: { type: 'line', strokeWidth: 2 },
        encoding,
      },
      {
        data: { values: points },
        mark: { type: 'errorbar', ticks: { size: 7 }, thickness: 1.5 },
        encoding: { ...encoding, y: { ...y, field: 'low' }, y2: { field: 'high' } },
      },
      {
        data: { values: points },
        mark: { type: 'point', filled: true, size: 105, opacity: 1, stroke: 'var(--page)', strokeWidth: 1 },
        encoding: { x, y, fill: colour, shape },
      },
    );
  }
  return { width: WIDTH, height: HEIGHT, padding: PADDING, autosize: 'none', background: null, layer, config: CONFIG };
}

const FONT = 'system-ui, -apple-system, Segoe UI, Roboto, Liberation Sans, Arial, sans-serif';
const CONFIG = {
  font: FONT,
  view: { stroke: null },
  axis: {
    domainColor: 'var(--muted)',
    gridColor: 'var(--grid)',
    labelColor: 'var(--muted)',
    labelFontSize: 12,
    tickColor: 'var(--muted)',
    tickSize: 4,
    titleColor: 'var(--ink)',
    titleFontSize: 12.5,
    titleFontWeight: 'normal',
    titlePadding: 10,
    tickCount: 6,
  },
};

/** Labels have four digits: a range in which they would all be the same is widened. */
const LEAST_ROOM = 0.0005;

/** The range of all error bars with some room, also when all are equal. */
function padded(points: readonly Point[]): [number, number] {
  if (points.length === 0) return [0, 1];
  const low = Math.min(...points.map((p) => p.low));
  const high = Math.max(...points.map((p) => p.high));
  const room = Math.max((high - low) * 0.05 || Math.abs(high) * 0.01 || 0.01, LEAST_ROOM);
  return [low - room, high + room];
}

/** Round numbers within a range that may span decades, at least four where a finer grid has them. */
export function ticks(low: number, high: number): number[] {
  const grids = [
    [1],
    [1, 3],
    [1, 2, 5],
    [1, 1.5, 2, 3, 5, 7],
    [1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9],
    ...[2, 5, 10].map((part) => Array.from({ length: 9 * part }, (_, i) => 1 + i / part)),
  ];
  let found: number[] = [];
  for (const grid of grids) {
    const decades = Array.from({ length: 40 }, (_, i) => i - 20);
    found = decades.flatMap((d) => grid.map((m) => Number(`${m}e${d}`))).filter((v) => v >= low && v <= high);
    if (found.length >= 4) break;
  }
  return found;
}

async function draw(spec: object): Promise<string> {
  // Vega takes half a second to load and is needed for reports only.
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')]);
  const { spec: compiled } = vegaLite.compile(spec as Parameters<typeof vegaLite.compile>[0]);
  const view = new vega.View(vega.parse(compiled), { renderer: 'none', logLevel: vega.Error });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** For use inside HTML: no namespaces (they are URLs), no fixed size, a text for those who cannot see it. */
function adapt(svg: string, label: string): string {
  return svg.replace(/^<svg[^>]*>/, (tag) => {
    const box = /viewBox="[^"]*"/.exec(tag)?.[0] ?? `viewBox="0 0 ${WIDTH} ${HEIGHT}"`;
    return `<svg ${box} role="img" aria-label="${label}">`;
  });
}
