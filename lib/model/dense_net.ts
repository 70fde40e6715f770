/** The dense half of DLRM: bottom layers, pairwise dots, top layers, one logit; trained in one native call per batch. */
import { chooseDevice, type Device, makeOn, type PlacedOn } from '../device.ts';
import { CollideError, checkInteger, checkNumber, checkOptions, checkSeed, describe } from '../errors.ts';
import { type NativeDenseConfig, type NativeDenseNet, native } from '../native.ts';
import { optionNames } from '../option_names.ts';
import { type DenseOptimizer, nativeDenseOptimizer } from './optimizers/index.ts';
import { MOST_RATE } from './optimizers/optimizer.ts';

export interface DenseNetOptions {
  /** Dense inputs per example, at most 65,536. Default 0: none; a learned constant vector stands in for the bottom layers. */
  dense?: number;
  /** Embedding vectors per example, 1 to 1,024. */
  vectors: number;
  /** Width of each vector, 1 to 1,024. */
  dim: number;
  /** Widths of the bottom layers, all ReLU, the last equal to `dim`. Default [64, dim]; without dense inputs []. */
  bottom?: readonly number[];
  /** Widths of the top layers: ReLU, but the last, which is linear and 1 wide. Default [64, 1]. */
  top?: readonly number[];
  /** Default LAMB. */
  optimizer?: DenseOptimizer;
  /** Initial values depend on it and the shapes alone. Default 1. */
  seed?: number | bigint;
  /**
   * Where the net lives and works. Default `cpu`. On `cuda` parameters, activations and optimizer state stay on the
   * device; sums are ordered otherwise than on the CPU, so results agree to float32 precision and not bit for bit.
   */
  device?: Device;
  /** Threads per call on the CPU; default (0) all that the process may use. The results do not depend on it. */
  threads?: number;
}

/** Where a parameter tensor is in `parameters()`: row-major from `start` on. */
export interface DenseTensor {
  /** `bottom.0.weight`, `bottom.0.bias`, ..., or `constant` without dense inputs; then `top.0.weight`, ... */
  name: string;
  /** A weight is [inputs, outputs], a bias [outputs]. */
  shape: number[];
  start: number;
  length: number;
}

const OPTIONS = optionNames<DenseNetOptions>({
  dense: true,
  vectors: true,
  dim: true,
  bottom: true,
  top: true,
  optimizer: true,
  seed: true,
  device: true,
  threads: true,
});

/** What nets take at most; a config is held to it before data are read. */
export const MOST_DIM = 1024;
export const MOST_VECTORS = 1024;
export const MOST_WIDTH = 65_536;
export const MOST_LAYERS = 32;
/** Steps without a gradient after which a tensor is told of. */
const IDLE_STEPS = 500;

/**
 * x0 = bottom layers of the dense inputs; z = concat(x0, x_i . x_j for 0 <= j < i <= vectors) with the example's embedding
 * vectors x_1, x_2, ...; logit = top layers of z; loss = binary cross-entropy, the mean over the batch (the model of
 * "Learning to Collide", section 5: DLRM, Naumov et al. 2019). Arrays are row-major, one row per example.
 *
 * Weights start as N(0, sqrt(2 / (inputs + outputs))), biases and the constant vector as N(0, sqrt(1 / outputs)), as in
 * DLRM's reference code; where a ReLU layer, a narrow one, would pass nothing on for some inputs of either sign, and so
 * never learn, signs of its units are turned. The bits of every result depend on the seed, the calls and the device, not on the number of
 * threads.
 *
 * @example
 * ```ts
 * using net = new DenseNet({ dense: 2, vectors: 8, dim: 16 });
 * const gradient = new Float32Array(batch * 8 * 16);
 * const loss = net.step(dense, embeddings, labels, gradient); // one optimizer step
 * const logits = new Float32Array(batch);
 * net.predict(dense, embeddings, logits);
 * ```
 */
export class DenseNet {
  /** Where the net lives and works. */
  readonly device: PlacedOn;
  readonly #config: NativeDenseConfig;
  readonly #native: NativeDenseNet;
  #steps = 0;

  /**
   * @throws CollideError INVALID_ARGUMENT or UNKNOWN_OPTION naming the option, OUT_OF_MEMORY, NATIVE_MISSING;
   *   on a CUDA device also CUDA_UNAVAILABLE and, here and in every method, CUDA_FAILED naming the operation
   */
  constructor(options: DenseNetOptions) {
    const config = completeOptions(options);
    const { DenseNet: Native } = native();
    [this.#native, this.device] = makeOn(
      options.device ?? 'cpu',
      config.device,
      (device) => new Native({ ...config, device }),
    );
    this.#config = { ...config, device: this.device };
  }

