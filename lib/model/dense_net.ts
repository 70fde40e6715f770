/** The dense half of a model: a head on dense inputs and embedding vectors; trained in one native call per batch. */
import { chooseDevice, type Device, makeOn, type PlacedOn } from '../device.ts';
import { CollideError, checkInteger, checkList, checkNumber, checkObject, checkOptions, checkSeed } from '../errors.ts';
import { type NativeDenseConfig, type NativeDenseNet, native } from '../native.ts';
import { optionNames } from '../option_names.ts';
import type { HeadOp } from './head.ts';
import { dlrmOps } from './heads/dlrm.ts';
import { MOST_WIDTH } from './heads/layers.ts';
import { type DenseOptimizer, nativeDenseOptimizer } from './optimizers/index.ts';
import { MOST_RATE } from './optimizers/optimizer.ts';

/** Options of {@link DenseNet}. */
export interface DenseNetOptions {
  /** Dense inputs per example, at most 65,536. Default 0: none; in DLRM a learned constant vector stands in for the bottom layers. */
  dense?: number;
  /** Embedding vectors per example, 1 to 1,024. */
  vectors: number;
  /** Width of each vector, 1 to 1,024. */
  dim: number;
  /** What it computes, as `heads` make it or any other list of ops. Default: DLRM, of the layers that follow. */
  head?: readonly HeadOp[];
  /** DLRM only: widths of the bottom layers, all ReLU, the last equal to `dim`. Default [64, dim]; without dense inputs []. */
  bottom?: readonly number[];
  /** DLRM only: widths of the top layers: ReLU, but the last, which is linear and 1 wide. Default [64, 1]. */
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
  /** Begins with the name of its op. DLRM: `bottom.0.weight`, `bottom.0.bias`, ... or `constant`; `top.0.weight`, ... */
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
  head: true,
  optimizer: true,
  seed: true,
  device: true,
  threads: true,
});

/** What nets take at most; a config is held to it before data are read. */
export const MOST_DIM = 1024;
export const MOST_VECTORS = 1024;
/** Steps without a gradient after which a tensor is told of. */
const IDLE_STEPS = 500;

/**
 * A head on an example's dense inputs and embedding vectors, with one logit and, over a batch, the mean of its binary
 * cross-entropy. Arrays are row-major, one row per example. Without `head` it is DLRM (`lib/model/heads/dlrm.ts`).
 *
 * Weights start as N(0, sqrt(2 / (inputs + outputs))), biases and constants as N(0, sqrt(1 / outputs)), as in
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
  readonly #tensors: readonly DenseTensor[];
  /** Where in `parameters()` the bias is that is added to every logit, if the head has one. */
  readonly outputBias: number | undefined;
  #steps = 0;

  /**
   * @throws CollideError INVALID_ARGUMENT or UNKNOWN_OPTION naming the option or the op, OUT_OF_MEMORY, NATIVE_MISSING;
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
    this.#tensors = this.#native.tensors();
    this.outputBias = this.#native.outputBias();
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
    const ofDense = this.head.some(
      (op) => op.op === 'linear' && op.from === 'dense' && names.includes(`${op.name}.weight`),
    );
    const constant = ofDense ? '; or all dense columns are constant, and can be left out' : '';
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

  /** Its ops. */
  get head(): readonly HeadOp[] {
    return this.#config.head as readonly HeadOp[];
  }

  /** The learning rate of the next step. */
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
    return this.#tensors.reduce((sum, { length }) => sum + length, 0);
  }

  /** The parameter tensors, in the order in which `parameters()` holds them. */
  tensors(): DenseTensor[] {
    return this.#tensors.map((tensor) => ({ ...tensor, shape: [...tensor.shape] }));
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
    const twin = new DenseNet({ ...this.#config, head: this.head, optimizer: { kind: 'sgd', learningRate: 0 } });
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

  /** As `close`: `using` calls it. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function completeOptions(options: DenseNetOptions): NativeDenseConfig {
  checkOptions(options, OPTIONS, 'DenseNet');
  const dense = checkInteger(options.dense ?? 0, 0, MOST_WIDTH, 'dense');
  const vectors = checkInteger(options.vectors, 1, MOST_VECTORS, 'vectors');
  const dim = checkInteger(options.dim, 1, MOST_DIM, 'dim');
  const { bottom, top } = options;
  if (options.head !== undefined && (bottom !== undefined || top !== undefined)) {
    throw invalid('Expected no bottom or top layers beside head: they are those of DLRM, which is the default');
  }
  return {
    device: chooseDevice(options.device ?? 'cpu', 'DenseNet'),
    dense,
    vectors,
    dim,
    head:
      options.head === undefined
        ? dlrmOps({ dense, dim, bottom: bottom ?? (dense > 0 ? [64, dim] : []), top: top ?? [64, 1] })
        : checkList(options.head, 'head of DenseNet').map(copyOp),
    optimizer: nativeDenseOptimizer(options.optimizer ?? { kind: 'lamb' }),
    seed: checkSeed(options.seed ?? 1, 'seed'),
    threads: checkInteger(options.threads ?? 0, 0, 1024, 'threads (0: all)'),
  };
}

function copyOp(op: HeadOp): object {
  checkObject(op, 'an op of head');
  return 'from' in op && Array.isArray(op.from) ? { ...op, from: [...op.from] } : { ...op };
}

/** Names of the tensors that were told of. */
const toldIdle = new Set<string>();

function checkFinite(values: Float32Array, name: string): void {
  const position = values.findIndex((value) => !Number.isFinite(value));
  if (position >= 0) throw invalid(`Expected a finite number for ${name}[${position}], received ${values[position]}`);
}

function invalid(message: string): CollideError {
  return new CollideError('INVALID_ARGUMENT', message);
}
