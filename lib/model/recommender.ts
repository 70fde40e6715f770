/**
 * A whole model: embedding tables below, the dense net above. One batch flows ids -> tables.forward -> net.step (loss
 * and its gradient) -> tables.backward; the two big buffers in between are reused. Where both parts live on the CUDA
 * device, nothing in between leaves it: see device_steps.ts.
 */

import type { Device, PlacedOn } from '../device.ts';
import {
  type EmbeddingOptimizer,
  EmbeddingTables,
  type FeatureOptions,
  type Init,
  type MemoryReport,
} from '../embedding/index.ts';
import { CollideError, checkInteger, checkList, checkNumber, checkObject, checkOptions, describe } from '../errors.ts';
import { optionNames } from '../option_names.ts';
import { checkBatch, type ModelBatch } from './batch.ts';
import { DenseNet } from './dense_net.ts';
import { DeviceSteps } from './device_steps.ts';
import type { HeadOp } from './head.ts';
import { heads } from './heads/index.ts';
import type { DenseOptimizer } from './optimizers/index.ts';
import { checkStandardization, DenseInputs, type Standardization } from './standardization.ts';

/** A feature of a model: one vector, as wide as those of the other features. */
export type ModelFeature = Omit<FeatureOptions, 'dim' | 'init' | 'tables'>;

/** Options of {@link Recommender}. */
export interface RecommenderOptions {
  /** Every feature becomes one vector of width `dim`; their order is that of the batches. */
  features: ModelFeature[];
  /** Dense inputs per example; 0 for none. */
  dense: number;
  dim: number;
  /** What is done with the vectors and the dense inputs: one of `heads` by name, or a list of ops. Default `dlrm`. */
  head?: string | readonly HeadOp[];
  /**
   * For heads that take it (`dlrm`): hidden widths of the layers on dense inputs; a last layer of width `dim` follows. Not
   * used without dense inputs. Default [64].
   */
  bottomHidden?: readonly number[];
  /** For heads that take it: hidden widths of the layers that end in the logit; a last one of width 1 follows. Default [64]. */
  topHidden?: readonly number[];
  /** Default rowwise Adagrad, learning rate 0.02 (the paper's). */
  embeddingOptimizer?: EmbeddingOptimizer;
  /** Default LAMB, learning rate 0.002 (the paper's). */
  denseOptimizer?: DenseOptimizer;
  init?: Init;
  /** What is done to dense inputs before the net gets them, in `step` and in `predict`. Default: nothing. */
  standardization?: Standardization;
  /** Whether `tables` counts the accesses of each id while training. Default true. */
  countAccesses?: boolean;
  /**
   * Share of label 1 that the untrained model predicts: the output bias, where the head has one, starts at its log-odds.
   * Default 0.5. LAMB moves a lone bias slowly, so a start far from the base rate costs hundreds of steps.
   */
  baseRate?: number;
  /**
   * Where tables and net live and learn: `cpu` (default); `cuda`, which throws without a device and for tables that CUDA
   * cannot take; `auto`: CUDA for each of the two that can, otherwise the CPU. `devices` says what it came to.
   */
  device?: Device;
  seed?: number;
  /** Native threads; results do not depend on it. Default: all of this machine. */
  threads?: number;
}

const OPTIONS = optionNames<RecommenderOptions>({
  ...{ features: true, dense: true, dim: true, head: true, bottomHidden: true, topHidden: true },
  ...{ embeddingOptimizer: true, denseOptimizer: true, init: true, standardization: true, countAccesses: true },
  ...{ baseRate: true, device: true, seed: true, threads: true },
});

/**
 * Pooled embeddings and dense inputs, a head on them, one logit.
 *
 * @example
 * ```ts
 * using model = new Recommender({ features: [{ name: 'movie', cardinality: 9066 }], dense: 0, dim: 16 });
 * for (const batch of batches(split, { size: 2048 })) model.step(batch);
 * ```
 */
export class Recommender {
  readonly tables: EmbeddingTables;
  readonly net: DenseNet;
  readonly standardization: Standardization | undefined;
  readonly #onDevice: DeviceSteps | undefined;
  readonly #inputs: DenseInputs;
  #pooled = new Float32Array(0);
  #gradient = new Float32Array(0);

  /** @throws CollideError as EmbeddingTables and DenseNet do, UNKNOWN_OPTION */
  constructor(options: RecommenderOptions) {
    checkOptions(options, OPTIONS, 'Recommender');
    for (const feature of checkList(options.features, 'features of Recommender'))
      checkObject(feature, 'a feature of Recommender');
    for (const name of ['bottomHidden', 'topHidden'] as const) {
      if (options[name] !== undefined) checkList(options[name], `${name} of Recommender`);
    }
    if (options.baseRate !== undefined) checkNumber(options.baseRate, 0, 1, 'baseRate of Recommender');
    checkInteger(options.dense, 0, 65_536, 'dense of Recommender');
    const { features, dense, dim, device = 'cpu', seed = 1, threads = 0 } = options;
    this.standardization = options.standardization && checkStandardization(options.standardization, dense);
    this.#inputs = new DenseInputs(this.standardization);
    this.tables = new EmbeddingTables({
      features: features.map((feature) => ({ ...feature, dim, init: options.init ?? { kind: 'dlrm' } })),
      optimizer: options.embeddingOptimizer ?? { kind: 'rowwise-adagrad' },
      countAccesses: options.countAccesses ?? true,
      device,
      seed,
      threads,
    });
    this.net = new DenseNet({
      dense,
      vectors: features.length,
      dim,
      head: headOps(options),
      optimizer: options.denseOptimizer ?? { kind: 'lamb' },
      device,
      seed,
      threads,
    });
    const { outputBias } = this.net;
    if (outputBias !== undefined) {
      const parameters = this.net.parameters();
      const rate = Math.min(1 - 1e-6, Math.max(1e-6, options.baseRate ?? 0.5));
      parameters[outputBias] = Math.log(rate / (1 - rate));
      this.net.setParameters(parameters);
    }
    const together = this.tables.device === 'cuda' && this.net.device === 'cuda';
    this.#onDevice = together ? new DeviceSteps(this.tables, this.net) : undefined;
  }

