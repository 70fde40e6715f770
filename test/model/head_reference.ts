/**
 * Heads in float64, written plainly and independently of the native code: one example at a time, every op from its
 * definition, and gradients by central differences.
 */
import type { HeadOp } from '../../lib/model/index.ts';
import { generator } from './cases.ts';

export interface HeadCase {
  dense: number;
  vectors: number;
  dim: number;
  head: HeadOp[];
}

/** The logit of one example. `parameters`: all, those of the ops in their order. */
export function logitOf(
  shape: HeadCase,
  parameters: ArrayLike<number>,
  dense: ArrayLike<number>,
  embeddings: ArrayLike<number>,
): number {
  let at = 0;
  const take = () => parameters[at++]!;
  const row = Array.from(dense);
  const vectors = Array.from({ length: shape.vectors }, (_, v) =>
    Array.from({ length: shape.dim }, (_, d) => embeddings[v * shape.dim + d]!),
  );
  // Every value is a list of vectors.
  const made = new Map<string, number[][]>([
    ['dense', [row]],
    ['vectors', vectors],
  ]);
  const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const pairs = (all: number[][]) => all.flatMap((a, i) => all.slice(0, i).map((b) => dot(a, b)));
  const sum = (values: number[]) => values.reduce((total, x) => total + x, 0);
  let logit = 0;
  for (const op of shape.head) {
    const inputs = 'from' in op ? [op.from].flat().map((name) => made.get(name)!) : [];
    const flat = inputs.flat(2);
    const compute = (): number[][] => {
      switch (op.op) {
        case 'linear': {
          const weights = flat.map(() => Array.from({ length: op.outputs }, take));
          const bias = Array.from({ length: op.outputs }, take);
          return [bias.map((b, o) => flat.reduce((total, x, i) => total + x * weights[i]![o]!, b))];
        }
        case 'relu':
          return inputs[0]!.map((vector) => vector.map((x) => Math.max(0, x)));
        case 'constant':
          return [Array.from({ length: op.outputs }, take)];
        case 'columns':
          return vectors.map((vector) => vector.slice(op.first, op.first + op.count));
        case 'concat':
          return [flat];
        case 'dots':
          return [pairs(inputs.length === 2 ? [inputs[0]!.flat(), ...inputs[1]!] : inputs[0]!)];
        case 'fm':
          return [[sum(pairs(inputs[0]!))]];
        case 'sum':
          return [[sum(flat)]];
        case 'loss':
          logit = flat[0]!;
          return [];
      }
    };
    made.set(op.name, compute());
  }
  return logit;
}

export interface Batch {
  dense: ArrayLike<number>;
  embeddings: ArrayLike<number>;
  labels: ArrayLike<number>;
}

/** The mean loss of a batch. */
export function lossOf(shape: HeadCase, parameters: ArrayLike<number>, { dense, embeddings, labels }: Batch): number {
  const width = shape.vectors * shape.dim;
  let loss = 0;
  for (let r = 0; r < labels.length; r++) {
    const logit = logitOf(
      shape,
      parameters,
      Array.from({ length: shape.dense }, (_, i) => dense[r * shape.dense + i]!),
      Array.from({ length: width }, (_, i) => embeddings[r * width + i]!),
    );
    loss += Math.max(logit, 0) - logit * labels[r]! + Math.log1p(Math.exp(-Math.abs(logit)));
  }
  return loss / labels.length;
}

/** The derivatives of `f` by central differences. */
export function derivatives(f: (x: Float64Array) => number, at: ArrayLike<number>): Float64Array {
  const x = Float64Array.from(at);
  return x.map((value, i) => {
    const h = 1e-5 * Math.max(1, Math.abs(value));
    x[i] = value + h;
    const up = f(x);
    x[i] = value - h;
    const down = f(x);
    x[i] = value;
    return (up - down) / (2 * h);
  });
}

/** A head of ops that read whatever there is, in a random order; all of them end in the logit. */
export function randomHead(seed: number): HeadCase {
  const random = generator(seed);
  const below = (n: number) => Math.floor(random() * n);
  const oneOf = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const dense = below(4);
  const vectors = 1 + below(4);
  const dim = 1 + below(5);
  const head: HeadOp[] = [];
  /** What may be read: its vectors and their width. */
  const known = new Map<string, [number, number]>();
  const unread = new Set<string>();
  const read = (name: string) => {
    unread.delete(name);
    return name;
  };
  const add = (op: HeadOp, vectorCount: number, width: number) => {
    head.push(op);
    known.set(op.name, [vectorCount, width]);
    unread.add(op.name);
  };
  if (dense > 0) known.set('dense', [1, dense]);
  if (dense > 0) unread.add('dense');
  if (dim > 1 && random() < 0.4) {
    const first = 1 + below(dim - 1);
    add({ op: 'columns', name: 'left', from: 'vectors', first: 0, count: first }, vectors, first);
    add({ op: 'columns', name: 'right', from: 'vectors', first, count: dim - first }, vectors, dim - first);
  } else {
    known.set('vectors', [vectors, dim]);
    unread.add('vectors');
  }
  const size = (name: string) => known.get(name)![0] * known.get(name)![1];
  for (let n = 0; n < 3 + below(7); n++) {
    const name = `op${n}`;
    const from = oneOf([...known.keys()]);
    const [count, width] = known.get(from)!;
    const kind = oneOf([
      'linear',
      'linear',
      'relu',
      'relu',
      'constant',
      'concat',
      'concat',
      'dots',
      'fm',
      'sum',
    ] as const);
    if (kind === 'linear') {
      const outputs = oneOf([1, 2, dim, 9]);
      add({ op: kind, name, from: read(from), outputs }, 1, outputs);
    } else if (kind === 'relu') add({ op: kind, name, from: read(from) }, count, width);
    else if (kind === 'constant') add({ op: kind, name, outputs: dim }, 1, dim);
    else if (kind === 'concat' || kind === 'sum') {
      const names = Array.from({ length: 1 + below(3) }, () => oneOf([...known.keys()]));
      const total = names.reduce((sum, input) => sum + size(read(input)), 0);
      add({ op: kind, name, from: names }, 1, kind === 'sum' ? 1 : total);
    } else if (kind === 'fm') add({ op: kind, name, from: read(from) }, 1, 1);
    else {
      const first = oneOf([...known.keys()].filter((other) => size(other) === width));
      if (first !== undefined && random() < 0.7) {
        add({ op: kind, name, from: [read(first), read(from)] }, 1, (count * (count + 1)) / 2);
      } else if (count > 1) add({ op: kind, name, from: read(from) }, 1, (count * (count - 1)) / 2);
    }
  }
  const last = [...unread];
  if (random() < 0.5) {
    head.push({ op: 'sum', name: 'logit', from: last });
  } else {
    head.push({ op: 'concat', name: 'all', from: last }, { op: 'linear', name: 'logit', from: 'all', outputs: 1 });
  }
  head.push({ op: 'loss', name: 'loss', from: 'logit' });
  return { dense, vectors, dim, head };
}
