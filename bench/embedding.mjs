// Embedding lookups and training steps: the learned hash ('table', packed look-up) against the hashing trick (modulo) and
// the uncompressed table (identity), and against TensorFlow.js and plain JavaScript doing the learned lookup on the same
// ids. Tables of 250,000 ids, a tenth as many rows when compressed; Zipf(1.05) ids, a batch of 2,048 bags per table.
import { strict as assert } from 'node:assert';
import { EmbeddingTables } from '../dist/index.js';
import { interleave, median, ratio } from './interleave.mjs';
import { backends } from './tensorflow.mjs';

const FEATURES = 4;
const CARDINALITY = 250_000;
const ROWS = CARDINALITY / 10;
const BATCH = 2048;
const CONFIGURATIONS = [
  { dim: 16, pooling: 1 },
  { dim: 16, pooling: 20 },
  { dim: 64, pooling: 1 },
  { dim: 64, pooling: 20 },
];

function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ids by descending frequency, P(id) proportional to 1 / (id + 1)^1.05. */
function zipf(random, cardinality) {
  const cumulative = new Float64Array(cardinality);
  let total = 0;
  for (let id = 0; id < cardinality; id++) cumulative[id] = total += (id + 1) ** -1.05;
  return () => {
    const target = random() * total;
    let low = 0;
    let high = cardinality - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle] < target) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** The learned lookup in plain JavaScript: what a user would write without this package. */
function plainLookup(tables, entries, indices, dim, pooling, out) {
  const width = FEATURES * dim;
  for (let f = 0; f < FEATURES; f++) {
    const table = tables[f];
    for (let bag = 0; bag < BATCH; bag++) {
      const at = bag * width + f * dim;
      for (let j = 0; j < dim; j++) out[at + j] = 0;
      for (let i = (f * BATCH + bag) * pooling; i < (f * BATCH + bag + 1) * pooling; i++) {
        const row = entries[indices[i]] * dim;
        for (let j = 0; j < dim; j++) out[at + j] += table[row + j];
      }
    }
  }
}

/**
 * The learned lookup as TensorFlow.js does it fastest: the mapping and the table are both gathered; bags of one length
 * are summed by a reshape, where its segment sum would compare every id with every bag.
 */
function tensorflowLookup(tf, tables, entries, indices, dim, pooling) {
  const mapping = tf.tensor1d(Int32Array.from(entries), 'int32');
  const values = tables.map((table) => tf.tensor2d(table, [ROWS, dim]));
  const perFeature = BATCH * pooling;
  const ids = tables.map((_, f) =>
    tf.tensor1d(Int32Array.from(indices.subarray(f * perFeature, (f + 1) * perFeature)), 'int32'),
  );
  const compute = () =>
    tf.concat(
      values.map((table, f) => {
        const looked = tf.gather(table, tf.gather(mapping, ids[f]));
        return pooling === 1 ? looked : tf.sum(tf.reshape(looked, [BATCH, pooling, dim]), 1);
      }),
      1,
    );
  return {
    run: () => {
      compute().dispose();
    },
    tidy: (body) => tf.tidy(body),
    result: () => tf.tidy(() => compute().dataSync()),
    dispose: () => tf.dispose([mapping, ...values, ...ids]),
  };
}

function closeTo(actual, expected, what) {
  assert.equal(actual.length, expected.length, what);
  const worst = actual.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i])), 0);
  assert.ok(worst < 1e-5, `${what} differs by ${worst}`);
}

