// Means over seeds of an exploration's results and paired differences to modulo, as markdown; bold: 95 % interval without 0.
// usage: node bench/quality/table.mjs SET
import { readFileSync } from 'node:fs';
import { distinguishable, spread } from '../../dist/pipeline/results.js';

const [name] = process.argv.slice(2);
const results = JSON.parse(readFileSync(`bench/results/quality/${name}.json`, 'utf8'));
const of = (variant, size) => results.filter((r) => r.variant === variant && r.size === size);
const figure = (difference) => {
  const text = `${difference.mean < 0 ? '−' : '+'}${Math.abs(difference.mean).toFixed(4)}`;
  return distinguishable(difference) ? `**${text}**` : text;
};
console.log(
  '| rows | layout and training | validation log loss | AUC | log loss | AUC − modulo | log loss − modulo | seeds |',
);
console.log('|---|---|---|---|---|---|---|---|');
for (const size of [...new Set(results.map((r) => r.size))].sort((a, b) => b - a)) {
  const base = new Map(of('modulo', size).map((r) => [r.seed, r]));
  const variants = [...new Set(results.filter((r) => r.size === size).map((r) => r.variant))];
  const lines = variants.map((variant) => {
    const runs = of(variant, size);
    const mean = (metric) => spread(runs.map((r) => r[metric])).mean;
    const paired = runs.filter((r) => base.has(r.seed));
    const difference = (metric) =>
      paired.length === 0 || variant === 'modulo'
        ? ''
        : figure(spread(paired.map((r) => r[metric] - base.get(r.seed)[metric])));
    const means = ['validation', 'auc', 'logLoss'].map((metric) => mean(metric).toFixed(4));
    return [
      mean('validation'),
      `| ${size * 100} % | ${variant} | ${means.join(' | ')} | ${difference('auc')} | ${difference('logLoss')} | ${runs.length} |`,
    ];
  });
  for (const [, line] of lines.sort((a, b) => a[0] - b[0])) console.log(line);
}
