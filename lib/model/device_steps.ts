/**
 * Training steps of a model whose tables and dense net are both on the CUDA device: pooled rows, activations and gradients
 * stay there, and while a step runs the next batch is made and copied.
 */
import type { EmbeddingTables } from '../embedding/index.ts';
import { type NativeModelSteps, native } from '../native.ts';
import type { ModelBatch } from './batch.ts';
import type { DenseNet } from './dense_net.ts';

/** Steps that may be under way: one that runs, and the next, whose batch is copied meanwhile. */
const IN_FLIGHT = 2;

interface Started {
  /** Undefined while it is under way. */
  loss?: number;
}

export class DeviceSteps {
  readonly #net: DenseNet;
  readonly #native: NativeModelSteps;
  /** Oldest first. */
  readonly #underWay: Started[] = [];

  constructor(tables: EmbeddingTables, net: DenseNet) {
    this.#net = net;
    this.#native = new (native().ModelSteps)(tables.native, net.native);
  }

  /** Starts a step; see Recommender.start. A step before it whose loss nobody has asked for may fail here. */
  start({ indices, offsets, dense, labels, fold = 0 }: ModelBatch): () => number {
    if (this.#underWay.length === IN_FLIGHT) this.#finish();
    this.#native.start(indices, offsets, dense, labels, fold);
    const started: Started = {};
    this.#underWay.push(started);
    return () => {
      while (started.loss === undefined) this.#finish();
      return Number.isFinite(started.loss) ? started.loss : this.#net.counted(started.loss);
    };
  }

  predict({ indices, offsets, dense }: ModelBatch, logits: Float32Array): void {
    this.#native.predict(indices, offsets, dense, logits);
  }

  close(): void {
    this.#native.close();
  }

  /** Waits for the oldest step. @throws CollideError DIVERGED */
  #finish(): void {
    const loss = this.#native.finish();
    const over = Number.isFinite(loss) ? 1 : this.#underWay.length; // with one that fails, those behind it
    for (const step of this.#underWay.splice(0, over)) step.loss = loss;
    this.#net.counted(loss);
  }
}
