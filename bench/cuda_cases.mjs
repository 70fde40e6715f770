// What bench/cuda_roofline.mjs counts. A case is { operation, shape, kernels, rowLoads?, minimum, target?, run }: run()
// does the work once with `device: 'cuda'`; kernels: which of its kernels count, by their names; rowLoads: the
// instructions that move rows; minimum: bytes that any implementation must move; target: bytes / minimum. Memory gives no
// less than 32 bytes, so that much is counted of what lies by itself. `without`, when there: work to take off what run()
// counts, such as the preparation before a round; bags: what an estimate for another batch is scaled by.
import { equalMassBins, kMeans, learnKdTree } from '../dist/clustering/index.js';
import { agglomerate, EmbeddingTables } from '../dist/index.js';

const TABLES = 4;
const CARDINALITY = 20_000;
const SECTOR = 32;

/** Whole numbers below n, the same ones every time. */
function numbers(seed) {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

function batchOf(batch, pooling) {
  const below = numbers(batch * 131 + pooling);
  const ids = TABLES * batch * pooling;
  return {
    indices: Uint32Array.from({ length: ids }, () => below(CARDINALITY)),
    offsets: Uint32Array.from({ length: TABLES * batch + 1 }, (_, bag) => bag * pooling),
  };
}

function tablesOf(width, hash) {
  const features = Array.from({ length: TABLES }, (_, t) => ({
    name: `feature ${t}`,
    cardinality: CARDINALITY,
    dim: width,
    hashes: [hash(t)],
  }));
  return new EmbeddingTables({ features, device: 'cuda' });
}

const learned = (t) => {
  const below = numbers(t + 7);
  const rows = CARDINALITY / 10;
  return { kind: 'table', rows, entries: Uint16Array.from({ length: CARDINALITY }, () => below(rows)) };
};

const identity = () => ({ kind: 'identity' });
const shapeOf = (width, pooling, batch) => `width ${width}, ${pooling} ids per bag, batch ${batch}`;

/** Rows once per id (repeats within a batch are not taken off), ids, mapping entries, offsets; outputs. */
function forward(operation, hash, width, pooling, batch) {
  const bags = TABLES * batch;
  const ids = bags * pooling;
  const mappingBytes = hash === learned ? SECTOR : 0;
  return {
    operation,
    shape: shapeOf(width, pooling, batch),
    kernels: /\blookup\b/,
    rowLoads: /^ld\.global\.nc\.v[48]\.f32/,
    minimum: ids * (width * 4 + 4 + mappingBytes) + bags * (width * 4 + 4),
    target: 1.15,
    bags,
    run() {
      const tables = tablesOf(width, hash);
      tables.lookup(batchOf(batch, pooling));
      tables.close();
    },
  };
}

/**
 * Rowwise Adagrad. Every distinct row and its state read and written once, states by the sector; a bag's gradient once per
 * id, as the rows that need it lie far apart, ids, mapping entries, offsets. Nothing for finding out which ids share a row.
 */
function backward(operation, hash, width, pooling, batch) {
  const bags = TABLES * batch;
  const { indices, offsets } = batchOf(batch, pooling);
  let rowBytes = 0;
  for (let t = 0; t < TABLES; t++) {
    const ids = indices.subarray(offsets[t * batch], offsets[(t + 1) * batch]);
    const { entries } = hash(t);
    const rows = new Set(entries === undefined ? ids : [...ids].map((id) => entries[id]));
    const sectors = new Set([...rows].map((row) => Math.floor((row * 4) / SECTOR)));
    rowBytes += 2 * (rows.size * width * 4 + sectors.size * SECTOR);
  }
  const mappingBytes = hash === learned ? SECTOR : 0;
  return {
    operation,
    shape: shapeOf(width, pooling, batch),
    kernels: /\b(expand|step_runs|sum_pieces|step_long_runs)\b|RadixSort/,
    rowLoads: /^(ld\.global|ld\.global\.nc|st\.global)\.v[48]\.f32/,
    minimum: rowBytes + indices.length * (width * 4 + 4 + mappingBytes) + bags * 4,
    target: 1.5,
    bags,
    run() {
      const tables = tablesOf(width, hash);
      const pooled = tables.forward({ indices, offsets });
      tables.backward(pooled.fill(0.1));
      tables.close();
    },
  };
}

function round(ids, mergeShare) {
  const below = numbers(ids);
  const values = Float64Array.from({ length: ids }, () => below(2 ** 31));
  const counts = Uint32Array.from({ length: ids }, () => below(1000));
  const merges = Math.floor(ids * mergeShare);
  const cluster = (rows) => agglomerate(values, counts, { rows, mergesPerRound: merges, device: 'cuda' });
  return {
    operation: 'agglomerative round',
    shape: `${ids} clusters, ${merges} merges`,
    kernels: /./,
    // Every cluster's value, count and size read once and written once.
    minimum: ids * 40,
    run: () => cluster(ids - merges),
    without: () => cluster(ids),
  };
}

function bins(ids) {
  const below = numbers(ids + 1);
  const keys = Float64Array.from({ length: ids }, () => below(2 ** 31));
  const counts = Uint32Array.from({ length: ids }, () => below(1000));
  return {
    operation: 'equal-mass bins',
    shape: `${ids} ids to ${ids / 10} rows`,
    kernels: /./,
    minimum: ids * (8 + 8 + 4), // key and mass read once, row written once
    run: () => equalMassBins(keys, counts, ids / 10, { device: 'cuda' }),
  };
}

function teacherOf(ids, dim) {
  const below = numbers(ids + dim);
  return {
    points: Float32Array.from({ length: ids * dim }, () => below(2 ** 24) / 2 ** 24),
    counts: Uint32Array.from({ length: ids }, () => below(1000)),
  };
}

function level(ids, dim) {
  const { points, counts } = teacherOf(ids, dim);
  const halve = (rows) => learnKdTree(points, dim, counts, rows, { device: 'cuda' });
  return {
    operation: 'kd-tree level',
    shape: `${ids} ids of width ${dim}`,
    kernels: /./,
    // Every id's values, mass and number, and its place in the order of each further axis, read once and written once.
    minimum: ids * 2 * (4 * dim + 8 + 4 + 4 * (dim - 1)),
    run: () => halve(2),
    without: () => halve(1),
  };
}

/** The first round, in which every centroid has moved, from the kd-tree. */
function iteration(ids, dim, rows) {
  const { points, counts } = teacherOf(ids, dim);
  const learn = (iterations) => kMeans(points, dim, counts, { rows, iterations, device: 'cuda' });
  return {
    operation: 'k-means round',
    shape: `${ids} ids of width ${dim} to ${rows} rows`,
    kernels: /./,
    // Every id's values, weight and cluster read once, its cluster written; every centroid read and written.
    minimum: ids * (4 * dim + 8 + 4 + 4) + rows * dim * 16,
    run: () => learn(1),
    without: () => learn(0),
  };
}

// Width, ids per bag, batch. One id per bag in a batch of 8,192 has as many entries to sort as take several passes. Wide
// rows differ least and take longest, so not in large batches.
const SHAPES = [
  ...[16, 64, 128].flatMap((width) => [1, 20].map((pooling) => [width, pooling, 128])),
  ...[16, 64].flatMap((width) => [
    [width, 1, 8192],
    [width, 20, 1024],
  ]),
];

/**
 * @typedef {object} Case
 * @property {string} operation
 * @property {string} shape
 * @property {RegExp} kernels
 * @property {RegExp} [rowLoads]
 * @property {number} minimum
 * @property {number} [target]
 * @property {number} [bags]
 * @property {() => unknown} run
 * @property {() => unknown} [without]
 */

/** @type {Case[]} */
export const cases = [
  ...SHAPES.flatMap((shape) => [
    forward('forward', identity, ...shape),
    forward('mapped forward', learned, ...shape),
    backward('backward', identity, ...shape),
    backward('mapped backward', learned, ...shape),
  ]),
  round(10_000, 0.01),
  round(100_000, 0.01),
  bins(100_000),
  level(100_000, 2),
  level(100_000, 4),
  iteration(50_000, 2, 5000),
].sort((a, b) => (a.operation < b.operation ? -1 : a.operation > b.operation ? 1 : 0));
