/** A chosen hashing of every feature: what compression comes down to, as plain data that can be saved and used elsewhere. */
import type { LearnMappingOptions, MappingStatistics } from '../clustering/index.ts';
import { restoreVocabulary, storeVocabulary } from '../data/stored_vocabulary.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import { checkSavedSource, checkSource } from '../embedding/sources/check.ts';
import { CollideError, checkList, checkObject, checkOneOf, checkText, describe } from '../errors.ts';
import {
  readSafetensors,
  type Safetensors,
  type TensorInput,
  type TensorPieces,
  writeSafetensors,
} from '../files/index.ts';
import { COMBINES, type FeatureHashing } from '../hashing/feature_hashing.ts';
import { restoreHash, storeHash } from '../hashing/hash_function.ts';
import { checkHashFunction, type HashFunction, mappingBytes, rowCount, type StoredHash } from '../hashing/index.ts';
import { checkTrainingHashes, foldsOf, type TrainingHashes } from '../hashing/training_hashes.ts';
import { fingerprint, type Origin, vocabularyOf } from './origin.ts';

/** How the first hash function of a feature was learned: what a step that builds on it has to know. */
export interface LearnedFeature {
  method: NonNullable<LearnMappingOptions['method']>;
  /** Undefined for the default of the method. */
  projection?: LearnMappingOptions['projection'];
  /** Rows 0 .. hotRows - 1 belong to one hot id each. */
  hotRows: number;
  /** The row that cold ids train, where the out-of-vocabulary row serves them and other ids do not train it. */
  coldRow?: number;
}

/** Options and findings of whatever made a hashing. */
export interface HashingDetails {
  /** Of the learned features, by name. */
  statistics?: Readonly<Record<string, MappingStatistics>>;
  /** Features of which the teacher knew nothing. */
  untaught?: readonly string[];
  [option: string]: unknown;
}

/** How a {@link Hashing} was made. */
export interface HashingManifest {
  /** How the hash functions came about: `learned`, `modulo`, ... */
  method: string;
  /** Rows wanted as a share of the ids, of the features that were compressed. */
  size: number;
  /** Features with fewer ids stay whole. */
  minRows: number;
  seed: number;
  /** The features whose first hash function is a learned table, by name. */
  learned?: Readonly<Record<string, LearnedFeature>>;
  /** Anything else worth keeping: options of the learner (`perFeature`: all of theirs), statistics of the clusters. */
  details?: HashingDetails;
}