async function configuration({ dim, pooling }, tensorflow, { rounds, seconds }) {
  const random = generator(1);
  const id = zipf(random, CARDINALITY);
  const entries = Uint16Array.from({ length: CARDINALITY }, () => Math.floor(random() * ROWS));
  const indices = Uint32Array.from({ length: FEATURES * BATCH * pooling }, id);
  const offsets = Uint32Array.from({ length: FEATURES * BATCH + 1 }, (_, bag) => bag * pooling);
  const hashes = {
    learned: { kind: 'table', rows: ROWS, entries },
    modulo: { kind: 'modulo', rows: ROWS },
    identity: { kind: 'identity' },
  };
  const out = new Float32Array(BATCH * FEATURES * dim);
  const gradient = out.map(() => random() - 0.5);
  const opened = [];
  const make = (hash, threads) => {
    const features = Array.from({ length: FEATURES }, (_, f) => ({
      ...{ name: `f${f}`, cardinality: CARDINALITY, dim, hashes: [hash] },
      init: { kind: 'uniform', scale: 0.01 },
    }));
    opened.push(new EmbeddingTables({ features, threads }));
    return opened.at(-1);
  };
  const lookup = {};
  const step = {};
  for (const [name, hash] of Object.entries(hashes)) {
    for (const threads of name === 'learned' ? [0, 1] : [0]) {
      const tables = make(hash, threads);
      const label = `${name}${threads === 1 ? ', 1 thread' : ''}`;
      lookup[`lookup: ${label}`] = () => {
        tables.lookup({ indices, offsets }, out);
      };
      const trained = make(hash, threads);
      step[`forward + backward: ${label}`] = () => {
        trained.forward({ indices, offsets }, out);
        trained.backward(gradient);
      };
    }
  }
  const learned = opened[0];
  const weights = Array.from({ length: FEATURES }, (_, f) => learned.weights(`f${f}`));
  const expected = learned.lookup({ indices, offsets }).slice();
  lookup['lookup: plain JavaScript'] = () => {
    plainLookup(weights, entries, indices, dim, pooling, out);
  };
  lookup['lookup: plain JavaScript']();
  closeTo(out, expected, 'plain JavaScript');

  const groups = [{ cases: lookup }, { cases: step }];
  for (const { name, tf, use } of tensorflow) {
    await use();
    const theirs = tensorflowLookup(tf, weights, entries, indices, dim, pooling);
    closeTo(theirs.result(), expected, name);
    const run = () => {
      theirs.tidy(theirs.run);
    };
    groups.push({ prepare: use, samples: 2, cases: { [`lookup: ${name}`]: run }, dispose: theirs.dispose }); // seconds a call
  }
  const times = await interleave(`width ${dim}, ${pooling} ids per bag`, groups, rounds, seconds);
  for (const { dispose } of groups) dispose?.();
  for (const tables of opened) tables.close();

  const ids = FEATURES * BATCH * pooling;
  const cases = [...times].map(([name, rounds]) => ({
    name,
    microseconds: median(rounds) * 1e6,
    nanosecondsPerId: (median(rounds) * 1e9) / ids,
    rounds: rounds.map((time) => time * 1e6),
  }));
  const compared = [
    ['lookup: learned', 'lookup: identity'],
    ['lookup: learned', 'lookup: modulo'],
    ['forward + backward: learned', 'forward + backward: identity'],
    ['forward + backward: learned', 'forward + backward: modulo'],
    ['lookup: plain JavaScript', 'lookup: learned, 1 thread'],
    ...tensorflow.map(({ name }) => [`lookup: ${name}`, 'lookup: learned']),
  ].map(([a, b]) => ({ a, b, ...ratio(times, a, b) }));
  return { dim, pooling, idsPerBatch: ids, cases, ratios: compared };
}

/** Runs all configurations: { features, cardinality, rows, batch, configurations }. */
export async function run(options) {
  const tensorflow = await backends();
  const configurations = [];
  for (const one of CONFIGURATIONS) configurations.push(await configuration(one, tensorflow, options));
  return { features: FEATURES, cardinality: CARDINALITY, rows: ROWS, batch: BATCH, configurations };
}

const short = (x) => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2));

/** The results as Markdown: one table of ratios first, then one of times per configuration. */
export function markdown(results) {
  const { features, cardinality, rows, batch, configurations } = results;
  const lines = [
    '# Embedding lookups and training steps',
    '',
    `${features} tables of ${cardinality.toLocaleString('en')} ids, ${rows.toLocaleString('en')} rows when compressed ` +
      `(identity: one row per id), ${batch.toLocaleString('en')} bags per table and batch, Zipf(1.05) ids, sum pooling, ` +
      'rowwise Adagrad. `learned` is a packed look-up table. TensorFlow.js and plain JavaScript do the learned lookup ' +
      'on the same ids; all give the same output within 1e-5, which is checked before they are timed.',
    '',
    'Ratios of time, first to second, paired within a round: median (least to most).',
    '',
    `| | ${configurations.map(({ dim, pooling }) => `width ${dim}, ${pooling} per bag`).join(' | ')} |`,
    `|---|${configurations.map(() => '---').join('|')}|`,
  ];
  for (const [i, { a, b }] of configurations[0].ratios.entries()) {
    const cells = configurations.map(({ ratios }) => {
      const { median, least, most } = ratios[i];
      return `**${short(median)}** (${short(least)} to ${short(most)})`;
    });
    lines.push(`| ${a} / ${b.replace(/^.*: /, '')} | ${cells.join(' | ')} |`);
  }
  lines.push(
    '',
    'Medians, nanoseconds per id (microseconds per batch of all tables).',
    '',
    `| | ${configurations.map(({ dim, pooling }) => `width ${dim}, ${pooling} per bag`).join(' | ')} |`,
    `|---|${configurations.map(() => '---').join('|')}|`,
  );
  for (const [i, { name }] of configurations[0].cases.entries()) {
    const cells = configurations.map(
      ({ cases }) => `${short(cases[i].nanosecondsPerId)} (${short(cases[i].microseconds)})`,
    );
    lines.push(`| ${name} | ${cells.join(' | ')} |`);
  }
  return `${lines.join('\n')}\n`;
}
