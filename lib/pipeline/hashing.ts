/** A chosen hashing of every feature: what compression comes down to, as plain data that can be saved and used elsewhere. */
import { CollideError } from '../errors.ts';
import { readSafetensors, type TensorInput, writeSafetensors } from '../files/index.ts';
import { checkHashFunction, type HashFunction, mappingBytes, rowCount } from '../hashing/index.ts';
import { describeHash, restoreHash, type StoredHash } from './stored_hash.ts';

export interface FeatureHashing {
  name: string;
  cardinality: number;
  hashes: HashFunction[];
  combine: 'sum' | 'concat';
  /** While a student trains, this id stands in for those that share the row of unseen values; see newcomers.ts. */
  standIn?: number;
}

export interface HashingManifest {
  /** How the hash functions came about: `learned`, `modulo`, ... */
  method: string;
  /** Rows wanted as a share of the ids, of the features that were compressed. */
  size: number;
  /** Features with fewer ids stay whole. */
  minRows: number;
  seed: number;
  /** Anything else worth keeping: options of the learner (`perFeature`: all of theirs), statistics of the clusters. */
  details?: Record<string, unknown>;
}

const FORMAT = 'learn-to-collide hashing 1';

/**
 * Hash functions for all features of a data set, in the data set's feature order.
 *
 * @example
 * ```ts
 * await hashing.save('mapping.safetensors');
 * const again = await Hashing.load('mapping.safetensors');
 * ```
 */
export class Hashing {
  readonly features: readonly FeatureHashing[];
  readonly manifest: HashingManifest;
  /** Access counts that came with the learner, by feature name: kept for later re-clustering. May be empty. */
  readonly counts: ReadonlyMap<string, Uint32Array>;

  /** @throws CollideError INVALID_ARGUMENT when a hash function does not fit its feature */
  constructor(features: FeatureHashing[], manifest: HashingManifest, counts: Map<string, Uint32Array> = new Map()) {
    for (const { name, cardinality, hashes } of features) {
      for (const [h, hash] of hashes.entries())
        checkHashFunction(hash, cardinality, `hashes[${h}] of feature "${name}"`);
    }
    this.features = features;
    this.manifest = manifest;
    this.counts = counts;
  }

  /** Rows of all internal tables. */
  rows(): number {
    return this.#sum((hash, cardinality) => rowCount(hash, cardinality));
  }

  /** Bytes the hash functions themselves need when serving. */
  mappingBytes(): number {
    return this.#sum(mappingBytes);
  }

  #sum(of: (hash: HashFunction, cardinality: number) => number): number {
    let sum = 0;
    for (const { cardinality, hashes } of this.features) for (const hash of hashes) sum += of(hash, cardinality);
    return sum;
  }

  /**
   * Writes a safetensors file: packed mappings `feature<f>.hash<h>` (packing bytes: U8 [ids], U16 [ids], U8 [ids, 3] or
   * U32 [ids]; bits: U8 [bytes]), hot ids, counts, and the manifest in the metadata. The file is replaced as a whole or
   * not at all.
   *
   * @throws CollideError FILE_IO
   */
  async save(path: string): Promise<void> {
    const tensors: Record<string, TensorInput> = {};
    const features = this.features.map(({ hashes, ...feature }, f) => ({
      ...feature,
      hashes: hashes.map((hash, h) => describeHash(hash, `feature${f}.hash${h}`, tensors)),
    }));
    for (const [f, { name }] of this.features.entries()) {
      const counts = this.counts.get(name);
      if (counts) tensors[`feature${f}.counts`] = { shape: [counts.length], data: counts };
    }
    const metadata = { format: FORMAT, manifest: JSON.stringify(this.manifest), features: JSON.stringify(features) };
    await writeSafetensors(path, tensors, metadata);
  }

  /** @throws CollideError FILE_IO, FILE_FORMAT when the file is not a hashing of this package */
  static async load(path: string): Promise<Hashing> {
    const { tensors, metadata } = await readSafetensors(path);
    if (metadata.format !== FORMAT) {
      throw new CollideError(
        'FILE_FORMAT',
        `Expected a file with metadata format "${FORMAT}", received ${path} with "${metadata.format ?? ''}"`,
      );
    }
    try {
      const counts = new Map<string, Uint32Array>();
      const features = JSON.parse(metadata.features ?? '').map((feature: StoredFeature, f: number): FeatureHashing => {
        const stored = tensors[`feature${f}.counts`]?.data;
        if (stored instanceof Uint32Array) counts.set(feature.name, stored);
        return {
          ...feature,
          hashes: feature.hashes.map((hash, h) =>
            restoreHash(hash, feature.cardinality, `feature${f}.hash${h}`, tensors),
          ),
        };
      });
      return new Hashing(features, JSON.parse(metadata.manifest ?? ''), counts);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new CollideError('FILE_FORMAT', `Expected a valid hashing in ${path}: ${why}`, { cause });
    }
  }
}

interface StoredFeature extends Omit<FeatureHashing, 'hashes'> {
  hashes: StoredHash[];
}
