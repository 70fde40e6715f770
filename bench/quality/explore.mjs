// Tries the variants of variants.mjs on a set moved back in time (sets.mjs), one result after another into
// bench/results/quality/SET.json; what is there is not run again. Learning rate and epochs: by validation, every seed.
// usage: node bench/quality/explore.mjs SET [--folder FOLDER] [--seeds 3] [--sizes 0.1,0.2] [--minutes 7] [--only PATTERN]
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { modelOptions } from '../../dist/compare/model_options.js';
import { batches, shuffled } from '../../dist/data/batches.js';
import { Random } from '../../dist/data/random.js';
import { baselineHashing } from '../../dist/methods/baseline.js';
import { learnHashing } from '../../dist/methods/learning/learn_hashing.js';
import { trainStudent } from '../../dist/pipeline/student.js';
import { buildRecommender } from '../../dist/training/options.js';
import { defaultBatchSize, evaluateSplit } from '../../dist/training/train.js';
import { epochSeed } from '../../dist/training/tune.js';
import { byMass, nearestHot, ward } from './layouts.mjs';
import { openEarlier } from './sets.mjs';
import { teachersOf } from './teachers.mjs';
import { variants } from './variants.mjs';
import { curvatures } from './ward.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: 'string', default: 'examples' },
    seeds: { type: 'string', default: '3' },
    sizes: { type: 'string', default: '0.1,0.2' },
    minutes: { type: 'string', default: '7' },
    only: { type: 'string', default: '' },
  },
});
const [name] = positionals;
const path = `bench/results/quality/${name}.json`;
mkdirSync('bench/results/quality', { recursive: true });
const results = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : [];

const { config, data } = await openEarlier(name, values.folder);
const options = modelOptions(config);
const { minRows } = config.compare;
const teacherOf = teachersOf({ config, data, options });
const [teacherSplit, student, validation, evaluation] = ['teacher', 'student', 'validation', 'evaluation'].map(
  (split) => data.split(split),
);

/** @param {import('./variants.mjs').Variant} variant */
async function hashingOf({ baseline, teacher, hashing }, size, seed) {
  if (hashing === undefined) return undefined;
  const known = baseline ? undefined : await teacherOf(teacher ?? {}, seed);
  /** @returns {any} */
  const complete = ({ older, ...chosen }) => ({
    size,
    minRows,
    seed,
    recent: older ? [teacherSplit, student] : [student],
    ...chosen,
  });
  return hashing({
    baseline: (chosen) => baselineHashing(data.features, complete(chosen)),
    learned: (chosen) => learnHashing(known, complete(chosen)),
    byMass: (chosen) => byMass({ data, minRows }, known, { size, seed, ...chosen }),
    nearestHot: (chosen) => nearestHot({ data, minRows }, known, { size, seed, ...chosen }),
    wardByCount: () => ward({ data, minRows }, known, { size, seed, weights: (f) => known.features[f].counts }),
    wardByCurvature: async () => {
      // The teacher's model again, for its predictions.
      const { learningRate, epochs } = known.fit;
      const model = await trainStudent(teacherSplit, { ...options, seed, dim: known.dim, learningRate, epochs });
      const probabilities = await model.predict(teacherSplit);
      model.close();
      const weights = (f) => curvatures(teacherSplit, f, probabilities);
      return ward({ data, minRows }, known, { size, seed, weights });
    },
  });
}

/** Replaces ids of a batch by their feature's id for unseen values. */
function replace({ indices, offsets, size }, { share, of }, random) {
  for (const [f, { outOfVocabulary }] of data.features.entries()) {
    const counts = teacherSplit.idCounts(f);
    for (let i = offsets[f * size]; i < offsets[(f + 1) * size]; i++) {
      if (random.uniform() < share && (of === 'all' || counts[indices[i]] === 0)) indices[i] = outOfVocabulary;
    }
  }
}

/**
 * The model that validation prefers, over all learning rates and passes.
 *
 * @param {import('./variants.mjs').Variant} variant
 */
async function best({ replaced, epochs = config.compare.tune.maxEpochs }, hashing, seed) {
  let chosen;
  for (const rate of config.compare.tune.learningRate) {
    const model = buildRecommender(student, hashing?.features, config.model.dim, { ...options, seed }, rate);
    const size = options.batchSize ?? defaultBatchSize(student.rows);
    for (let epoch = 1, previous = Number.POSITIVE_INFINITY; epoch <= epochs; epoch++) {
      const random = new Random(epochSeed(seed, epoch));
      for (const batch of batches(student, { size, order: shuffled(student.rows, epochSeed(seed, epoch)) })) {
        if (replaced !== undefined) replace(batch, replaced, random);
        model.step(batch);
      }
      const { logLoss } = await evaluateSplit(model, validation);
      if (chosen === undefined || logLoss < chosen.validation) {
        const metrics = await evaluateSplit(model, evaluation);
        const bytes = model.tables.memory().total;
        chosen = { rate, epoch, validation: logLoss, auc: metrics.auc, logLoss: metrics.logLoss, bytes };
      }
      if (logLoss >= previous) break;
      previous = logLoss;
    }
    model.close();
  }
  return chosen;
}

const end = Date.now() + Number(values.minutes) * 60_000;
for (let seed = 1; seed <= Number(values.seeds); seed++) {
  for (const [variant, how] of Object.entries(variants)) {
    if (!new RegExp(values.only).test(variant)) continue;
    for (const size of how.hashing === undefined ? [1] : values.sizes.split(',').map(Number)) {
      if (results.some((r) => r.variant === variant && r.size === size && r.seed === seed)) continue;
      if (Date.now() > end) process.exit(3);
      results.push({ variant, size, seed, ...(await best(how, await hashingOf(how, size, seed), seed)) });
      writeFileSync(path, `[\n${results.map((r) => JSON.stringify(r)).join(',\n')}\n]\n`);
    }
  }
}