  /** One training step. Returns the batch's mean log loss. @throws CollideError DIVERGED when it is not finite */
  step(batch: ModelBatch): number {
    return this.start(batch)();
  }

  /**
   * Starts a training step. The batch's arrays may be used anew at once; the function returned waits for the step and
   * returns the batch's mean log loss. On a CUDA device the next batch is made and copied while this one runs, if its
   * step is started before this loss is asked for; on the CPU the step is over when this returns. At most two steps run
   * ahead: a third start waits for the first.
   *
   * A loss that is not finite is an error of that function, or of the start that waited for the step; so is a step that
   * would leave a parameter of the net or a part of its optimizer's state that is not finite, or that has a gradient beyond
   * what the tables take. No step from it on has then changed the model, so those started after it fail, too; only the
   * accesses of its batch were counted.
   *
   * @throws CollideError INVALID_INDEX, INVALID_OFFSETS, INVALID_LABEL, INVALID_ARGUMENT, OUT_OF_MEMORY: this batch
   *   changes nothing; DIVERGED
   * @example
   * ```ts
   * let loss = () => 0;
   * for (const batch of batches(split, { size: 32768 })) {
   *   const before = loss;
   *   loss = model.start(batch);
   *   sum += before();
   * }
   * sum += loss();
   * ```
   */
  start(batch: ModelBatch): () => number {
    checkBatch(batch);
    const { indices, offsets, fold } = batch;
    const dense = this.#inputs.of(batch.dense);
    if (this.#onDevice !== undefined) return this.#onDevice.start({ ...batch, dense });
    const pooled = this.#view('pooled', batch.size);
    const gradient = this.#view('gradient', batch.size);
    this.tables.forward({ indices, offsets, fold }, pooled);
    // Pooled rows that are not finite are no bad input here, as DenseNet.step says: the tables diverged.
    const loss = this.net.counted(this.net.native.step(dense, pooled, batch.labels, gradient));
    this.tables.backward(gradient);
    return () => loss;
  }

  /** Logits of a batch, [size]. */
  predict(batch: ModelBatch, logits: Float32Array): void {
    checkBatch(batch);
    const { indices, offsets } = batch;
    const dense = this.#inputs.of(batch.dense);
    if (this.#onDevice !== undefined) {
      this.#onDevice.predict({ ...batch, dense }, logits);
      return;
    }
    const pooled = this.#view('pooled', batch.size);
    this.tables.lookup({ indices, offsets }, pooled);
    this.net.predict(dense, pooled, logits);
  }

  /** Folds of the examples that its features train by different hash functions (`trainingHashes`); otherwise 1. */
  get folds(): number {
    return this.tables.folds;
  }

  /** Where its parts live. */
  get devices(): { tables: PlacedOn; net: PlacedOn } {
    return { tables: this.tables.device, net: this.net.device };
  }

  /** Bytes of the tables, and of the net's parameters, on whichever device they are. */
  memory(): MemoryReport {
    return { ...this.tables.memory(), parameters: this.net.memory().parameters };
  }

  #view(which: 'pooled' | 'gradient', size: number): Float32Array {
    const length = size * this.tables.outputWidth;
    let buffer = which === 'pooled' ? this.#pooled : this.#gradient;
    if (buffer.length < length) {
      buffer = this.tables.newOutput(size);
      if (which === 'pooled') this.#pooled = buffer;
      else this.#gradient = buffer;
    }
    return buffer.subarray(0, length);
  }

  /** Gives its native memory back. What is called afterwards throws CLOSED. */
  close(): void {
    this.#onDevice?.close();
    this.tables.close();
    this.net.close();
  }

  /** As `close`: `using` calls it. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** The ops of the head that is wanted. @throws CollideError INVALID_ARGUMENT for widths that it does not take */
function headOps({
  head = 'dlrm',
  features,
  dense,
  dim,
  bottomHidden,
  topHidden,
}: RecommenderOptions): readonly HeadOp[] {
  const known = typeof head === 'string' ? heads.get(head, 'head of Recommender') : undefined;
  const what = known === undefined ? 'a head that is a list of ops' : `the head "${known.name}"`;
  const widths = { bottomHidden, topHidden };
  for (const name of ['bottomHidden', 'topHidden'] as const) {
    if (widths[name] === undefined || known?.takes.includes(name) === true) continue;
    throw new CollideError('INVALID_ARGUMENT', `Expected no ${name} for ${what}, received ${describe(widths[name])}`);
  }
  if (typeof head !== 'string') return checkList(head, 'head of Recommender');
  return known!.ops({ dense, vectors: features.length, dim, ...widths });
}
