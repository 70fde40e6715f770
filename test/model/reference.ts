/**
 * The dense net in float64, written plainly and independently of the native code: one example at a time, one loop per
 * sum, no blocking. Parameters and gradients are one array each, in the order that DenseNet documents.
 */
import type { DenseOptimizer } from '../../lib/model/index.ts';

export interface Shape {
  dense: number;
  vectors: number;
  dim: number;
  bottom: number[];
  top: number[];
}

export interface Tensor {
  name: string;
  start: number;
  length: number;
}

interface ReferenceLayer {
  inputs: number;
  outputs: number;
  weight: number; // start of [inputs, outputs]
  bias: number; // start of [outputs]
}

interface Layout {
  bottom: ReferenceLayer[];
  top: ReferenceLayer[];
  tensors: Tensor[];
  length: number;
}

export function layoutOf(shape: Shape): Layout {
  const tensors: Tensor[] = [];
  let length = 0;
  const tensor = (name: string, size: number) => {
    tensors.push({ name, start: length, length: size });
    length += size;
    return length - size;
  };
  const layers = (name: string, inputs: number, widths: number[]) =>
    widths.map((outputs, l) => {
      const weight = tensor(`${name}.${l}.weight`, inputs * outputs);
      const layer = { inputs, outputs, weight, bias: tensor(`${name}.${l}.bias`, outputs) };
      inputs = outputs;
      return layer;
    });
  if (shape.dense === 0) tensor('constant', shape.dim);
  const bottom = layers('bottom', shape.dense, shape.bottom);
  const top = layers('top', shape.dim + (shape.vectors * (shape.vectors + 1)) / 2, shape.top);
  return { bottom, top, tensors, length };
}

export interface Pass {
  loss: number;
  logits: Float64Array;
  parameterGradient: Float64Array;
  embeddingGradient: Float64Array;
}

/** Forward, mean loss and every gradient of a batch. */
export function pass(
  shape: Shape,
  parameters: ArrayLike<number>,
  dense: ArrayLike<number>,
  embeddings: ArrayLike<number>,
  labels: ArrayLike<number>,
): Pass {
  const { vectors, dim } = shape;
  const { bottom, top, length } = layoutOf(shape);
  const batch = labels.length;
  const logits = new Float64Array(batch);
  const parameterGradient = new Float64Array(length);
  const embeddingGradient = new Float64Array(embeddings.length);
  let loss = 0;

  for (let r = 0; r < batch; r++) {
    // Forward. activations[l] is the input of layer l; the last is the stack's output.
    const run = (layers: ReferenceLayer[], input: number[], linearLast: boolean) => {
      const activations = [input];
      for (const [l, layer] of layers.entries()) {
        const output: number[] = [];
        for (let o = 0; o < layer.outputs; o++) {
          let sum = parameters[layer.bias + o]!;
          for (let i = 0; i < layer.inputs; i++) {
            sum += activations[l]![i]! * parameters[layer.weight + i * layer.outputs + o]!;
          }
          output.push(linearLast && l === layers.length - 1 ? sum : Math.max(0, sum));
        }
        activations.push(output);
      }
      return activations;
    };
    const inputs = Array.from({ length: shape.dense }, (_, i) => dense[r * shape.dense + i]!);
    const below = run(bottom, inputs, false);
    const x: number[][] = [
      shape.dense > 0 ? below.at(-1)! : Array.from({ length: dim }, (_, d) => parameters[d]!),
      ...Array.from({ length: vectors }, (_, v) =>
        Array.from({ length: dim }, (_, d) => embeddings[(r * vectors + v) * dim + d]!),
      ),
    ];
    const z = [...x[0]!];
    for (let i = 0; i <= vectors; i++) {
      for (let j = 0; j < i; j++) z.push(x[i]!.reduce((sum, value, d) => sum + value * x[j]![d]!, 0));
    }
    const above = run(top, z, true);
    const logit = above.at(-1)![0]!;
    logits[r] = logit;
    const label = labels[r]!;
    loss += (Math.max(logit, 0) - logit * label + Math.log1p(Math.exp(-Math.abs(logit)))) / batch;

    // Backward. Returns d loss / d input of the stack, from that of its last layer before its activation.
    const back = (layers: ReferenceLayer[], activations: number[][], gradient: number[]) => {
      for (let l = layers.length - 1; l >= 0; l--) {
        const layer = layers[l]!;
        const input = activations[l]!;
        const next: number[] = [];
        for (let i = 0; i < layer.inputs; i++) {
          let sum = 0;
          for (let o = 0; o < layer.outputs; o++) {
            parameterGradient[layer.weight + i * layer.outputs + o]! += input[i]! * gradient[o]!;
            sum += parameters[layer.weight + i * layer.outputs + o]! * gradient[o]!;
          }
          next.push(l > 0 && input[i]! <= 0 ? 0 : sum);
        }
        for (let o = 0; o < layer.outputs; o++) parameterGradient[layer.bias + o]! += gradient[o]!;
        gradient = next;
      }
      return gradient;
    };
    const sigmoid = logit >= 0 ? 1 / (1 + Math.exp(-logit)) : Math.exp(logit) / (1 + Math.exp(logit));
    const dz = back(top, above, [(sigmoid - label) / batch]);
    const dx = x.map((vector, i) => vector.map((_, d) => (i === 0 ? dz[d]! : 0)));
    let at = dim;
    for (let i = 0; i <= vectors; i++) {
      for (let j = 0; j < i; j++, at++) {
        for (let d = 0; d < dim; d++) {
          dx[i]![d]! += dz[at]! * x[j]![d]!;
          dx[j]![d]! += dz[at]! * x[i]![d]!;
        }
      }
    }
    for (let v = 0; v < vectors; v++) {
      for (let d = 0; d < dim; d++) embeddingGradient[(r * vectors + v) * dim + d] = dx[v + 1]![d]!;
    }
    if (shape.dense > 0) {
      const output = below.at(-1)!;
      const masked = dx[0]!.map((value, d) => (output[d]! > 0 ? value : 0));
      back(bottom, below, masked);
    } else {
      for (let d = 0; d < dim; d++) parameterGradient[d]! += dx[0]![d]!;
    }
  }
  return { loss, logits, parameterGradient, embeddingGradient };
}

