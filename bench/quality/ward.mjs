// Merging by loss increase: the experiment, for planted.mjs and explore.mjs.
//
// To second order, replacing an id's value t by its row's value costs the loss h (t - row)^2 / 2, where h, the curvature, is
// the sum of p (1 - p) over the id's accesses, p the teacher's prediction. Ward's rule merges the neighbours whose union
// costs least, h1 h2 / (h1 + h2) * (t1 - t2)^2, one pair at a time; `optimalBins` with the same weights has the least cost
// that there is.

/** Curvature of every id of a feature: the sum of p (1 - p) over its rows of a split. Plain features. */
export function curvatures(split, feature, probabilities) {
  const sums = new Float64Array(split.features[feature].cardinality);
  const { ids } = split.ids(feature);
  for (const [row, id] of ids.entries()) sums[id] += probabilities[row] * (1 - probabilities[row]);
  return sums;
}

/** Ward's clusters of values (weights above 0), `rows` of them, [values]. O(n log n). */
export function wardBins(values, weights, rows) {
  const order = Uint32Array.from(values.keys()).sort((a, b) => values[a] - values[b] || a - b);
  const n = order.length;
  const [value, weight] = [values, weights].map((of) => Float64Array.from(order, (id) => of[id]));
  const next = Int32Array.from({ length: n }, (_, k) => k + 1);
  const previous = Int32Array.from({ length: n }, (_, k) => k - 1);
  const version = new Uint32Array(n); // of the cluster that begins at k; odd when it is no more
  const heap = [];
  const offer = (left) => {
    const right = next[left];
    if (left < 0 || right >= n) return;
    const gap = value[right] - value[left];
    const cost = ((weight[left] * weight[right]) / (weight[left] + weight[right])) * gap * gap;
    push(heap, { cost, left, right, versions: version[left] + version[right] * 2 ** 26 });
  };
  for (let k = 0; k < n; k++) offer(k);
  for (let clusters = n; clusters > rows; ) {
    const { left, right, versions } = pop(heap);
    if (next[left] !== right || versions !== version[left] + version[right] * 2 ** 26) continue;
    const total = weight[left] + weight[right];
    value[left] = (weight[left] * value[left] + weight[right] * value[right]) / total;
    weight[left] = total;
    version[left] += 2;
    version[right] += 1;
    next[left] = next[right];
    if (next[left] < n) previous[next[left]] = left;
    offer(previous[left]);
    offer(left);
    clusters -= 1;
  }
  const assignment = new Uint32Array(n);
  for (let k = 0, cluster = -1; k < n; k++) {
    if (version[k] % 2 === 0) cluster += 1;
    assignment[order[k]] = cluster;
  }
  return assignment;
}

const before = (a, b) => a.cost < b.cost || (a.cost === b.cost && a.left < b.left);

function push(heap, item) {
  let at = heap.push(item) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(item, heap[parent])) break;
    heap[at] = heap[parent];
    at = parent;
  }
  heap[at] = item;
}

function pop(heap) {
  const [top] = heap;
  const item = heap.pop();
  if (heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child += 1;
    if (!before(heap[child], item)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = item;
  return top;
}
