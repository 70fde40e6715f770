import { describe, expect, it } from 'vitest';
import { datasetFromArrays } from '../../lib/data/index.ts';
import { autoCandidates, WIDE } from '../../lib/methods/choosing/candidates.ts';
import { Teacher } from '../../lib/pipeline/teacher.ts';

const ids = Uint32Array.of(0, 1, 2, 3, 4, 5);
/** A data set of so many features of six ids, and a teacher that met all but those of the first `untaught`. */
function wide(features: number, untaught = 0) {
  const names = Array.from({ length: features }, (_, f) => ({ name: `f${f}`, cardinality: 6 }));
  const split = { labels: Float32Array.of(0, 1, 0, 1, 0, 1), features: names.map(() => ({ ids })) };
  const data = datasetFromArrays({ features: names, splits: { student: split } });
  const known = names.map((feature, f) => {
    return { ...feature, rows: new Float32Array(6), counts: new Uint32Array(6).fill(f < untaught ? 0 : 1) };
  });
  return { data, teacher: new Teacher(1, known) };
}
const options = {
  size: 0.5,
  minRows: 1,
  whole: [],
  hotShare: [0, 0.5, 0.75, 0.9, 1],
  crossFit: [false, true],
  parts: [1, 4],
};
const candidates = (features: number, given: object = {}, untaught = 0) => {
  const { data, teacher } = wide(features, untaught);
  return autoCandidates(
    { features: data.features, teacher, recent: [data.split('student')] },
    { ...options, ...given },
  );
};

describe('autoCandidates', () => {
  it('are all combinations, up to 100 features; then one option at a time', () => {
    expect(candidates(WIDE).shapes).toHaveLength(20);
    const { shapes, tables } = candidates(WIDE + 1);
    expect(tables).toHaveLength(WIDE + 1);
    expect(shapes).toEqual([
      ...options.hotShare.map((hotShare) => ({ hotShare, crossFit: false, parts: 1 })),
      { hotShare: 0.75, crossFit: true, parts: 1 },
      { hotShare: 0.75, crossFit: false, parts: 4 },
    ]);
  });

  it('are one layout where nothing is compressed', () => {
    for (const given of [{ minRows: 7 }, { size: 1 }, { whole: ['f0', 'f1'] }]) {
      expect(candidates(2, given)).toEqual({ shapes: [{ hotShare: 0, crossFit: false, parts: 1 }], tables: [] });
    }
  });

  it('leave out tables that are hashed anyway, unless a cross-fitted teacher may know them', () => {
    expect(candidates(3, { crossFit: [false] }, 2).tables).toEqual(['f2']);
    expect(candidates(3, {}, 2).tables).toEqual(['f0', 'f1', 'f2']);
  });
});