  /**
   * One training step: forward, loss, backward and optimizer.
   *
   * @param dense [batch, dense inputs]; empty without dense inputs
   * @param embeddings [batch, vectors * dim]
   * @param labels [batch], each 0 or 1
   * @param gradient receives d loss / d embeddings, [batch, vectors * dim]
   * @returns the batch's mean loss in nats, before the step
   * A tensor that had no gradient for 500 steps is told of in a process warning (code `COLLIDE_IDLE_TENSOR`), each name
   * once.
   *
   * @throws CollideError INVALID_ARGUMENT (wrong type or length, an empty batch, a gradient that shares memory with an
   *   input, a NaN or an infinity in dense or embeddings, whose position it names), INVALID_LABEL (names the position),
   *   DIVERGED when the loss, a gradient, or a parameter or a part of the state after the step would not be finite,
   *   CLOSED; parameters and state are then as before
   */
  step(dense: Float32Array, embeddings: Float32Array, labels: Float32Array, gradient: Float32Array): number {
    const loss = this.#native.step(dense, embeddings, labels, gradient);
    if (!Number.isFinite(loss)) {
      checkFinite(dense, 'dense');
      checkFinite(embeddings, 'embeddings');
    }
    return this.counted(loss);
  }

  /** @internal Counts a step by its loss, and returns it. @throws CollideError DIVERGED when it is not finite */
  counted(loss: number): number {
    if (!Number.isFinite(loss)) {
      throw new CollideError(
        'DIVERGED',
        `Expected a finite loss, received ${loss} after ${this.#steps} steps: the loss of the next step, its gradients or what it would leave is not finite, so it was not taken. A lower learning rate may help (now ${this.#config.optimizer.learningRate} for the dense net); so may inputs without NaN, infinities and huge numbers`,
      );
    }
    this.#steps++;
    if (this.#steps % IDLE_STEPS === 0) this.#tellIdle();
    return loss;
  }

  /** What has no gradient any more is stuck for good, and looks like a model that learns from its other inputs. */
  #tellIdle(): void {
    const idle = this.#native.readIdle();
    const names = this.tensors().flatMap(({ name }, t) =>
      idle[t]! >= IDLE_STEPS && !toldIdle.has(name) ? [name] : [],
    );
    if (names.length === 0) return;
    for (const name of names) toldIdle.add(name);
    const constant = names.includes('bottom.0.weight')
      ? '; or all dense columns are constant, and can be left out'
      : '';
    process.emitWarning(
      `${names.join(', ')} of a dense net had no gradient for ${IDLE_STEPS} steps and did not learn. A layer there or above may be dead (all units of a ReLU layer at 0 for every input), which a lower learning rate or wider layers avoid${constant}`,
      { type: 'CollideWarning', code: 'COLLIDE_IDLE_TENSOR' },
    );
  }

  /**
   * Writes the logits of a batch, [batch]; a probability is 1 / (1 + exp(-logit)). Shapes as in `step`.
   *
   * @throws CollideError INVALID_ARGUMENT (wrong type or length, shared memory) or CLOSED
   */
  predict(dense: Float32Array, embeddings: Float32Array, logits: Float32Array): void {
    this.#native.predict(dense, embeddings, logits);
  }

  get learningRate(): number {
    return this.#config.optimizer.learningRate;
  }

  /** For the steps to come. @throws CollideError INVALID_ARGUMENT or CLOSED */
  setLearningRate(rate: number): void {
    this.#native.setLearningRate(checkNumber(rate, 0, MOST_RATE, 'learningRate'));
    this.#config.optimizer.learningRate = rate;
  }

