// The package itself, called from Node.js: what the addon costs over the engine's own calls.
import { EmbeddingTables } from '../../../dist/index.js';
import { checksum, initialWeights, readWorkload, serve } from './serve.mjs';

let tables;

await serve(({ file, threads }) => {
  tables?.close();
  const { batch, pooling, width, batches, heights, ids } = readWorkload(file);
  tables = new EmbeddingTables({
    features: heights.map((cardinality, t) => ({
      name: `f${t}`,
      cardinality,
      dim: width,
      hashes: [{ kind: 'identity' }],
    })),
    countAccesses: false, // as the engine's cases
    threads: Number(threads),
  });
  for (const [t, rows] of heights.entries()) tables.setWeights(`f${t}`, initialWeights(t, rows, width));
  const offsets = Uint32Array.from({ length: heights.length * batch + 1 }, (_, bag) => bag * pooling);
  const out = tables.newOutput(batch);
  const gradient = tables.newOutput(batch);
  gradient.set(initialWeights(0, batch * heights.length, width).map((value) => value * 1e-3));
  const forward = (b) => {
    tables.forward({ indices: ids[b], offsets }, out);
  };
  tables.lookup({ indices: ids[0], offsets }, out);
  return {
    batches,
    notes: { checksum: checksum(out) },
    cases: {
      lookup: {
        run: (b) => {
          tables.lookup({ indices: ids[b], offsets }, out);
        },
      },
      forward: { run: forward },
      'default-lookup': {
        run: (b) => {
          tables.lookup({ indices: ids[b], offsets });
        },
      },
      'default-forward': {
        run: (b) => {
          tables.forward({ indices: ids[b], offsets });
        },
      },
      backward: { before: forward, run: () => tables.backward(gradient) },
    },
  };
});
