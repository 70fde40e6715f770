// Writes the tables of docs/results and docs/notebook from JSON, so that no figure is typed by hand. A table stands between
// <!-- KIND NAME --> and <!-- end -->: `table` is a comparison (NAME.json of `collide compare --json`, beside the page),
// `explored` an exploration (bench/results/quality/NAME.json, of bench/quality/explore.mjs), `planted` the one on planted
// clusters (bench/quality/planted.mjs), `target` what `auto` reaches in several comparisons.
// A table whose file is not there stays as it is: explorations are not committed.
// usage: node scripts/results-markdown.mjs
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { differByBytes } from '../dist/compare/by_bytes.js';
import { aggregate, distinguishable, pairedDifference, spread } from '../dist/compare/statistics.js';

const root = fileURLToPath(new URL('../', import.meta.url));
const read = (path) => JSON.parse(readFileSync(root + path, 'utf8'));
const figure = ({ mean, sd }, digits = 4) => `${mean.toFixed(digits)} ± ${sd?.toFixed(digits) ?? '?'}`;
const signed = (difference, withSpread = true) => {
  if (difference === undefined) return '';
  const sign = difference.mean < 0 ? '−' : '+';
  const text = `${sign}${Math.abs(difference.mean).toFixed(4)}${withSpread ? ` ± ${difference.sd?.toFixed(4) ?? '?'}` : ''}`;
  return distinguishable(difference) ? `**${text}**` : text;
};
const markdown = (head, rows) =>
  [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |'))
    .join('\n');

/** What a method chose for its tables. */
const shape = ({ hotShare, crossFit, parts = 1, hashed = [] }) =>
  [
    hotShare ?? '',
    ...(crossFit ? ['cross-fitted'] : []),
    ...(parts > 1 ? [`${parts} parts`] : []),
    ...hashed.map((table) => `${table} hashed`),
  ].join(', ');

function comparison([file]) {
  const { results, data } = read(file);
  const compressed = data.features.filter((f) => f.compressed);
  const about = `${data.splits.map((s) => `${s.name} ${s.rows.toLocaleString('en')}`).join(', ')} rows. Compressed: ${compressed
    .map((f) => `${f.name} (${f.cardinality.toLocaleString('en')} ids)`)
    .join(', ')}.`;
  const head = ['method', 'rows', 'AUC', 'log loss', 'AUC − modulo', 'log loss − modulo', 'AUC − equal-mass'];
  const byBytes = ['bytes / modulo', 'AUC − modulo, equal bytes', 'log loss − modulo, equal bytes'];
  const rows = aggregate(results).map((group) => {
    const { method, size, auc, logLoss, bytes, share, learningRates, epochs } = group;
    const difference = (metric, base) =>
      method === 'full' || method === base ? '' : signed(pairedDifference(results, method, base, size, metric));
    const found = method === 'full' || method === 'modulo' ? undefined : differByBytes(results, method, 'modulo', size);
    const atEqualBytes = found?.comparable ? [signed(found.auc), signed(found.logLoss)] : ['', ''];
    return [
      ...[method, `${size * 100} %`, figure(auc), figure(logLoss)],
      ...[difference('auc', 'modulo'), difference('logLoss', 'modulo'), difference('auc', 'equal-mass')],
      `${Math.round(bytes.total / 1000).toLocaleString('en')} kB`,
      ...[found?.times.toFixed(2) ?? '', ...atEqualBytes],
      ...[`${(100 * (share ?? Number.NaN)).toFixed(1)} %`, learningRates.join(', '), epochs.join(', ')],
      shape(results.find((r) => r.method === method && r.size === size)),
    ];
  });
  return `${about}\n\n${markdown([...head, 'bytes with mapping', ...byBytes, 'of full', 'rate', 'epochs', 'hot'], rows)}`;
}

function explored([file]) {
  const results = read(file);
  const of = (variant, size) => results.filter((r) => r.variant === variant && r.size === size);
  const rows = [...new Set(results.map((r) => r.variant))].map((variant) => {
    const cells = [0.1, 0.2].flatMap((size) => {
      const runs = of(variant, of(variant, 1).length > 0 ? 1 : size);
      const base = new Map(of('modulo', size).map((r) => [r.seed, r]));
      const difference = (metric) =>
        variant === 'modulo' ? '' : signed(spread(runs.map((r) => r[metric] - base.get(r.seed)[metric])), false);
      const mean = (metric) => spread(runs.map((r) => r[metric])).mean.toFixed(4);
      return runs.length === 0
        ? ['', '', '', '', '']
        : [mean('validation'), mean('auc'), difference('auc'), mean('logLoss'), difference('logLoss')];
    });
    return [variant, ...cells];
  });
  const columns = ['validation log loss', 'AUC', '− modulo', 'log loss', '− modulo'];
  const head = ['', ...[10, 20].flatMap((size) => columns.map((column) => `${size} %: ${column}`))];
  const seeds = [...new Set(results.map((r) => r.seed))].length;
  return `${seeds} ${seeds === 1 ? 'seed' : 'seeds'}.\n\n${markdown(head, rows)}`;
}

/** A table for each measure of the methods by the share of rows, mean and standard deviation over seeds. */
function planted([file]) {
  const results = read(file);
  const group = (method, size) => results.filter((r) => r.method === method && r.size === size);
  const bySeed = (method, size) => new Map(group(method, size).map((r) => [r.seed, r]));
  const mean = (runs, value) => spread(runs.map(value)).mean;
  const oracle = bySeed('oracle', 1);
  const sizes = [...new Set(results.map((r) => r.size))].filter((size) => size < 1);
  const methods = [...new Set(results.map((r) => r.method))].filter(
    (method) => method !== 'full' && method !== 'oracle',
  );
  const overOracle = (metric) => (runs) => signed(spread(runs.map((r) => r[metric] - oracle.get(r.seed)[metric])));
  const overExact = (runs) => {
    const exact = bySeed('exact', runs[0].size);
    return figure(spread(runs.map((r) => Math.log10(r.distortion / exact.get(r.seed).distortion))), 2);
  };
  const measures = {
    'AUC − oracle': overOracle('auc'),
    'log loss − oracle': overOracle('logLoss'),
    'adjusted Rand index': (runs) => figure(spread(runs.map((r) => r.randIndex)), 3),
    'lg distortion': overExact,
  };
  const tables = Object.entries(measures).map(([measure, cell]) => {
    const rows = methods.map((method) => [
      method,
      ...sizes.map((size) => (group(method, size).length === 0 ? '' : cell(group(method, size)))),
    ]);
    if (measure.endsWith('oracle')) {
      const full = cell(group('full', 1));
      rows.unshift(['full table', ...sizes.map(() => full)]);
    }
    return markdown([measure, ...sizes.map((size) => `${size * 100} %`)], rows);
  });
  const full = group('full', 1);
  const [auc, logLoss] = ['auc', 'logLoss'].map((metric) => figure(spread([...oracle.values()].map((r) => r[metric]))));
  const [once, newShare] = ['once', 'newShare'].map((share) => (100 * mean(full, (r) => r[share])).toFixed(1));
  return `Oracle hash: AUC ${auc}, log loss ${logLoss}. Of the ids ${once} % come once; of the evaluation rows ${newShare} % hold an id of the first feature never seen before. ${full.length} seeds.\n\n${tables.join('\n\n')}`;
}

/** How `auto` does against what was wanted of it, on several sets. */
function target(files) {
  const wanted = ['AUC − modulo', 'log loss − modulo', 'best baseline by AUC', 'AUC − it', 'log loss − it'];
  const rows = files.flatMap((file) => {
    const { results } = read(file);
    const name = basename(file, '.json');
    const groups = aggregate(results);
    const auc = (method, size) => groups.find((g) => g.method === method && g.size === size)?.auc.mean ?? Number.NaN;
    return [...new Set(results.map((r) => r.size))]
      .filter((size) => size < 1)
      .map((size) => {
        const base = ['modulo', 'frequent', 'equal-mass'].sort((a, b) => auc(b, size) - auc(a, size))[0];
        const over = (other, metric) => signed(pairedDifference(results, 'auto', other, size, metric));
        const gap = (auc('auto', size) - auc('modulo', size)) / (auc('full', 1) - auc('modulo', size));
        const cells = [
          over('modulo', 'auc'),
          over('modulo', 'logLoss'),
          base,
          over(base, 'auc'),
          over(base, 'logLoss'),
        ];
        return [name, `${size * 100} %`, ...cells, `${Math.round(100 * gap)} %`];
      });
  });
  return markdown(['', 'rows', ...wanted, 'of the AUC gap'], rows);
}

/** Comparisons lie beside the page that shows them; explorations are not committed. */
const fileOf = (kind, name, folder) =>
  `${kind === 'explored' || kind === 'planted' ? 'bench/results/quality/' : folder}${name}.json`;
const KINDS = { table: comparison, explored, planted, target };
const pages = ['docs/results/', 'docs/notebook/'].flatMap((folder) =>
  readdirSync(root + folder)
    .filter((file) => file.endsWith('.md'))
    .map((file) => ({ folder, page: folder + file })),
);
for (const { folder, page } of pages) {
  const text = readFileSync(root + page, 'utf8');
  const made = text.replace(
    /(<!-- (table|explored|planted|target) (\S+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (whole, start, kind, name, end) => {
      const files = name.split(',').map((one) => fileOf(kind, one, folder));
      return files.every((file) => existsSync(root + file)) ? `${start}${KINDS[kind](files)}\n${end}` : whole;
    },
  );
  if (made !== text) writeFileSync(root + page, made);
}
