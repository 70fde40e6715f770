// The results as Markdown. Every figure is computed from the times of the JSON file, none is stored twice.
import { both, count, ids, short, table } from './format.mjs';
import { fraction, fractionTables, relative, wholeFractions } from './fractions.mjs';
import { ratio, seconds } from './rounds.mjs';

const PEER_TARGETS = {
  'pytorch lookup': 12,
  'pytorch forward': 12,
  'pytorch backward': 20,
  'tfjs wasm lookup': 200,
  'tfjs cpu lookup': 200,
};

function times(all) {
  const ms = (one, name) => short(seconds(one.times, `engine ${name}`) * 1e3);
  const rows = all.map((one) => {
    const bytes = Number(one.notes.engine['stream.bytes']);
    const rate = (read, name) => short(read / seconds(one.times, `engine ${name}`) / 1e9);
    const works = ['gather', 'lookup', 'forward', 'update', 'backward'].flatMap((work) =>
      ['identity', 'learned'].map((kind) => ms(one, `${work}.${kind}`)),
    );
    const paired = works.flatMap((value, i) => (i % 2 === 0 ? [`${value} / ${works[i + 1]}`] : []));
    return [
      one.name.replaceAll('=', ' '),
      ...paired,
      rate(ids(one) * one.settings.width * 4, 'gather.identity'),
      `${rate(2 * bytes, 'stream.copy')} / ${rate(bytes, 'stream.read')}`,
    ];
  });
  return table(
    [
      '',
      'gather limit',
      'lookup',
      'training forward',
      'update limit',
      'backward',
      'gather GB/s',
      'stream copy / read GB/s',
    ],
    rows,
  );
}

/** The learned hash against a row per id and against the hashing trick: times of the first over those of the second. */
function hashes(all) {
  const chosen = all.filter(({ times }) => times['engine lookup.modulo']);
  const works = { lookup: ['lookup'], 'forward + backward': ['forward', 'backward'] };
  const rows = chosen.map((one) => [
    one.name.replaceAll('=', ' '),
    ...Object.values(works).flatMap((parts) =>
      ['identity', 'modulo'].map((other) => {
        const keys = (kind) => parts.map((part) => `engine ${part}.${kind}`);
        return both(ratio(one.times, keys('learned'), keys(other)));
      }),
    ),
  ]);
  const head = Object.keys(works).flatMap((work) => [`${work}: learned / uncompressed`, `${work}: learned / modulo`]);
  return table(['', ...head], rows);
}

/** Workloads during which the memory was mostly much slower than in the best round of all: others used the machine. */
function disturbed(all) {
  const copy = ({ times }) => seconds(times, 'engine stream.copy');
  const measured = all.filter(({ times }) => times['engine stream.copy']);
  const best = Math.min(...measured.flatMap(({ times }) => times['engine stream.copy'].map(({ wall }) => wall)));
  return measured
    .filter((one) => copy(one) > 1.6 * best)
    .map((one) => `${one.name} (stream copy at ${((100 * best) / copy(one)).toFixed(0)} % of its best)`);
}

/**
 * Times of peers over the engine's, one row per peer's case, one column per workload. `most`: also over the limit, which
 * is the most that any engine could reach.
 */
function peers(all, names, most = false) {
  const keys = [...new Set(all.flatMap(({ times }) => Object.keys(times)))].filter((key) =>
    names.some((name) => key.startsWith(`${name} `)),
  );
  const over = (key, work) =>
    all.map(({ times }) => (times[key] ? both(ratio(times, key, `engine ${work}.identity`)) : 'not installed'));
  const rows = keys.flatMap((key) => {
    const work = key.split(/[ -]/).at(-1);
    const row = [key, PEER_TARGETS[key] ? `≥ ${PEER_TARGETS[key]}` : '', ...over(key, work)];
    const limit = work === 'backward' ? 'update' : 'gather';
    return most ? [row, [`${key}, over the ${limit} limit`, '', ...over(key, limit)]] : [row];
  });
  return table(['', 'target', ...all.map(({ settings }) => `${settings.pooling} per bag`)], rows);
}

function scaling(all) {
  const lines = [];
  for (const axis of [...new Set(all.map((one) => one.axis))]) {
    const rows = all
      .filter((one) => one.axis === axis)
      .map((one) => [
        `${count(one.value)}${one.settings.width === 64 ? '' : ` (width ${one.settings.width})`}`,
        ...['lookup', 'forward', 'backward'].flatMap((work) => [
          short((seconds(one.times, `engine ${work}.identity`) * 1e9) / ids(one)),
          both(fraction(one, `${work}.identity`)),
        ]),
      ]);
    const head = [
      axis,
      ...['lookup', 'training forward', 'backward'].flatMap((work) => [`${work}, ns per id`, 'of the limit']),
    ];
    lines.push('', ...table(head, rows));
  }
  return lines;
}

