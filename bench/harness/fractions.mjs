// The engine's speed as fractions of the machine's limits, and what they should reach.
import { both, count, percent, short, table } from './format.mjs';
import { ratio } from './rounds.mjs';

// Fractions of the limit to reach at width 64, by pooling.
const TARGETS = {
  'lookup.identity': { 20: 0.92, 1: 0.7 },
  'lookup.learned': { 20: 0.8, 1: 0.65 },
  'backward.identity': { 20: 0.5, 1: 0.55 },
  'backward.learned': { 20: 0.5, 1: 0.55 },
};
const FRACTIONS = {
  'lookup.identity': 'lookup',
  'lookup.learned': 'lookup, learned',
  'forward.identity': 'training forward',
  'backward.identity': 'backward',
  'backward.learned': 'backward, learned',
};

const COSTS = ['cost of keeping', 'cost of counting', 'cost of counting, learned'];

/** limit / work: 1 is as fast as the machine can touch these rows. */
export const fraction = ({ times }, work) => {
  const [verb, kind] = work.split('.');
  return ratio(times, `engine ${verb === 'backward' ? 'update' : 'gather'}.${kind}`, `engine ${work}`);
};

/** The same, with the output that a lookup must write, or the gradient that backward must read, as part of the limit. */
const wholeFraction = ({ times }, work) => {
  const [verb, kind] = work.split('.');
  const parts = verb === 'backward' ? ['update', 'read'] : ['gather', 'write'];
  return ratio(
    times,
    parts.map((part) => `engine ${part}.${kind}`),
    `engine ${work}`,
  );
};

/** Fractions of the limits that count the output and the gradient too. */
export function wholeFractions(all) {
  const works = Object.keys(TARGETS);
  const rows = all
    .filter(({ times }) => times['engine write.identity'])
    .map((one) => [one.name.replaceAll('=', ' '), ...works.map((work) => both(wholeFraction(one, work)))]);
  if (rows.length === 0) return [];
  const text =
    'Fractions of whole limits: the output written once, past the cache, in order, counts with the gather limit; the ' +
    'gradient read once, in order, with the update limit.';
  return ['', text, '', ...table(['', ...works.map((work) => FRACTIONS[work])], rows)];
}

/** A step (forward and backward) that counts accesses over one that does not; nothing where that was not measured. */
function costOfCounting(times, kind) {
  const counted = `engine step.${kind}-counted`;
  return times[counted] ? percent(ratio(times, counted, `engine step.${kind}`)) : '';
}

/** The fractions as one table per number of ids in a bag. */
export function fractionTables(all) {
  const lines = [];
  for (const pooling of [...new Set(all.map(({ settings }) => settings.pooling))]) {
    const chosen = all.filter(({ settings }) => settings.pooling === pooling);
    const target = Object.keys(FRACTIONS).map((work) => TARGETS[work]?.[pooling]);
    const rows = chosen.map((one) => [
      `${one.settings.tables} tables, width ${one.settings.width}, batch ${count(one.settings.batch)}`,
      ...Object.keys(FRACTIONS).map((work) => both(fraction(one, work))),
      percent(ratio(one.times, 'engine forward.identity', 'engine lookup.identity')),
      costOfCounting(one.times, 'identity'),
      costOfCounting(one.times, 'learned'),
      both(ratio(one.times, 'engine lookup.learned', 'engine lookup.identity')),
    ]);
    lines.push(
      '',
      `### ${pooling} ${pooling === 1 ? 'id' : 'ids'} per bag`,
      '',
      ...table(
        ['', ...Object.values(FRACTIONS), ...COSTS, 'time of lookup, learned / uncompressed'],
        [['target at width 64', ...target.map((x) => (x ? `≥ ${x.toFixed(2)}` : '')), '', '< 3 %', '', '≤ 1'], ...rows],
      ),
    );
  }
  return lines;
}

/** The other widths and numbers of tables as a part of the width-64, 26-table fraction at the same batch and pooling. */
export function relative(all) {
  const at = ({ settings }) => `${settings.batch} ${settings.pooling}`;
  const isBase = ({ settings }) => settings.tables === 26 && settings.width === 64;
  const base = new Map(all.filter(isBase).map((one) => [at(one), one]));
  const works = Object.keys(TARGETS);
  const rows = all
    .filter((one) => !isBase(one) && base.has(at(one)))
    .map((one) => [
      one.name.replaceAll('=', ' '),
      ...works.map((work) => short(fraction(one, work).wall.median / fraction(base.get(at(one)), work).wall.median)),
    ]);
  if (rows.length === 0) return [];
  const text =
    'Width 16 and 100 tables: their fraction as a part of the one at width 64 and 26 tables. Target: ≥ 0.90.';
  return ['', text, '', ...table(['', ...works.map((work) => FRACTIONS[work])], rows)];
}
