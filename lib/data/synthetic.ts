/**
 * A data set with known answers: every id belongs to a latent cluster, and a row's label depends on the clusters of its
 * ids alone. A hash that maps ids of a cluster to one row loses nothing; a random one loses what it mixes.
 *
 * The log-odds of label 1 are the sum of one effect a feature's cluster, of the dot products of the clusters' latent
 * pairs over all pairs of features, and of a linear term of the dense columns. Ids follow Zipf's law. Rows are in time
 * order: 40 % teacher, 40 % student (every 20th of them validation), 20 % evaluation. Deterministic in the seed.
 *
 * What makes real data hard can be asked for: ids that come only once (`onceShare`), ids that are new from day to day
 * (`newIdsPerDay`) or in evaluation alone (`newIdsShare`), and clusters whose effects change from day to day (`drift`).
 * An id's cluster never changes, so the hash by clusters stays the one to match.
 */
import { CollideError, checkInteger, checkNumber, checkOneOf, checkOptions } from '../errors.ts';
import { assignIds, type Codes, gatherIds, rankCodes } from './encode.ts';
import type { FeatureInfo } from './feature_info.ts';
import { datasetFromArrays, type SplitArrays } from './memory.ts';
import { Random } from './random.ts';
import { dealRows } from './splits.ts';
import { dayOf, drawIds, type IdLaw } from './synthetic_ids.ts';
import type { Dataset, IdOrder, SplitName } from './types.ts';

/** Options of {@link syntheticDataset}. */
export interface SyntheticOptions {
  /** Rows in all splits together, 100 at least. Default 20,000. */
  rows?: number;
  /** Ids alive in each feature at a time; those that teacher and student rows hold are numbered. Default [1000, 500, 20]. */
  cardinalities?: readonly number[];
  /** Latent clusters per feature. Default 8. */
  clusters?: number;
  /** Exponent of the id frequencies: the k-th hottest id is drawn in proportion to k^-zipf. Default 1. */
  zipf?: number;
  /** Standard deviation of the clusters' effects on the log-odds. Default 1. */
  effect?: number;
  /** Standard deviation that all pairs of features together add to the log-odds. Default 0.5. */
  interaction?: number;
  /** Dense columns, standard normal. Default 1. */
  dense?: number;
  /** Share of the evaluation rows' ids that are new: drawn from ids that no other split has. Default 0. */
  newIdsShare?: number;
  /**
   * Share of the numbered ids that come once in the rows of teacher and student (validation aside), 0 to 0.99. The other
   * rows then hold such new ids at the same rate. Default: as Zipf's law has it.
   */
  onceShare?: number;
  /** Days in all, of as many rows each, to which the next two options refer. Default 10. */
  days?: number;
  /** Probability that an id, hot or not, is replaced by a new one from one day to the next, 0 to 1. Default 0. */
  newIdsPerDay?: number;
  /**
   * How much the clusters' effects change from one day to the next, 0 (never, the default) to 1 (each day's are drawn anew):
   * their correlation over a day is sqrt(1 - drift^2), their spread stays.
   */
  drift?: number;
  /** Default 'frequency'. */
  idOrder?: IdOrder;
  /** Default 1. */
  seed?: number;
}

/** Data whose right answer is known. */
export interface SyntheticDataset {
  data: Dataset;
  /** One array a feature: id -> its cluster. The last id is the out-of-vocabulary one and has cluster `clusters`. */
  clusters: Uint32Array[];
  /** The true probability of label 1 of every row of a split: no model does better. */
  probabilities: Record<SplitName, Float32Array>;
}

const known = [
  'rows',
  'cardinalities',
  'clusters',
  'zipf',
  'effect',
  'interaction',
  'dense',
  'newIdsShare',
  'onceShare',
  'days',
  'newIdsPerDay',
  'drift',
  'idOrder',
  'seed',
];
const splitOrder = ['teacher', 'student', 'evaluation'] as const;

