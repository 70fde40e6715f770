// What the parts of `auto` give, on sets moved back in time (sets.mjs): where cold ids go, cross-fitting, and rows of parts. Writes
// docs/notebook/SET_parts.json, in the form of `collide compare`; what is there is not run again.
// usage: node bench/quality/ablate.mjs SET [--folder FOLDER] [--seeds 3] [--sizes 0.05,0.1,0.2] [--minutes 7]
// [--only PATTERN]
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseConfig } from '../../dist/compare/config.js';
import { recordedConfig } from '../../dist/compare/resume.js';
import { compare } from '../../dist/compare/run.js';
import { openEarlier } from './sets.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: 'string', default: 'examples' },
    seeds: { type: 'string', default: '3' },
    sizes: { type: 'string', default: '0.05,0.1,0.2' },
    minutes: { type: 'string', default: '7' },
    only: { type: 'string', default: '' },
  },
});
const [name] = positionals;
const path = `docs/notebook/${name}_parts.json`;
const { config, data } = await openEarlier(name, values.folder);

/** @type {Record<string, { methods?: typeof config.compare.methods, unseen?: typeof config.compare.unseen, crossFit?: boolean | boolean[], pieces?: number[] }>} */
const parts = {
  '': { methods: ['full', 'modulo', 'mixed', 'frequent', 'equal-mass'] },
  'auto, unseen shared': { unseen: 'shared', crossFit: false },
  'auto, unseen out-of-vocabulary': { unseen: 'out-of-vocabulary', crossFit: false },
  'auto, unseen shared, cross-fitted': { unseen: 'shared', crossFit: true },
  'auto, unseen out-of-vocabulary, cross-fitted': { unseen: 'out-of-vocabulary', crossFit: true },
  'auto, whole rows': { unseen: 'out-of-vocabulary', crossFit: [false, true] },
  'auto, rows of 4 parts': { unseen: 'out-of-vocabulary', crossFit: [false, true], pieces: [4] },
  'auto, either': { unseen: 'out-of-vocabulary', crossFit: [false, true], pieces: [1, 4] },
};
const earlier = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
const known = earlier?.results ?? [];
const results = [];
const end = AbortSignal.timeout(Number(values.minutes) * 60_000);
for (const [label, of] of Object.entries(parts)) {
  if (!new RegExp(values.only).test(label)) continue;
  const { methods = ['auto'], unseen = 'out-of-vocabulary', crossFit = true, pieces = [1] } = of;
  const sizes = values.sizes.split(',').map(Number);
  const tried = {
    ...config,
    teacher: { ...config.teacher, crossFit: [crossFit].flat() },
    training: { ...config.training, outOfVocabularyShare: 0.05 },
    compare: { ...config.compare, methods, sizes, unseen, parts: pieces, seeds: Number(values.seeds) },
  };
  const named = (result) => (label === '' ? result : { ...result, method: label });
  const kept = known
    .filter(({ method }) => (label === '' ? methods.includes(method) : method === label))
    .map((result) => (label === '' ? result : { ...result, method: 'auto' }));
  const onResult = (soFar) => {
    const all = [...results, ...soFar.results.map(named)];
    const others = known.filter(({ method }) => !all.some((result) => result.method === method));
    writeFileSync(path, `${JSON.stringify({ ...soFar, config: undefined, results: [...all, ...others] }, null, 1)}\n`);
  };
  // The file has the results of several configs, told apart by their labels.
  const resume =
    kept.length === 0 ? undefined : { ...earlier, config: recordedConfig(parseConfig(tried)), results: kept };
  const { results: own } = await compare(tried, data, { resume, onResult, signal: end });
  results.push(...own.map(named));
}
