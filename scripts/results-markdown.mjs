// Writes the tables of docs/results.md from docs/results/*.json (files of `collide compare --json`), so that no figure is
// typed by hand. A table stands between <!-- table NAME --> and <!-- end -->, NAME.json is its source.
// usage: node scripts/results-markdown.mjs
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { aggregate, distinguishable, pairedDifference } from '../dist/pipeline/results.js';

const folder = fileURLToPath(new URL('../docs/', import.meta.url));
const figure = ({ mean, sd }, digits = 4) => `${mean.toFixed(digits)} ± ${sd?.toFixed(digits) ?? '?'}`;
const signed = (difference) => {
  if (difference === undefined) return '';
  const text = `${difference.mean < 0 ? '−' : '+'}${Math.abs(difference.mean).toFixed(4)} ± ${difference.sd?.toFixed(4) ?? '?'}`;
  return distinguishable(difference) ? `**${text}**` : text;
};

function table(name) {
  const { results, data } = JSON.parse(readFileSync(`${folder}results/${name}.json`, 'utf8'));
  const lines = [
    `${data.splits.map((s) => `${s.name} ${s.rows.toLocaleString('en')}`).join(', ')} rows. Compressed: ${data.features
      .filter((f) => f.compressed)
      .map((f) => `${f.name} (${f.cardinality.toLocaleString('en')} ids)`)
      .join(', ')}.`,
    '',
    '| method | rows | AUC | log loss | AUC − modulo | log loss − modulo | bytes with mapping | of full | rate | epochs | hot |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
  ];
  for (const group of aggregate(results)) {
    const { method, size, auc, logLoss, bytes, share, learningRates, epochs } = group;
    const own = method === 'full' || method === 'modulo';
    const difference = (metric) => (own ? '' : signed(pairedDifference(results, method, 'modulo', size, metric)));
    const hot = results.find((r) => r.method === method && r.size === size)?.hotShare;
    lines.push(
      `| ${method} | ${size * 100} % | ${figure(auc)} | ${figure(logLoss)} | ${difference('auc')} | ${difference('logLoss')} | ${Math.round(bytes.total / 1000).toLocaleString('en')} kB | ${(100 * share).toFixed(1)} % | ${learningRates.join(', ')} | ${epochs.join(', ')} | ${hot ?? ''} |`,
    );
  }
  return lines.join('\n');
}

const path = `${folder}results.md`;
const text = readFileSync(path, 'utf8').replace(
  /(<!-- table (\S+) -->\n)[\s\S]*?(<!-- end -->)/g,
  (_, start, name, end) => `${start}${table(name)}\n${end}`,
);
writeFileSync(path, text);