/**
 * Makes a data set with planted clusters.
 *
 * @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION
 * @example
 * ```ts
 * const { data, clusters } = syntheticDataset({ rows: 50_000, cardinalities: [5000, 100], seed: 7 });
 * clusters[0]?.[3]; // the cluster of id 3 of the first feature
 * ```
 */
export function syntheticDataset(options: SyntheticOptions = {}): SyntheticDataset {
  const o = completed(options);
  const random = new Random(o.seed);
  const width = o.dense;
  const logits = new Float64Array(o.rows);
  const dense = new Float32Array(o.rows * width);
  const slopes = Array.from({ length: width }, () => 0.3 * random.normal());
  for (let row = 0; row < o.rows; row++) {
    for (let d = 0; d < width; d++) {
      const value = Math.fround(random.normal());
      dense[row * width + d] = value;
      logits[row]! += slopes[d]! * value;
    }
  }

  const evaluationFrom = Math.floor(o.rows * 0.8);
  const order = Uint32Array.from({ length: o.rows }, (_, row) => row);
  const splitOf = Uint8Array.from({ length: o.rows }, (_, row) =>
    row < o.rows * 0.4 ? 0 : row < evaluationFrom ? 1 : 2,
  );
  const { members, vocabularyRows } = dealRows(order, splitOf, splitOrder);
  const features = o.cardinalities.map((cardinality, f) => {
    const law = { ...o, cardinality, newIdsFrom: evaluationFrom, vocabularyRows, fresh: freshIds(o, cardinality) };
    return drawFeature(random, law, o.clusters, `f${f}`);
  });
  addEffects(random, o, features, logits);
  const labels = new Float32Array(o.rows);
  const truth = new Float32Array(o.rows);
  for (let row = 0; row < o.rows; row++) {
    truth[row] = 1 / (1 + Math.exp(-logits[row]!));
    labels[row] = random.uniform() < truth[row]! ? 1 : 0;
  }

  const splits: Record<string, SplitArrays> = {};
  const probabilities = {} as Record<SplitName, Float32Array>;
  for (const [name, rows] of members) {
    probabilities[name] = Float32Array.from(rows, (row) => truth[row]!);
    const picked = new Float32Array(rows.length * width);
    for (const [i, row] of rows.entries()) picked.set(dense.subarray(row * width, (row + 1) * width), i * width);
    splits[name] = { labels: Float32Array.from(rows, (row) => labels[row]!), dense: picked, features: [] };
  }
  const infos: FeatureInfo[] = [];
  const clusters: Uint32Array[] = [];
  const texts: ((id: number) => string | null)[] = [];
  features.forEach(({ codes, clusterOf }, f) => {
    const codeOf = rankCodes(codes, vocabularyRows, o.idOrder);
    const ids = assignIds(codes, codeOf, String, 'row', `f${f}`);
    for (const [name, rows] of members) splits[name]!.features.push(gatherIds(codes, ids, rows));
    infos.push({ name: `f${f}`, list: false, cardinality: ids.cardinality, outOfVocabulary: ids.outOfVocabulary });
    clusters.push(Uint32Array.from({ length: ids.cardinality }, (_, id) => clusterOf[codeOf[id]!] ?? o.clusters));
    texts.push((id) => (id < codeOf.length ? String(codeOf[id]) : null));
  });
  const data = datasetFromArrays({
    features: infos,
    dense: slopes.map((_, d) => `x${d}`),
    splits,
    idOrder: o.idOrder,
    unseen: 'row',
    validationFrom: 'student',
    texts,
  });
  return { data, clusters, probabilities };
}

type Completed = Required<Omit<SyntheticOptions, 'onceShare'>> & { onceShare: number | null };