export interface ReferenceOptimizer {
  kind: DenseOptimizer['kind'];
  learningRate: number;
  epsilon: number;
  beta1: number;
  beta2: number;
  weightDecay: number;
}

/** One optimizer over its own float64 state. */
export class Stepper {
  #first: Float64Array;
  #second: Float64Array;
  #steps = 0;

  constructor(
    readonly optimizer: ReferenceOptimizer,
    readonly tensors: Tensor[],
    length: number,
    /** Bound of LAMB's trust ratio. */
    readonly mostTrust = 10,
    /** Applied to what LAMB keeps and multiplies: `Math.fround` for the range of float32. */
    readonly round: (value: number) => number = (value) => value,
  ) {
    this.#first = new Float64Array(length);
    this.#second = new Float64Array(length);
  }

  step(parameters: Float64Array, gradient: Float64Array): void {
    const { kind, learningRate, epsilon, beta1, beta2, weightDecay } = this.optimizer;
    const { round } = this;
    const m = this.#first;
    const v = this.#second;
    this.#steps++;
    for (const { start, length } of this.tensors) {
      const update = new Float64Array(length);
      for (let k = 0; k < length; k++) {
        const i = start + k;
        const g = gradient[i]!;
        if (kind === 'sgd') {
          update[k] = g;
        } else if (kind === 'adagrad') {
          v[i]! += g * g;
          update[k] = g / (Math.sqrt(v[i]!) + epsilon);
        } else {
          m[i] = round(beta1 * m[i]! + (1 - beta1) * g);
          v[i] = round(beta2 * v[i]! + (1 - beta2) * g * g);
          const mean = m[i]! / (1 - beta1 ** this.#steps);
          const square = v[i]! / (1 - beta2 ** this.#steps);
          update[k] = round(mean / (Math.sqrt(square) + epsilon) + weightDecay * parameters[i]!);
        }
      }
      let trust = 1;
      if (kind === 'lamb') {
        const weightNorm = norm(parameters.subarray(start, start + length));
        const updateNorm = norm(update);
        if (weightNorm > 0 && updateNorm > 0) trust = Math.min(this.mostTrust, weightNorm / updateNorm);
      }
      const scale = round(learningRate * trust);
      for (let k = 0; k < length; k++) parameters[start + k]! -= scale * update[k]!;
    }
  }
}

/** Euclidean. */
export function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return Math.sqrt(sum);
}

/** |a - b| / |b| in the Euclidean norm; |a| where b is all zeros. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += (a[i]! - b[i]!) ** 2;
  const size = norm(b);
  return Math.sqrt(sum) / (size > 0 ? size : 1);
}
