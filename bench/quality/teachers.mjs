// Teachers of the exploration: trained ones, and variations of their rows that were tried.
import { Teacher } from '../../dist/index.js';
import { trainTeacher } from '../../dist/pipeline/teacher.js';

/** Trained teachers by what they depend on; learning rate and epochs are chosen on the validation split. */
export function teachersOf({ config, data, options }) {
  const trained = new Map();
  return async (
    /** @type {NonNullable<import('./variants.mjs').Variant['teacher']>} */ { dim = 2, means, shrink, least },
    seed,
  ) => {
    if (means !== undefined) return labelMeans(data.split('teacher'), means);
    const key = `${dim} ${seed}`;
    if (!trained.has(key)) {
      const { learningRate } = config.compare.tune;
      const epochs = config.teacher.maxEpochs;
      const validation = data.split('validation');
      trained.set(
        key,
        await trainTeacher(data.split('teacher'), { ...options, dim, seed, learningRate, epochs, validation }),
      );
    }
    const teacher = trained.get(key);
    if (shrink !== undefined)
      return new Teacher(
        dim,
        teacher.features.map((f) => ({ ...f, rows: shrunk(f, dim, shrink) })),
      );
    // Ids with few accesses pass for ids that the teacher never saw.
    if (least !== undefined) {
      return new Teacher(
        dim,
        teacher.features.map((f) => ({ ...f, counts: f.counts.map((c) => (c < least ? 0 : c)) })),
      );
    }
    return teacher;
  };
}

/** No training at all: an id's mean label, drawn towards the base rate by `tau` rows. */
function labelMeans(split, tau) {
  const base = split.labels.reduce((sum, label) => sum + label, 0) / split.rows;
  const features = split.features.map(({ name, cardinality }, f) => {
    const { ids, offsets } = split.ids(f);
    const counts = split.idCounts(f);
    const sums = new Float64Array(cardinality);
    for (let row = 0; row < split.rows; row++) {
      const end = offsets === null ? row + 1 : offsets[row + 1];
      for (let i = offsets === null ? row : offsets[row]; i < end; i++) sums[ids[i]] += split.labels[row] - base;
    }
    return { name, cardinality, counts, rows: Float32Array.from(counts, (c, id) => sums[id] / (c + tau)) };
  });
  return new Teacher(1, features);
}

/** Rows drawn to the count-weighted mean: mean + c / (c + tau) * (row - mean). */
function shrunk({ rows, counts }, dim, tau) {
  const total = counts.reduce((sum, c) => sum + c, 0);
  const mean = new Float64Array(dim);
  for (let i = 0; i < rows.length; i++) mean[i % dim] += (counts[Math.floor(i / dim)] * rows[i]) / total;
  return rows.map((value, i) => {
    const count = counts[Math.floor(i / dim)];
    return mean[i % dim] + (count / (count + tau)) * (value - mean[i % dim]);
  });
}
