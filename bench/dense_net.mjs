// The dense net's training step against its prediction, and one thread against all, called from JavaScript.
import { DenseNet } from '../dist/index.js';
import { median } from './interleave.mjs';

const BATCH = 4096;
const SHAPES = {
  'demo: 8 vectors x 16, bottom 16-16, top 64-1': { dense: 1, vectors: 8, dim: 16, bottom: [16, 16], top: [64, 1] },
  'DLRM: 26 vectors x 64, bottom 512-256-64, top 512-256-1': {
    dense: 13,
    vectors: 26,
    dim: 64,
    bottom: [512, 256, 64],
    top: [512, 256, 1],
  },
};

/** Multiply-adds of one example's forward pass: layers and pairwise dots. A step does three times as many. */
function multiplyAdds({ dense, vectors, dim, bottom, top }) {
  const chain = (widths) => widths.slice(1).reduce((sum, width, i) => sum + width * widths[i], 0);
  const pairs = ((vectors + 1) * vectors) / 2;
  return chain([dense, ...bottom]) + pairs * dim + chain([dim + pairs, ...top]);
}

export async function run({ rounds, seconds }) {
  const results = {};
  for (const [name, shape] of Object.entries(SHAPES)) {
    const { dense, vectors, dim } = shape;
    const inputs = Float32Array.from({ length: BATCH * dense }, (_, i) => Math.sin(i));
    const embeddings = Float32Array.from({ length: BATCH * vectors * dim }, (_, i) => 0.1 * Math.cos(i));
    const labels = Float32Array.from({ length: BATCH }, (_, i) => i % 2);
    const gradient = new Float32Array(embeddings.length);
    const logits = new Float32Array(BATCH);
    const nets = { all: new DenseNet({ ...shape, threads: 0 }), one: new DenseNet({ ...shape, threads: 1 }) };
    const work = {
      step: () => nets.all.step(inputs, embeddings, labels, gradient),
      'step, 1 thread': () => nets.one.step(inputs, embeddings, labels, gradient),
      predict: () => nets.all.predict(inputs, embeddings, logits),
      'predict, 1 thread': () => nets.one.predict(inputs, embeddings, logits),
    };
    /** @type {Record<string, number[]>} */
    const times = Object.fromEntries(Object.keys(work).map((key) => [key, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [key, body] of Object.entries(work)) {
        const until = performance.now() + 1000 * seconds;
        const samples = [];
        while (performance.now() < until) {
          const start = performance.now();
          body();
          samples.push((performance.now() - start) / 1000);
        }
        times[key].push(median(samples));
      }
    }
    for (const net of Object.values(nets)) net.close();
    results[name] = { multiplyAdds: multiplyAdds(shape), times };
  }
  return { batch: BATCH, results };
}

export function markdown({ batch, results }) {
  const lines = [
    '# Dense net',
    '',
    `Batch ${batch.toLocaleString('en')}, LAMB, portable kernels. GFLOP/s count two operations per multiply-add, three products per weight in a step. Medians.`,
    '',
    '| | step / predict, 1 thread | 1 thread / all, step | step, GFLOP/s (1 thread) | step, rows/s (all threads) |',
    '|---|---|---|---|---|',
  ];
  for (const [name, { multiplyAdds: count, times }] of Object.entries(results)) {
    const ratio = (a, b) => median(times[a].map((time, round) => time / times[b][round])).toFixed(2);
    const one = median(times['step, 1 thread']);
    lines.push(
      `| ${name} | **${ratio('step, 1 thread', 'predict, 1 thread')}** | **${ratio('step, 1 thread', 'step')}** | ${((6 * count * batch) / one / 1e9).toFixed(0)} | ${Math.round(batch / median(times.step)).toLocaleString('en')} |`,
    );
  }
  return `${lines.join('\n')}\n`;
}
