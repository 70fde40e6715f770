// TensorFlow.js on one backend (argument: its name as backends.mjs lists it): a gather and a sum per table
// and a concat. Bags of one length are summed by a reshape, where its segment sum would compare every id with every bag.
import { backends } from './backends.mjs';
import { checksum, initialWeights, readWorkload, serve } from './serve.mjs';

const wanted = process.argv[2];

await serve(async ({ file }) => {
  const found = (await backends()).find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`${wanted} is not installed`);
  const { tf, use } = found;
  await use();
  const { tables, batch, pooling, width, batches, heights, ids } = readWorkload(file);
  const values = heights.map((rows, t) => tf.tensor2d(initialWeights(t, rows, width), [rows, width]));
  const perTable = batch * pooling;
  const indices = ids.map((all) =>
    Array.from({ length: tables }, (_, t) =>
      tf.tensor1d(Int32Array.from(all.subarray(t * perTable, (t + 1) * perTable)), 'int32'),
    ),
  );
  const compute = (b) =>
    tf.tidy(() =>
      tf.concat(
        values.map((table, t) => {
          const looked = tf.gather(table, indices[b][t]);
          return pooling === 1 ? looked : tf.sum(tf.reshape(looked, [batch, pooling, width]), 1);
        }),
        1,
      ),
    );
  const first = compute(0);
  const notes = { checksum: checksum(first.dataSync()) };
  first.dispose();
  return { batches, notes, cases: { lookup: { run: (b) => compute(b).dispose() } } };
});