const HEAD = `# The embedding engine beside the machine's limits

Written by \`npm run bench:embedding\`; [speed](../../docs/results/speed.md) says how to read and repeat it. Figures in
bold are wall time, in parentheses the CPU time of all threads; medians of the ratio within a round, the rounds interleaved.

- **gather limit**: every row that the batch looks up is read once, prefetched, and added to a running sum; nothing is
  checked, translated or written. For a learned hash the rows are known beforehand. The best of 28 ways to prefetch.
- **update limit**: every distinct row of the batch and its optimizer state is read, changed and written once, in ascending
  order, prefetched; no gradient is read. It finds the caches as backward does: after a forward of the same batch.
- **fraction**: time of the limit / time of the engine. 1 is what the memory allows.
- **cost of keeping**: what a training forward, which keeps rows for backward, takes longer than a lookup. **Cost of counting**:
  what forward and backward together take longer when accesses are counted, on the same rows in memory; all other figures
  are of tables that do not.

Tables have 10,000 to 2,000,000 rows, log-uniform (uncompressed: a row per id). \`learned\` is a packed look-up table to a
tenth as many rows, with pseudo-random entries. Ids are Zipf(1.05), frequent ids anywhere in the table; 4 to 64 different
batches take turns (for scaling, 2 at least). float32, sum pooling, exact rowwise Adagrad.`;

/** results: { machine, options, workloads: [{ name, group, axis, value, settings, times, notes, missing }] } */
export function markdown({ machine, options, workloads }) {
  const of = (group) => workloads.filter((one) => one.group === group);
  const fractions = of('fractions');
  const beside = fractions.filter(({ peers }) => peers.length > 0);
  const lines = [HEAD];
  if (fractions.length > 0) {
    lines.push('', '## Fractions of the limit', ...fractionTables(fractions), ...relative(fractions));
    lines.push(...wholeFractions(fractions));
    lines.push('', '## Learned hash, hashing trick and uncompressed', '', 'Ratios of time.', '', ...hashes(fractions));
    lines.push('', '## Times', '', 'Milliseconds per batch, uncompressed / learned.', '', ...times(fractions));
  }
  const missing = [...new Set(workloads.flatMap((one) => one.missing))];
  if (beside.length > 0) {
    const text = 'Their time / ours, on the same tables and ids: 26 tables, width 64, batch 2,048, two threads each.';
    lines.push('', '## PyTorch', '', text, '', ...peers(beside, ['pytorch'], true));
    const over =
      'Time of a call from Node.js / time of the same call in C++, into the same output every time. `default-`: a call ' +
      'without an output array, which gets one of memory that earlier outputs used.';
    lines.push('', '## The addon', '', over, '', ...peers(beside, ['addon']));
  }
  const javascript = of('javascript');
  if (javascript.length > 0) {
    const { tables, most, least } = javascript[0].settings;
    const text =
      `Their time / ours (two threads), on the same tables and ids. TensorFlow.js holds at most 2 GiB and takes seconds, ` +
      `so these are ${tables} tables of ${count(least)} to ${count(most)} rows, width ${javascript[0].settings.width}, ` +
      `batch ${count(javascript[0].settings.batch)}.`;
    lines.push(
      '',
      '## TensorFlow.js and plain JavaScript',
      '',
      text,
      '',
      ...peers(javascript, ['tfjs wasm', 'tfjs cpu', 'javascript']),
    );
  }
  if (of('scaling').length > 0) {
    const text =
      'Wall time per id, uncompressed. Batch: 10 tables of 1,000,000 rows. Tables: of 100,000 rows each, batch 2,048. ' +
      'Rows: one table, batch 16,384. Width 64, 20 ids per bag.';
    lines.push('', '## Scaling', '', text, ...scaling(of('scaling')));
  }
  if (missing.length > 0) lines.push('', `Not installed, not measured: ${missing.join(', ')}.`);
  const slow = disturbed(workloads);
  if (slow.length > 0) lines.push('', `Disturbed by other work on the machine: ${slow.join(', ')}.`);
  const range = (values) => [...new Set([Math.min(...values), Math.max(...values)])].join(' to ');
  const rounds = range(workloads.map(({ times }) => times['engine lookup.identity'].length));
  const loads = range(workloads.map(({ load }) => Number(load.toFixed(1))));
  lines.push(
    '',
    `Machine: ${machine.processor} (${machine.vectors}), ${options.threads} threads, ${machine.memoryGiB} GiB, huge pages ` +
      `${machine.hugePages}; compiler ${machine.compiler}, Node ${machine.node}${machine.pytorch ? `, PyTorch ${machine.pytorch}` : ''}; ` +
      `${rounds} rounds; load average ${loads} before the workloads.`,
  );
  return `${lines.join('\n')}\n`;
}

/** Every ratio that the report shows, to see whether they are all positive numbers. */
export function allRatios({ workloads }) {
  return workloads.flatMap((one) =>
    Object.keys(one.times).map((key) => ratio(one.times, key, 'engine lookup.identity').wall.median),
  );
}