  /** Number of trained values. */
  get parameterCount(): number {
    return tensorsOf(this.#config).reduce((sum, { length }) => sum + length, 0);
  }

  /** The parameter tensors, in the order in which `parameters()` holds them. */
  tensors(): DenseTensor[] {
    return tensorsOf(this.#config);
  }

  /** A copy of all parameters; see `tensors()`. @throws CollideError CLOSED */
  parameters(): Float32Array {
    return this.#native.readParameters();
  }

  /** @throws CollideError INVALID_ARGUMENT (wrong length, a value that is not finite) or CLOSED; nothing has changed then */
  setParameters(values: Float32Array): void {
    this.#native.writeParameters(values);
  }

  /**
   * A copy of the optimizer's state, which its kind describes; empty for SGD. With `parameters()` it is all that training
   * goes on from.
   *
   * @throws CollideError CLOSED
   */
  state(): Float32Array {
    return this.#native.readState();
  }

  /** @throws CollideError INVALID_ARGUMENT (wrong length, a value that cannot be) or CLOSED; nothing has changed then */
  setState(values: Float32Array): void {
    this.#native.writeState(values);
  }

  /** A net of the same parameters that `step` leaves as they are: for losses and gradients alone. @throws CollideError CLOSED */
  frozen(): DenseNet {
    const twin = new DenseNet({ ...this.#config, optimizer: { kind: 'sgd', learningRate: 0 } });
    twin.setParameters(this.parameters());
    return twin;
  }

  /** Bytes of the parameters and of the optimizer's state. */
  memory(): { parameters: number; optimizer: number } {
    return { parameters: 4 * this.parameterCount, optimizer: 4 * this.#native.stateCount() };
  }

  /** @internal The native net, for a model whose steps are native as a whole. */
  get native(): NativeDenseNet {
    return this.#native;
  }

  /** Frees the native memory. Later use throws CLOSED; closing again does nothing. */
  close(): void {
    this.#native.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function completeOptions(options: DenseNetOptions): NativeDenseConfig {
  checkOptions(options, OPTIONS, 'DenseNet');
  const dense = checkInteger(options.dense ?? 0, 0, MOST_WIDTH, 'dense');
  const vectors = checkInteger(options.vectors, 1, MOST_VECTORS, 'vectors');
  const dim = checkInteger(options.dim, 1, MOST_DIM, 'dim');
  const bottom = widths(options.bottom ?? (dense > 0 ? [64, dim] : []), 'bottom');
  const top = widths(options.top ?? [64, 1], 'top');
  if (dense === 0 && bottom.length > 0) {
    throw invalid(`Expected no bottom layers without dense inputs, received ${bottom.length}`);
  }
  if (dense > 0 && bottom.at(-1) !== dim) {
    throw invalid(`Expected bottom layers whose last is dim = ${dim} wide, received [${bottom.join(', ')}]`);
  }
  if (top.at(-1) !== 1) throw invalid(`Expected top layers whose last is 1 wide, received [${top.join(', ')}]`);
  return {
    device: chooseDevice(options.device ?? 'cpu', 'DenseNet'),
    dense,
    vectors,
    dim,
    bottom,
    top,
    optimizer: nativeDenseOptimizer(options.optimizer ?? { kind: 'lamb' }),
    seed: checkSeed(options.seed ?? 1, 'seed'),
    threads: checkInteger(options.threads ?? 0, 0, 1024, 'threads (0: all)'),
  };
}

function widths(value: readonly number[], where: string): number[] {
  if (!Array.isArray(value) || value.length > MOST_LAYERS) {
    throw invalid(`Expected an array of at most ${MOST_LAYERS} widths for ${where}, received ${describe(value)}`);
  }
  return value.map((width, layer) => checkInteger(width, 1, MOST_WIDTH, `${where}[${layer}]`));
}

/** Names of the tensors that were told of. */
const toldIdle = new Set<string>();

function checkFinite(values: Float32Array, name: string): void {
  const position = values.findIndex((value) => !Number.isFinite(value));
  if (position >= 0) throw invalid(`Expected a finite number for ${name}[${position}], received ${values[position]}`);
}

/** The order of the native parameters: see native/cpu/dense/net.h. */
function tensorsOf({ dense, vectors, dim, bottom, top }: NativeDenseConfig): DenseTensor[] {
  const tensors: DenseTensor[] = [];
  let start = 0;
  const add = (name: string, shape: number[]) => {
    const length = shape.reduce((product, size) => product * size, 1);
    tensors.push({ name, shape, start, length });
    start += length;
  };
  const layers = (name: string, inputs: number, outputs: readonly number[]) => {
    for (const [layer, width] of outputs.entries()) {
      add(`${name}.${layer}.weight`, [inputs, width]);
      add(`${name}.${layer}.bias`, [width]);
      inputs = width;
    }
  };
  if (dense === 0) add('constant', [dim]);
  layers('bottom', dense, bottom);
  layers('top', dim + (vectors * (vectors + 1)) / 2, top);
  return tensors;
}

function invalid(message: string): CollideError {
  return new CollideError('INVALID_ARGUMENT', message);
}
