/** How methods look, the same in every plot, legend and report; and the page's style sheet. */
import { methods, roleOf } from '../methods/index.ts';

/** A method's symbol as a path in a box of 16 x 16, and its name in Vega. */
export interface Shape {
  vega: string;
  path: string;
}

const SHAPES: readonly Shape[] = [
  { vega: 'circle', path: 'M8 3a5 5 0 1 0 0 10a5 5 0 1 0 0-10z' },
  { vega: 'square', path: 'M3.5 3.5h9v9h-9z' },
  { vega: 'triangle-up', path: 'M8 2.5l5.5 10h-11z' },
  { vega: 'diamond', path: 'M8 2l5 6l-5 6l-5-6z' },
  { vega: 'cross', path: 'M6 2.5h4v3.5h3.5v4h-3.5v3.5h-4v-3.5h-3.5v-4h3.5z' },
  { vega: 'triangle-down', path: 'M8 13.5l5.5-10h-11z' },
  { vega: 'triangle-right', path: 'M3 2.5l10.5 5.5l-10.5 5.5z' },
];

// Okabe and Ito's colours, told apart under every common colour blindness, on white and on black.
const COLOURS = [
  ['#e69f00', '#f0b429'],
  ['#cc79a7', '#de9cc2'],
  ['#56b4e9', '#8fd0f5'],
  ['#009e73', '#2bc79b'],
  ['#0072b2', '#4a9fe0'],
  ['#d55e00', '#ff8a3d'],
  ['#4d4d4d', '#c4c4c4'],
] as const;

/** The first compressing methods of the registry have a place of their own; others take those that are free, in turn. */
const places = () => methods.names.filter((name) => roleOf(name) !== 'whole').slice(0, SHAPES.length);

export interface MethodStyle {
  method: string;
  /** A CSS colour that follows the page's light or dark scheme. */
  colour: string;
  shape: Shape;
}

/** A colour and a symbol for every compressed method; beyond seven methods they repeat. */
export function methodStyles(shown: readonly string[]): MethodStyle[] {
  const owners = places();
  const free = owners.map((_, place) => place).filter((place) => !shown.includes(owners[place]!));
  let next = 0;
  return shown.map((method) => {
    const known = owners.indexOf(method);
    const place = known >= 0 ? known : free.length > 0 ? free[next++ % free.length]! : next++ % owners.length;
    return { method, colour: `var(--method-${place})`, shape: SHAPES[place]! };
  });
}

const colours = (scheme: 0 | 1) => COLOURS.map((pair, place) => `--method-${place}:${pair[scheme]}`).join(';');
const LIGHT = `--page:#fff;--ink:#1b1e23;--muted:#5a6270;--grid:#e4e7ec;--panel:#f6f7f9;--shade:rgba(27,30,35,.28);--good:#00734f;--bad:#a83c00;${colours(0)}`;
const DARK = `--page:#15181d;--ink:#e9ebee;--muted:#a3abb8;--grid:#2d323a;--panel:#1c2026;--shade:rgba(0,0,0,.75);--good:#3fd6a6;--bad:#ff9a5c;${colours(1)}`;

