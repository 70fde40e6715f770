// The comparison of an example on its set moved back in time (sets.mjs), with the defaults: was the example's own period
// typical? Writes docs/results/SET_earlier.json, in the form of `collide compare`; what is there is not run again.
// usage: node bench/quality/earlier.mjs SET [--folder FOLDER] [--seeds 3] [--sizes 0.1] [--minutes 7]
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { writeComparison } from '../../dist/compare/results_file.js';
import { compare } from '../../dist/compare/run.js';
import { openEarlier } from './sets.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: 'string', default: 'examples' },
    seeds: { type: 'string', default: '3' },
    sizes: { type: 'string', default: '0.1' },
    minutes: { type: 'string', default: '7' },
  },
});
const [name] = positionals;
const path = `docs/results/${name}_earlier.json`;
const { config, data } = await openEarlier(name, values.folder);
/** @type {typeof config.compare.methods} */
const methods = ['full', 'modulo', 'frequent', 'equal-mass', 'auto'];
const sizes = values.sizes.split(',').map(Number);
const tried = { ...config, compare: { ...config.compare, methods, sizes, seeds: Number(values.seeds) } };
await compare(tried, data, {
  resume: existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined,
  onResult: (soFar) => writeComparison(path, soFar),
  signal: AbortSignal.timeout(Number(values.minutes) * 60_000),
});
