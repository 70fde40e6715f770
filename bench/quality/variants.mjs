// What is tried: how tables are laid out, and how the student trains.
//
// hashing(make) gets { baseline, learned, byMass, nearestHot, wardByCount, wardByCurvature }, each (options) => Hashing, and
// the teacher of `teacher`; hot rows go by the student's counts. replaced: share of ids that training replaces by the row
// of unseen values, of all ids or (`of: 'new'`) of those that the teacher never saw. epochs: passes to try, the example's
// by default.
const baseline = (options) => ({ baseline: true, hashing: ({ baseline }) => baseline(options) });
const learned = (options, teacher = {}) => ({ teacher, hashing: ({ learned }) => learned(options) });
const dealt = (hotShare, teacher, options) => learned({ unseen: 'dealt', hotShare, ...options }, teacher);
const byMass = (options) => ({ teacher: {}, hashing: ({ byMass }) => byMass(options) });

const layouts = {
  full: { baseline: true },
  modulo: baseline({ method: 'modulo' }),
  'frequent 50 %, counted over teacher and student': baseline({ method: 'frequent', hotShare: 0.5, older: true }),
  'frequent 50 %': baseline({ method: 'frequent', hotShare: 0.5 }),
  'frequent 75 %': baseline({ method: 'frequent', hotShare: 0.75 }),
  'equal-mass': learned({ method: 'equal-mass' }),
  agglomerative: learned({}),
  'agglomerative, hot 50 %, counted over teacher and student': learned({ hotShare: 0.5, older: true }),
  'agglomerative, hot 25 %, unseen shared': learned({ hotShare: 0.25 }),
  'agglomerative, hot 50 %, unseen shared': learned({ hotShare: 0.5 }),
  'agglomerative, hot 75 %, unseen shared': learned({ hotShare: 0.75 }),
  'agglomerative, hot 90 %, unseen shared': learned({ hotShare: 0.9 }),
  'dealt, hot 0 %': dealt(0),
  'agglomerative, hot 50 %, unseen hashed over cold rows': learned({ hotShare: 0.5, unseen: 'hash' }),
  'agglomerative, hot 50 %, unseen reserved': learned({ hotShare: 0.5, unseen: 'reserved' }),
  'dealt, hot 25 %': dealt(0.25),
  'dealt, hot 50 %': dealt(0.5),
  'dealt, hot 75 %': dealt(0.75),
  'dealt, hot 90 %': dealt(0.9),
  'dealt, hot 100 %': dealt(1),
};
const learners = {
  exact: learned({ method: 'exact' }),
  'Ward, by count': { teacher: {}, hashing: ({ wardByCount }) => wardByCount() },
  'Ward, by curvature': { teacher: {}, hashing: ({ wardByCurvature }) => wardByCurvature() },
  'dealt, hot 75 %, equal-mass': dealt(0.75, {}, { method: 'equal-mass' }),
  'dealt, hot 75 %, kd-tree, teacher 2 wide': dealt(0.75, {}, { method: 'kd-tree' }),
  'dealt, hot 75 %, kd-tree, teacher 4 wide': dealt(0.75, { dim: 4 }, { method: 'kd-tree' }),
  'dealt, hot 75 %, k-means, teacher 4 wide': dealt(0.75, { dim: 4 }, { method: 'k-means' }),
  'dealt, hot 75 %, label means as teacher': dealt(0.75, { means: 20 }),
  'dealt, hot 75 %, teacher rows shrunk, tau 10': dealt(0.75, { shrink: 10 }),
  'dealt, hot 75 %, ids under 5 accesses dealt': dealt(0.75, { least: 5 }),
};
const placements = {
  'rows by mass, hot 75 %': byMass({ hotShare: 0.75 }),
  'rows by mass, hot 75 %, row of its own for unseen values': byMass({ hotShare: 0.75, own: true }),
  'rows by mass, hot 75 %, newcomers up to 2 accesses share': byMass({ hotShare: 0.75, coldUpTo: 2 }),
  'each cold id with a hot one of near value': { teacher: {}, hashing: ({ nearestHot }) => nearestHot({}) },
};
const trainings = {
  'full, 5 % of ids replaced': { ...layouts.full, replaced: { share: 0.05, of: 'all' } },
  'full, 5 % of new ids replaced': { ...layouts.full, replaced: { share: 0.05, of: 'new' } },
  'modulo, 5 % of new ids replaced': { ...layouts.modulo, replaced: { share: 0.05, of: 'new' } },
  'dealt, hot 90 %, 5 % of new ids replaced': { ...dealt(0.9), replaced: { share: 0.05, of: 'new' } },
  'dealt, hot 100 %, 5 % of new ids replaced': { ...dealt(1), replaced: { share: 0.05, of: 'new' } },
  'dealt, hot 75 %, 5 % of new ids replaced': { ...dealt(0.75), replaced: { share: 0.05, of: 'new' } },
  'frequent 75 %, 5 % of new ids replaced': { ...layouts['frequent 75 %'], replaced: { share: 0.05, of: 'new' } },
  'hot 75 %, unseen shared, 5 % of new ids replaced': {
    ...layouts['agglomerative, hot 75 %, unseen shared'],
    replaced: { share: 0.05, of: 'new' },
  },
  'full, up to 4 passes': { ...layouts.full, epochs: 4 },
  'modulo, up to 4 passes': { ...layouts.modulo, epochs: 4 },
  'dealt, hot 90 %, up to 4 passes': { ...dealt(0.9), epochs: 4 },
};

/** @typedef {{ [name in 'baseline' | 'learned' | 'byMass' | 'nearestHot' | 'wardByCount' | 'wardByCurvature']: Function }} Makers */

/**
 * @typedef {object} Variant
 * @property {boolean} [baseline] needs no teacher
 * @property {{ dim?: number, means?: number, shrink?: number, least?: number }} [teacher] what is other about it
 * @property {(make: Makers) => unknown} [hashing] default: full tables
 * @property {{ share: number, of: string }} [replaced] accesses that are trained on the out-of-vocabulary row
 * @property {number} [epochs]
 */

/** @type {Record<string, Variant>} */
export const variants = { ...layouts, ...learners, ...placements, ...trainings };