function completed(options: SyntheticOptions): Completed {
  checkOptions(options, known, 'syntheticDataset');
  const cardinalities = options.cardinalities ?? [1000, 500, 20];
  if (!Array.isArray(cardinalities) || cardinalities.length === 0) {
    throw new CollideError('INVALID_ARGUMENT', 'Expected a list of one or more cardinalities for syntheticDataset');
  }
  return {
    rows: checkInteger(options.rows ?? 20_000, 100, 2 ** 31, 'rows'),
    cardinalities: cardinalities.map((value, f) => checkInteger(value, 1, 2 ** 31, `cardinalities[${f}]`)),
    clusters: checkInteger(options.clusters ?? 8, 1, 2 ** 20, 'clusters'),
    zipf: checkNumber(options.zipf ?? 1, 0, 10, 'zipf'),
    effect: checkNumber(options.effect ?? 1, 0, 100, 'effect'),
    interaction: checkNumber(options.interaction ?? 0.5, 0, 100, 'interaction'),
    dense: checkInteger(options.dense ?? 1, 0, 1000, 'dense'),
    newIdsShare: checkNumber(options.newIdsShare ?? 0, 0, 1, 'newIdsShare'),
    onceShare: options.onceShare === undefined ? null : checkNumber(options.onceShare, 0, 0.99, 'onceShare'),
    days: checkInteger(options.days ?? 10, 1, 100_000, 'days'),
    newIdsPerDay: checkNumber(options.newIdsPerDay ?? 0, 0, 1, 'newIdsPerDay'),
    drift: checkNumber(options.drift ?? 0, 0, 1, 'drift'),
    idOrder: checkOneOf(options.idOrder ?? 'frequency', ['frequency', 'appearance'], 'idOrder'),
    seed: checkInteger(options.seed ?? 1, 0, Number.MAX_SAFE_INTEGER, 'seed'),
  };
}

interface DrawnFeature {
  codes: Codes;
  /** [codeCount] */
  clusterOf: Uint32Array;
}

/** Ids that only evaluation rows hold. */
function freshIds({ newIdsShare }: { newIdsShare: number }, cardinality: number): number {
  return newIdsShare > 0 ? Math.ceil(cardinality / 5) : 0;
}

function drawFeature(random: Random, law: IdLaw, clusters: number, name: string): DrawnFeature {
  const first = Array.from({ length: law.cardinality + law.fresh }, () => random.integer(clusters));
  const { codeCount, codes } = drawIds(random, law, name);
  const clusterOf = Uint32Array.from({ length: codeCount }, (_, code) => first[code] ?? random.integer(clusters));
  return { codes: { codeCount, codes, offsets: null }, clusterOf };
}

/** Adds what the clusters of a row's ids do to its log-odds on its day. */
function addEffects(random: Random, o: Completed, features: DrawnFeature[], logits: Float64Array): void {
  const count = features.length;
  const pairs = (count * (count - 1)) / 2;
  const effects = features.map(() => Float64Array.from({ length: o.clusters }, () => o.effect * random.normal()));
  const latents = features.map(() => Float64Array.from({ length: o.clusters * 2 }, () => random.normal()));
  // A dot product of two pairs of standard normals has variance 2.
  const scale = pairs === 0 ? 0 : o.interaction / Math.sqrt(2 * pairs);
  for (let row = 0, day = 0; row < o.rows; row++) {
    for (; day < dayOf(row, o); day++) {
      if (o.drift === 0) continue;
      for (const own of effects) drift(random, own, o.drift, o.effect);
      for (const own of latents) drift(random, own, o.drift, 1);
    }
    let logit = logits[row]!;
    let sumX = 0;
    let sumY = 0;
    let squares = 0;
    for (let f = 0; f < count; f++) {
      const { codes, clusterOf } = features[f]!;
      const cluster = clusterOf[codes.codes[row]!]!;
      const x = latents[f]![2 * cluster]!;
      const y = latents[f]![2 * cluster + 1]!;
      logit += effects[f]![cluster]!;
      sumX += x;
      sumY += y;
      squares += x * x + y * y;
    }
    // All pairs at once: (|sum|^2 - sum of |.|^2) / 2
    logits[row] = logit + (scale * (sumX * sumX + sumY * sumY - squares)) / 2;
  }
}

/** A day's change of values with this standard deviation, which they keep. */
function drift(random: Random, values: Float64Array, share: number, deviation: number): void {
  for (const [k, value] of values.entries()) {
    values[k] = Math.sqrt(1 - share * share) * value + share * deviation * random.normal();
  }
}
