// Draws docs/results/*.svg from the comparisons beside them: AUC and log loss over the bytes of all tables, mapping counted,
// means and standard deviations over seeds. And planted.svg, AUC less the oracle hash's over the share of rows, where the
// figures of bench/quality/planted.mjs are there.
// usage: node scripts/results-plots.mjs
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, View } from 'vega';
import { compile } from 'vega-lite';

const folder = fileURLToPath(new URL('../docs/results/', import.meta.url));
async function draw(name, plot) {
  const spec = { background: 'white', ...plot };
  writeFileSync(`${folder}${name}.svg`, await new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG());
}

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
  await draw(name, { data: { values }, hconcat: [panel('auc', 'AUC'), panel('logLoss', 'log loss')] });
}

/** Methods of the plot: left out are those that lie on others. */
const PLANTED = [
  'modulo',
  'mixed',
  'frequent',
  'equal-mass',
  'agglomerative',
  'kd-tree',
  'k-means',
  'lsh',
  'agglomerative, hot 50 %',
];
const planted = ['planted', 'planted_drift'].map((set) => [set, `bench/results/quality/${set}.json`]);
if (planted.every(([, path]) => existsSync(path))) {
  const panels = planted.map(([set, path]) => {
    const results = JSON.parse(readFileSync(path, 'utf8'));
    const oracle = new Map(results.filter((r) => r.method === 'oracle').map((r) => [r.seed, r.auc]));
    const values = results
      .filter(({ method }) => PLANTED.includes(method))
      .map(({ method, size, seed, auc }) => ({ method, rows: 100 * size, auc: auc - oracle.get(seed) }));
    const x = {
      field: 'rows',
      type: 'quantitative',
      title: 'rows, % of the ids',
      scale: { type: 'log', domain: [2, 50] },
    };
    const y = { field: 'auc', type: 'quantitative', title: 'AUC less the oracle hash’s' };
    const color = { field: 'method', type: 'nominal', sort: null, legend: { labelLimit: 240 } };
    return {
      title: set === 'planted' ? 'Zipf 1.0, no drift' : 'Zipf 1.2, drift, new ids by day',
      data: { values },
      width: 380,
      height: 300,
      layer: [
        { mark: { type: 'errorbar', extent: 'stdev' }, encoding: { color, x, y } },
        { mark: { type: 'line', point: true }, encoding: { color, x, y: { ...y, aggregate: 'mean' } } },
      ],
    };
  });
  await draw('planted', { hconcat: panels });
}
