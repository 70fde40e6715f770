/** Heads: what a model does with an example's dense inputs and embedding vectors, as a list of ops that is plain data. */

/** Where an op reads: the name of an earlier op, `dense` (the dense inputs) or `vectors` (the embedding vectors). */
export type HeadInput = string;

/**
 * An op of a head. Shapes are those of one example; `size` is vectors times width.
 *
 * - `linear`: [size] -> [outputs], x W + b, with the tensors `NAME.weight` [size, outputs] and `NAME.bias` [outputs]
 * - `relu`: max(0, x), of the same shape; behind a `linear` that nothing else reads it costs nothing
 * - `constant`: [outputs], learned and the same for all examples, with the tensor `NAME`
 * - `columns`: columns `first` to `first + count - 1` of every embedding vector, [vectors, count]. A head takes all of
 *   `vectors` at once, or every column of them in one op
 * - `concat`: its inputs side by side, [sum of sizes]
 * - `dots`: the dots of all pairs of vectors, [n (n - 1) / 2]; dot (i, j), i > j, is at i (i - 1) / 2 + j. `from` names
 *   the vectors, or first a vector of the same width, which is number 0, and then the vectors
 * - `fm`: the sum of the dots of all pairs of vectors, [1]: the second order term of a factorization machine (Rendle 2010)
 * - `sum`: the sum of all that is in its inputs, [1]
 * - `loss`: binary cross-entropy of a logit, [1] -> nothing; the last op
 */
export type HeadOp =
  | { op: 'linear'; name: string; from: HeadInput; outputs: number }
  | { op: 'relu'; name: string; from: HeadInput }
  | { op: 'constant'; name: string; outputs: number }
  | { op: 'columns'; name: string; from: 'vectors'; first: number; count: number }
  | { op: 'concat'; name: string; from: readonly HeadInput[] }
  | { op: 'dots'; name: string; from: HeadInput | readonly [first: HeadInput, vectors: HeadInput] }
  | { op: 'fm'; name: string; from: HeadInput }
  | { op: 'sum'; name: string; from: readonly HeadInput[] }
  | { op: 'loss'; name: string; from: HeadInput };

/** What a head is made for. */
export interface HeadShape {
  /** Dense inputs per example; without any, no op may read `dense`. */
  dense: number;
  /** Embedding vectors per example. */
  vectors: number;
  /** Width of each. */
  dim: number;
  /** Only for heads that take them: hidden widths of layers on the dense inputs, and of those that end in the logit. */
  bottomHidden?: readonly number[];
  topHidden?: readonly number[];
}

/** A kind of head by its name, as `model.kind` of a config and `head` of `trainStudent` give it. */
export interface Head {
  readonly name: string;
  /** Which widths it takes. */
  readonly takes: readonly ('bottomHidden' | 'topHidden')[];
  /** @throws CollideError for a shape that it cannot be made for */
  ops(shape: HeadShape): HeadOp[];
}