const FORMAT = 'learn-to-collide hashing 3';

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
  /** What the ids mean. Of a hashing that was not made for a data set: names and numbers of ids alone. */
  readonly vocabulary: Vocabulary;
  /** The fingerprint of the teacher that it was learned from, if it was. */
  readonly teacher: string | undefined;
  #fingerprint: string | undefined;

  /**
   * @throws CollideError INVALID_ARGUMENT when a hash function does not fit its feature, VOCABULARY_MISMATCH when the
   * vocabulary is of other features
   */
  constructor(
    features: FeatureHashing[],
    manifest: HashingManifest,
    counts: Map<string, Uint32Array> = new Map(),
    { vocabulary, teacher }: Origin = {},
  ) {
    for (const feature of checkList(features, 'features of a Hashing')) {
      checkObject(feature, 'a feature of a Hashing');
      const { name, cardinality, hashes, combine, trainingHashes, source } = feature;
      checkText(name, 'the name of a feature of a Hashing');
      checkList(hashes, `hashes of feature "${name}"`);
      checkOneOf(combine, COMBINES, `combine of feature "${name}"`);
      for (const [h, hash] of hashes.entries())
        checkHashFunction(hash, cardinality, `hashes[${h}] of feature "${name}"`);
      if (trainingHashes !== undefined) checkTrainingHashes(trainingHashes, hashes, cardinality, `feature "${name}"`);
      if (source === undefined) continue;
      checkSource(source, hashes.length, combine, `feature "${name}"`);
      checkSavedSource(source, `feature "${name}"`);
    }
    foldsOf(features, 'a Hashing');
    checkObject(manifest, 'manifest of a Hashing');
    this.features = features;
    this.manifest = manifest;
    this.counts = counts;
    this.vocabulary = vocabularyOf(features, vocabulary, 'the hashing');
    this.teacher = teacher;
  }

  /** Rows of all internal tables. */
  rows(): number {
    return this.#sum((hash, cardinality) => rowCount(hash, cardinality));
  }

  /** Bytes the hash functions themselves need when serving. */
  mappingBytes(): number {
    return this.#sum(mappingBytes);
  }

  /**
   * SHA-256, in hex, of vocabulary and hash functions, those that serve; the same after saving and loading. Computed at the
   * first call.
   */
  get fingerprint(): string {
    if (this.#fingerprint === undefined) {
      const { tensors, metadata } = this.parts('');
      this.#fingerprint = fingerprint(`${metadata.features} ${this.vocabulary.fingerprint}`, tensors);
    }
    return this.#fingerprint;
  }

  /** The same without training hashes: what a student is left with. */
  forServing(): Hashing {
    if (this.features.every(({ trainingHashes }) => trainingHashes === undefined)) return this;
    const features = this.features.map(({ trainingHashes: _, ...feature }) => feature);
    const { manifest, counts, vocabulary, teacher } = this;
    return new Hashing(features, manifest, new Map(counts), { vocabulary, teacher });
  }

  #sum(of: (hash: HashFunction, cardinality: number) => number): number {
    let sum = 0;
    for (const { cardinality, hashes } of this.features) for (const hash of hashes) sum += of(hash, cardinality);
    return sum;
  }

  /**
   * Writes a safetensors file: packed mappings `feature<f>.hash<h>` (packing bytes: U8 [ids], U16 [ids], U8 [ids, 3] or
   * U32 [ids]; bits: U8 [bytes]), hot ids, counts, the vocabulary (stored_vocabulary.ts), and the manifest in the metadata.
   * Training hashes are in it, too, as `feature<f>.fold<k>.hash<h>`; `forServing` leaves them out. The file is replaced as a whole or not at all.
   *
   * @throws CollideError FILE_IO
   */
  async save(path: string): Promise<void> {
    const { tensors, metadata } = this.contents();
    await writeSafetensors(path, tensors, metadata);
  }

  /** @internal What `save` writes. */
  contents(): Contents {
    const contents = this.parts('');
    for (const [f, { name }] of this.features.entries()) {
      const counts = this.counts.get(name);
      if (counts) contents.tensors[`feature${f}.counts`] = { shape: [counts.length], data: counts };
    }
    const training = this.features.map(({ trainingHashes }, f) => {
      const describe = (hash: HashFunction, k: number, h: number) =>
        storeHash(hash, `feature${f}.fold${k}.hash${h}`, contents.tensors);
      return trainingHashes?.map((hashes, k) => hashes.map((hash, h) => describe(hash, k, h))) ?? null;
    });
    const vocabulary = storeVocabulary(this.vocabulary, contents.tensors);
    Object.assign(contents.metadata, { format: FORMAT, vocabulary, training: JSON.stringify(training) });
    return contents;
  }

  /** @internal Hash functions, those that serve, and manifest for a file, their names behind a prefix. */
  parts(prefix: string): Contents {
    const tensors: Record<string, TensorInput> = {};
    const features = this.features.map(({ name, cardinality, hashes, combine, source }, f) => ({
      ...{ name, cardinality, combine, source },
      hashes: hashes.map((hash, h) => storeHash(hash, `${prefix}feature${f}.hash${h}`, tensors)),
    }));
    const metadata = {
      [`${prefix}manifest`]: JSON.stringify(this.manifest),
      [`${prefix}features`]: JSON.stringify(features),
      ...(this.teacher === undefined ? {} : { [`${prefix}teacher`]: this.teacher }),
    };
    return { tensors, metadata };
  }

  /** @throws CollideError FILE_IO, FILE_FORMAT when the file is not a hashing of this package */
  static async load(path: string): Promise<Hashing> {
    const file = await readSafetensors(path);
    const { tensors, metadata } = file;
    checkFormat(metadata.format, FORMAT, path);
    try {
      return Hashing.from(file, '', restoreVocabulary(metadata.vocabulary, tensors));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new CollideError('FILE_FORMAT', `Expected a valid hashing in ${path}: ${why}`, { cause });
    }
  }

  /** @internal What `parts` gave. @throws Error when it is not whole */
  static from(
    { tensors, metadata }: Pick<Safetensors, 'tensors' | 'metadata'>,
    prefix: string,
    vocabulary: Vocabulary,
  ): Hashing {
    const counts = new Map<string, Uint32Array>();
    const stored = JSON.parse(metadata[`${prefix}features`] ?? '') as StoredFeature[];
    const training = JSON.parse(metadata[`${prefix}training`] ?? '[]') as (StoredHash[][] | null | undefined)[];
    const features = stored.map(({ name, cardinality, combine, hashes, source }, f): FeatureHashing => {
      const own = tensors[`${prefix}feature${f}.counts`]?.data;
      if (own instanceof Uint32Array) counts.set(name, own);
      const restored = (list: StoredHash[], where: string) =>
        list.map((hash, h) => restoreHash(hash, cardinality, `${prefix}feature${f}.${where}hash${h}`, tensors));
      const serving = { name, cardinality, hashes: restored(hashes, ''), combine, ...(source && { source }) };
      const trainingHashes: TrainingHashes | undefined = training[f]?.map((list, k) => restored(list, `fold${k}.`));
      return trainingHashes === undefined ? serving : { ...serving, trainingHashes };
    });
    return new Hashing(features, JSON.parse(metadata[`${prefix}manifest`] ?? ''), counts, {
      vocabulary,
      teacher: metadata[`${prefix}teacher`],
    });
  }
}

/** What a safetensors file is made of. */
export interface FileContents {
  tensors: Record<string, TensorInput | TensorPieces>;
  metadata: Record<string, string>;
}

/** The same, all of it in memory. */
export interface Contents extends FileContents {
  tensors: Record<string, TensorInput>;
  metadata: Record<string, string>;
}

/**
 * @param expected - name and version of the format: `learn-to-collide hashing 3`
 * @throws CollideError FILE_FORMAT unless a file has it; says so when the file is of an earlier version
 */
export function checkFormat(format: string | undefined, expected: string, path: string): void {
  if (format === expected) return;
  const kind = expected.replace(/ \d+$/, '');
  const earlier = String(format).startsWith(`${kind} `)
    ? '. It was written by another version of this package: train again'
    : '';
  throw new CollideError(
    'FILE_FORMAT',
    `Expected a file with metadata format "${expected}", received ${path} with "${format ?? ''}"${earlier}`,
  );
}

/** @throws CollideError INVALID_ARGUMENT for anything but a Hashing */
export function checkHashing(value: unknown, where: string): Hashing {
  if (value instanceof Hashing) return value;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected a Hashing, as learnHashing and baselineHashing give it, for ${where}, received ${describe(value)}`,
  );
}

interface StoredFeature extends Omit<FeatureHashing, 'hashes' | 'trainingHashes'> {
  hashes: StoredHash[];
}
