// Ways to place ids that were tried and are not in the library. Each returns the hash functions of all features.

import { principalProjection } from '../../dist/clustering/index.js';
import { equalMassBins } from '../../dist/clustering/learners/equal_mass.js';
import { mixedHasher } from '../../dist/hashing/mix.js';
import { targetRows } from '../../dist/methods/table_rows.js';
import { Hashing } from '../../dist/pipeline/hashing.js';
import { wardBins } from './ward.mjs';

/** Hot ids own rows; ids that the teacher saw get equal-mass bins; the others rows in proportion to their mass. */
export function byMass(context, teacher, options) {
  return eachTable(context, teacher, options, async ({ rows, entries, coldest, keyOf, counts, recent, unseenId }) => {
    const { hotShare, own, coldUpTo } = options;
    const hot = Math.round(hotShare * rows);
    const cold = coldest(hot).filter((id) => id !== unseenId);
    const known = cold.filter((id) => counts[id] > 0);
    const others = cold.filter((id) => counts[id] === 0);
    const mass = (ids) => ids.reduce((sum, id) => sum + Math.sqrt(recent[id] + 0.3), 0);
    const left = rows - hot - (own ? 1 : 0);
    const share = others.length === 0 ? 0 : mass(others) / (mass(known) + mass(others));
    const kept = others.length === 0 ? 0 : Math.max(1, Math.min(left - 1, Math.round(left * share)));
    const bins = await equalMassBins(
      Float64Array.from(known, keyOf),
      Uint32Array.from(known, (id) => 10 * recent[id] + 3),
      left - kept,
    );
    known.forEach((id, k) => {
      entries[id] = hot + bins[k];
    });
    const last = hot + left - 1;
    const hashed = mixedHasher(BigInt(options.seed), Math.max(1, kept - (coldUpTo ? 1 : 0)));
    // With `coldUpTo`, ids that came at most so often share the out-of-vocabulary row.
    for (const id of others) entries[id] = coldUpTo && recent[id] <= coldUpTo ? last : hot + left - kept + hashed(id);
    if (own) entries[unseenId] = rows - 1;
    else entries[unseenId] = coldUpTo ? last : hot + left - Math.max(1, kept) + (kept > 0 ? hashed(unseenId) : 0);
  });
}

/** Every row has one hot id; ids that the teacher saw join one of the 16 nearest in value, the least loaded; others are hashed. */
export function nearestHot(context, teacher, options) {
  return eachTable(
    context,
    teacher,
    options,
    ({ rows, entries, coldest, hottest, keyOf, counts, recent, unseenId }) => {
      const known = hottest
        .slice(0, rows)
        .map((id, row) => ({ row, id }))
        .filter(({ id }) => counts[id] >= 5);
      known.sort((a, b) => keyOf(a.id) - keyOf(b.id));
      const load = new Float64Array(rows);
      const hashed = mixedHasher(BigInt(options.seed), rows);
      for (const id of coldest(rows)) {
        if (id === unseenId || counts[id] < 5 || known.length === 0) {
          entries[id] = hashed(id);
          continue;
        }
        const at = known.findIndex((hot) => keyOf(hot.id) >= keyOf(id));
        const middle = at < 0 ? known.length : at;
        const near = known.slice(Math.max(0, middle - 8), middle + 8);
        const { row } = near.reduce((best, hot) => (load[hot.row] < load[best.row] ? hot : best));
        entries[id] = row;
        load[row] += recent[id] + 0.3;
      }
    },
  );
}

/** Ward's clusters of the ids that the teacher saw; weights(feature) says what they weigh. The others share a row. */
export function ward(context, teacher, options) {
  return eachTable(context, teacher, options, ({ feature, rows, entries, keyOf, counts }) => {
    const known = [...counts.keys()].filter((id) => counts[id] > 0);
    const weights = options.weights(feature);
    const bins = wardBins(
      Float64Array.from(known, keyOf),
      Float64Array.from(known, (id) => weights[id]),
      rows - 1,
    );
    entries.fill(rows - 1);
    for (const [k, id] of known.entries()) entries[id] = bins[k];
  });
}

async function eachTable({ data, minRows }, teacher, options, place) {
  /** @type {import('../../dist/index.js').FeatureHashing[]} */
  const features = [];
  for (const [f, { name, cardinality, rows: values, counts }] of teacher.features.entries()) {
    const rows = targetRows(cardinality, { size: options.size, minRows });
    if (rows >= cardinality) {
      features.push({ name, cardinality, hashes: [{ kind: 'identity' }], combine: 'sum' });
      continue;
    }
    const recent = data.split('student').idCounts(f);
    const hottest = [...recent.keys()].sort((a, b) => recent[b] - recent[a] || a - b);
    const keys = teacher.dim === 1 ? values : await principalProjection(values, teacher.dim, counts);
    const entries = new Uint32Array(cardinality);
    hottest.slice(0, rows).forEach((id, row) => {
      entries[id] = row;
    });
    const unseenId = data.features[f].outOfVocabulary;
    const coldest = (hot) => hottest.slice(hot);
    await place({ feature: f, rows, entries, hottest, coldest, keyOf: (id) => keys[id], counts, recent, unseenId });
    features.push({ name, cardinality, hashes: [{ kind: 'table', rows, entries }], combine: 'sum' });
  }
  return new Hashing(features, { method: 'exploration', size: options.size, minRows, seed: options.seed });
}
