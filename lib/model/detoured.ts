/**
 * Features of a model whose ids are, while it trains, looked up as others by their first hash function, and as themselves
 * by the other ones (training/detours.ts). The tables hold such a feature as two, side by side: the first hash function's
 * part and that of the others. Tables, their initial values and the vector that comes out are those of the whole feature.
 */
import type { FeatureOptions } from '../embedding/index.ts';
import { CollideError, describe } from '../errors.ts';
import type { ModelBatch } from './batch.ts';

export interface ModelFeature extends Omit<FeatureOptions, 'dim' | 'init' | 'tables'> {
  /** Whether batches may have other ids for its first hash function (`detoured`). Several must `concat`. Default false. */
  detoured?: boolean;
}

/** The features that tables have for those of a model, and the ids of a batch in the order of these. */
export class DetouredFeatures {
  readonly features: Omit<FeatureOptions, 'init'>[] = [];
  /** Of each of the tables' features: the model's feature, and whether it is looked up by the ids of the first hash. */
  readonly #sources: { feature: number; first: boolean }[] = [];
  readonly #count: number;
  #indices = new Uint32Array(0);

  /** @throws CollideError INVALID_ARGUMENT */
  constructor(features: readonly ModelFeature[], dim: number) {
    this.#count = features.length;
    for (const [f, { detoured = false, ...feature }] of features.entries()) {
      const { name, hashes = [], combine } = feature;
      if (!detoured || hashes.length < 2) {
        this.features.push({ ...feature, dim });
        this.#sources.push({ feature: f, first: true });
        continue;
      }
      if (combine !== 'concat' || dim % hashes.length !== 0) {
        throw new CollideError(
          'INVALID_ARGUMENT',
          `Expected combine "concat" and a dim divisible by ${hashes.length} for the detoured feature "${name}", received ${describe(combine)} and ${dim}`,
        );
      }
      const width = dim / hashes.length;
      const tables = hashes.map((_, h) => `${name}/${h}`);
      const first = {
        ...feature,
        name: tables[0]!,
        dim: width,
        hashes: hashes.slice(0, 1),
        tables: tables.slice(0, 1),
      };
      this.features.push(first, { ...feature, dim: dim - width, hashes: hashes.slice(1), tables: tables.slice(1) });
      this.#sources.push({ feature: f, first: true }, { feature: f, first: false });
    }
  }

  /** Views that the next call overwrites. O(ids) where a feature is held as two, otherwise O(1). */
  idsOf(batch: ModelBatch): Pick<ModelBatch, 'indices' | 'offsets'> {
    const { size, indices, offsets, detoured = indices } = batch;
    if (this.#sources.length === this.#count) return { indices: detoured, offsets };
    const used = this.#sources.reduce((sum, { feature }) => sum + idsIn(batch, feature), 0);
    if (this.#indices.length < used) this.#indices = new Uint32Array(used);
    const starts = new Uint32Array(this.#sources.length * size + 1);
    let at = 0;
    for (const [s, { feature, first }] of this.#sources.entries()) {
      const [start, end] = [offsets[feature * size]!, offsets[(feature + 1) * size]!];
      this.#indices.set((first ? detoured : indices).subarray(start, end), at);
      for (let r = 0; r < size; r++) starts[s * size + r] = at + offsets[feature * size + r]! - start;
      at += end - start;
    }
    starts[starts.length - 1] = at;
    return { indices: this.#indices.subarray(0, at), offsets: starts };
  }
}

function idsIn({ size, offsets }: ModelBatch, feature: number): number {
  return offsets[(feature + 1) * size]! - offsets[feature * size]!;
}
