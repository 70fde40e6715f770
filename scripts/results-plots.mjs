// Draws docs/results/*.svg from the comparisons beside them: AUC and log loss over the bytes of all tables, mapping counted,
// means and standard deviations over seeds.
// usage: node scripts/results-plots.mjs
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, View } from 'vega';
import { compile } from 'vega-lite';

const folder = fileURLToPath(new URL('../docs/results/', import.meta.url));
for (const name of ['flights', 'movielens', 'tennis']) {
  const { results } = JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8'));
  const values = results.map(({ method, size, auc, logLoss, bytes }) => ({
    method,
    size,
    auc,
    logLoss,
    kB: bytes.total / 1000,
  }));
  const panel = (field, title) => {
    const x = {
      field: 'kB',
      aggregate: 'mean',
      type: 'quantitative',
      title: 'kB of tables and mapping',
      scale: { type: 'log' },
    };
    const y = { field, type: 'quantitative', title, scale: { zero: false } };
    const shared = { color: { field: 'method', type: 'nominal', sort: null }, detail: { field: 'size' }, x };
    return {
      width: 380,
      height: 260,
      layer: [
        { mark: { type: 'errorbar', extent: 'stdev' }, encoding: { ...shared, x: { ...x, aggregate: undefined }, y } },
        { mark: { type: 'point', filled: true }, encoding: { ...shared, y: { ...y, aggregate: 'mean' } } },
      ],
    };
  };
  const plot = { data: { values }, background: 'white', hconcat: [panel('auc', 'AUC'), panel('logLoss', 'log loss')] };
  writeFileSync(`${folder}${name}.svg`, await new View(parse(compile(plot).spec), { renderer: 'none' }).toSVG());
}
