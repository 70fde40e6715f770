// Rows put together of a learned part and hashed ones (`parts` of learnHashing) against whole rows of as many bytes: lookup
// and training step of 26 tables of 10,000 to 2,000,000 ids, a tenth as many rows, one id a bag.
import { EmbeddingTables } from '../dist/index.js';
import { interleave, ratio } from './interleave.mjs';

const TABLES = 26;
const BATCH = 2048;
const BATCHES = 32; // taken in turn, so that no batch finds the rows that it left in the cache

/** Ids of a table: hot ones often, like clicks. */
const idsOf = (cardinality) => Math.floor(cardinality ** Math.random()) - 1;

export async function run({ rounds, seconds }) {
  const cardinalities = Array.from({ length: TABLES }, (_, t) => Math.round(10_000 * 200 ** (t / (TABLES - 1))));
  const offsets = Uint32Array.from({ length: TABLES * BATCH + 1 }, (_, i) => i);
  const batches = Array.from({ length: BATCHES }, () => ({
    indices: Uint32Array.from({ length: TABLES * BATCH }, (_, i) => idsOf(cardinalities[Math.floor(i / BATCH)])),
    offsets,
  }));
  const learned = cardinalities.map((ids) => Uint32Array.from({ length: ids }, () => Math.random() * (ids / 10)));
  const results = [];
  for (const dim of [16, 64]) {
    const groups = [1, 2, 4, 8].map((parts) => {
      const tables = new EmbeddingTables({
        features: cardinalities.map((cardinality, t) => {
          const rows = Math.ceil(cardinality / 10);
          /** @type {import('../dist/index.js').HashFunction[]} */
          const hashed = Array.from({ length: parts - 1 }, (_, k) => ({ kind: 'mixed', rows, seed: k }));
          /** @type {import('../dist/index.js').HashFunction[]} */
          const hashes = [{ kind: 'table', rows, entries: learned[t] }, ...hashed];
          return { name: `table ${t}`, cardinality, dim, hashes, combine: /** @type {const} */ ('concat') };
        }),
        countAccesses: false,
      });
      const pooled = tables.newOutput(BATCH);
      const gradient = tables.newOutput(BATCH).fill(0.01);
      let turn = 0;
      const cases = {
        [`lookup, ${parts}`]: () => {
          tables.lookup(batches[turn++ % BATCHES], pooled);
        },
        [`step, ${parts}`]: () => {
          tables.forward(batches[turn++ % BATCHES], pooled);
          tables.backward(gradient);
        },
      };
      return { tables, cases };
    });
    const times = await interleave(`rows in parts, width ${dim}`, groups, rounds, seconds);
    for (const { tables } of groups) tables.close();
    results.push({ dim, times: Object.fromEntries(times) });
  }
  return { tables: TABLES, batch: BATCH, results };
}

export function markdown({ tables, batch, results }) {
  const lines = [
    '# Rows in parts',
    '',
    `${tables} tables of 10,000 to 2,000,000 ids, a tenth as many rows, one id a bag, batch ${batch.toLocaleString('en')}: time with a learned part and hashed ones over that of whole rows of as many bytes. Medians, least and most of interleaved rounds.`,
    '',
    '| | 2 parts | 4 parts | 8 parts |',
    '|---|---|---|---|',
  ];
  for (const { dim, times } of results) {
    for (const work of ['lookup', 'step']) {
      const cells = [2, 4, 8].map((parts) => {
        const { median, least, most } = ratio(new Map(Object.entries(times)), `${work}, ${parts}`, `${work}, 1`);
        return `${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
      });
      lines.push(`| ${work === 'step' ? 'forward and backward' : work}, width ${dim} | ${cells.join(' | ')} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}
