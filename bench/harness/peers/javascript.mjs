// Plain JavaScript: the lookup a user would write without this package, on one thread.
import { checksum, initialWeights, readWorkload, serve } from './serve.mjs';

function lookup({ heights, batch, pooling, width }, weights, ids, out) {
  const stride = heights.length * width;
  for (let t = 0; t < heights.length; t++) {
    const table = weights[t];
    for (let bag = 0; bag < batch; bag++) {
      const at = bag * stride + t * width;
      for (let j = 0; j < width; j++) out[at + j] = 0;
      for (let i = (t * batch + bag) * pooling; i < (t * batch + bag + 1) * pooling; i++) {
        const row = ids[i] * width;
        for (let j = 0; j < width; j++) out[at + j] += table[row + j];
      }
    }
  }
}

await serve(({ file }) => {
  const workload = readWorkload(file);
  const weights = workload.heights.map((rows, t) => initialWeights(t, rows, workload.width));
  const out = new Float32Array(workload.batch * workload.heights.length * workload.width);
  const run = (b) => lookup(workload, weights, workload.ids[b], out);
  run(0);
  return { batches: workload.batches, notes: { checksum: checksum(out) }, cases: { lookup: { run } } };
});