/** The whole style sheet: no fonts or images from elsewhere; dark where the reader's system is; light on paper. */
export const STYLE_SHEET = `
:root{color-scheme:light dark;${LIGHT}}
@media screen and (prefers-color-scheme:dark){:root{${DARK}}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif}
main{max-width:1120px;margin:0 auto;padding:40px 24px 64px}
h1{font-size:30px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:20px;margin:44px 0 10px;letter-spacing:-.005em}
p{margin:8px 0;max-width:78ch}
.sub{color:var(--muted);margin:0 0 20px}
.lede{border-left:4px solid var(--method-4);background:var(--panel);padding:12px 18px;border-radius:0 6px 6px 0;margin:20px 0}
.lede p{margin:6px 0;max-width:none}
.warning{border-left-color:var(--bad)}
.small{font-size:13.5px;color:var(--muted)}
.legend{display:flex;flex-wrap:wrap;gap:6px 22px;margin:14px 0 8px;padding:0;list-style:none;font-size:14.5px}
.legend li{display:flex;align-items:center;gap:8px}
.legend svg{flex:none}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:20px}
figure{margin:0}
figure svg{width:100%;height:auto;display:block}
figcaption{font-weight:600;font-size:15px;margin-bottom:4px}
figcaption span{font-weight:400;color:var(--muted)}
/* Shadows at the edge behind which there is more: the covers scroll along, the shadows stay. */
.scroll{overflow-x:auto;background:linear-gradient(90deg,var(--page) 40%,transparent) 0 0/40px 100% no-repeat local,linear-gradient(270deg,var(--page) 40%,transparent) 100% 0/40px 100% no-repeat local,linear-gradient(90deg,var(--shade),transparent) 0 0/16px 100% no-repeat scroll,linear-gradient(270deg,var(--shade),transparent) 100% 0/16px 100% no-repeat scroll}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th{font-weight:600}
th,td{padding:6px 10px;text-align:right;white-space:nowrap;vertical-align:middle;border-bottom:1px solid var(--grid)}
th:first-child,td:first-child{text-align:left;padding-left:4px}
td.text,th.text{text-align:left;white-space:normal}
thead th{color:var(--muted);border-bottom:2px solid var(--grid);vertical-align:bottom}
table.compact{width:auto;margin:14px 0}
table.compact td,table.compact th{padding-right:28px}
tbody th{background:var(--panel);text-align:left}
td.best{font-weight:600}
td.best::after{content:" \\2605";color:var(--method-4);font-size:11px}
td:not(.best).mark::after{content:" \\2605";visibility:hidden;font-size:11px}
.good{color:var(--good)}
.bad{color:var(--bad)}
td small{color:var(--muted);font-size:12.5px;margin-right:12px}
.name{display:flex;align-items:center;gap:7px}
.bar{display:inline-flex;width:150px;height:11px;background:var(--panel);vertical-align:middle}
.bar i{display:block;height:100%}
.bar .rows,.swatch.rows{background:var(--method-2)}
.bar .mapping,.swatch.mapping{background:var(--ink)}
.swatch{display:inline-block;width:11px;height:11px;vertical-align:-1px;margin:0 5px 0 0}
.swatch.mapping{margin-left:12px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 20px;font-size:14.5px;margin:10px 0}
dt{color:var(--muted)}
dd{margin:0;overflow-wrap:anywhere}
li{margin:5px 0;max-width:85ch}
summary{cursor:pointer;color:var(--muted)}
pre{background:var(--panel);padding:14px;border-radius:6px;font:12.5px/1.5 ui-monospace,"DejaVu Sans Mono",monospace;white-space:pre-wrap;overflow-wrap:anywhere}
code{font:13.5px ui-monospace,"DejaVu Sans Mono",monospace}
footer{margin-top:48px;color:var(--muted);font-size:13.5px}
@media screen and (max-width:900px){
.scroll.wide::before{content:"Wider than this screen? Swipe or scroll sideways \\2192";display:block;position:sticky;left:0;width:max-content;max-width:100%;font-size:13px;color:var(--muted);padding:2px 0 6px}
main{padding:24px 16px 48px}
}
@media print{
@page{margin:13mm}
*{print-color-adjust:exact}
body{font-size:9.5pt}
main{padding:0;max-width:none}
h1{font-size:18pt}
h2{font-size:12.5pt;margin-top:22pt;break-after:avoid}
p,li{max-width:none}
figure,tr,.lede{break-inside:avoid}
.scroll{overflow:visible}
.plots{grid-template-columns:1fr 1fr}
.legend,.small,dl,footer{font-size:8.5pt}
table{font-size:7.4pt}
th,td{padding:2.5pt 4pt}
td small{font-size:6.6pt;margin-right:4pt}
.bar{width:70pt;height:6pt}
}
`;
