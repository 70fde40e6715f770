// usage: node bus_traffic.mjs STEPS
// Trains a small model on the device for so many steps: the test device's report then has what went over the bus.
import { Recommender } from '../../dist/index.js';

const size = 256;
const features = ['a', 'b', 'c'].map((name) => ({ name, cardinality: 40, hashes: [{ kind: 'modulo', rows: 7 }] }));
const model = new Recommender({ features, dense: 5, dim: 4, topHidden: [8], bottomHidden: [8], device: 'cuda' });
const batch = {
  size,
  indices: Uint32Array.from({ length: 3 * size }, (_, i) => (i * i) % 40),
  offsets: Uint32Array.from({ length: 3 * size + 1 }, (_, bag) => bag),
  dense: Float32Array.from({ length: 5 * size }, (_, i) => (i % 9) / 9),
  labels: Float32Array.from({ length: size }, (_, i) => i % 2),
};
let loss = () => 0;
for (let step = 0; step < Number(process.argv[2]); step++) {
  const last = loss;
  loss = model.start(batch);
  last();
}
loss();
model.close();
