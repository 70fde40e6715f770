import { describe, expect, it } from 'vitest';
import { compare } from '../../lib/compare/run.ts';
import { comparisonWarnings, trainingWarnings } from '../../lib/compare/warnings.ts';
import { baselineHashing } from '../../lib/methods/baseline.ts';
import { formatTable, renderReport } from '../../lib/report/index.ts';
import { tinyConfig, tinyData } from '../pipeline/tiny.ts';
import { comparison, result, usualComparison } from '../report/comparison.ts';

const one = (label: number) => (split: Parameters<NonNullable<Parameters<typeof tinyData>[0]>[string]>[0]) => ({
  ...split,
  labels: split.labels.map(() => label),
});
/** A comparison says it in its notes, on top of the table and in the report. */
async function everywhere(of: Awaited<ReturnType<typeof compare>>, text: RegExp | string) {
  const page = await renderReport(of);
  const heading = page.indexOf('<h2>');
  const found = [
    of.notes.join('\n'),
    formatTable(of).split('\n\n')[0]!,
    page.slice(0, heading).replaceAll('&#34;', '"'),
  ];
  for (const place of found) expect(place.replaceAll('\u00a0', ' ')).toMatch(text);
  return { page, table: formatTable(of) };
}

describe('warnings of a comparison', () => {
  it('are none where there is nothing to warn of', () => {
    expect(comparisonWarnings(usualComparison())).toEqual([]);
  });

  it('nothing was compressed', async () => {
    const config = tinyConfig({ compare: { methods: ['full', 'modulo', 'auto'], minRows: 500, seeds: 1 } });
    const found = await compare(config, tinyData());
    await everywhere(
      found,
      /Nothing was compressed: every table is below minRows 500 \(.*\(\d+ ids\), .*\(\d+ ids\)\)\. All tables are full ones; a lower minRows/,
    );
    const [full, modulo] = found.results;
    expect(modulo!.bytes).toEqual(full!.bytes);
    const whole = await compare(tinyConfig({ compare: { methods: ['modulo'], sizes: [1], seeds: 1 } }), tinyData());
    await everywhere(whole, /Nothing was compressed: every size is 100 %/);
    const nearly = await compare(
      tinyConfig({ compare: { methods: ['modulo'], sizes: [0.999], seeds: 1 } }),
      tinyData(),
    );
    const why =
      /Nothing was compressed: every size leaves a row for each id \(.*All tables are full ones; smaller sizes compress/;
    await everywhere(nearly, why);
    const some = await compare(tinyConfig({ compare: { methods: ['modulo'], sizes: [0.5, 1], seeds: 1 } }), tinyData());
    expect(some.notes).toEqual([]);
    expect(some.data.features.map(({ compressed }) => compressed)).toEqual([true, true]);
  });

  it.each([0, 1])('evaluation rows of one class, %i: no AUC, no empty plot, no labels of many zeros', async (label) => {
    const config = tinyConfig({ compare: { methods: ['full', 'modulo', 'learned'], seeds: 2 } });
    const found = await compare(config, tinyData({ evaluation: one(label) }));
    expect(found.results.every(({ auc }) => Number.isNaN(auc))).toBe(true);
    const { page, table } = await everywhere(found, `All labels of split evaluation are ${label}: AUC does not exist`);
    expect(page).toContain('Nothing to draw: no result has a finite AUC');
    expect(page).not.toMatch(/>0\.0000000|NaN/);
    expect(table).not.toContain('NaN');
  });

  it.each(['teacher', 'student', 'validation'])('rows of one class in the split %s', async (split) => {
    const config = tinyConfig({ compare: { methods: ['full', 'learned'], seeds: 1 } });
    const found = await compare(config, tinyData({ [split]: one(0) }));
    await everywhere(found, `All labels of split ${split} are 0`);
  });

  it('students that say no more than the label rate, and those that are far off', async () => {
    const idle = usualComparison();
    for (const one of idle.results) if (one.method !== 'learned') one.normalizedEntropy = one.size === 0.1 ? 1 : 0.9;
    expect(comparisonWarnings(idle)).toEqual([
      'No better than always predicting the label rate (normalized entropy of 1 or more): modulo at 10 %, frequent at 10 %.',
    ]);
    const config = tinyConfig({ compare: { methods: ['full', 'modulo'], seeds: 1 } });
    const far = await compare(config, tinyData({ evaluation: (s) => ({ ...s, dense: s.dense!.map(() => 1e20) }) }));
    const text =
      /No better than .*: The full table, .*\. Dense values or labels of the evaluation rows that are unlike/;
    const { table } = await everywhere(far, text);
    expect(table).toMatch(/ \d\.\d\de\+\d+/);
  });

  it('of one student say that it is of no use', async () => {
    const data = tinyData();
    const hashing = await baselineHashing(data, { method: 'modulo', size: 0.5, minRows: 1 });
    const told = (normalizedEntropy: number) =>
      trainingWarnings(
        data,
        { hashing, size: 0.5, whole: [], untaught: [], diverged: [] },
        { minRows: 1, normalizedEntropy },
      );
    expect(told(0.99)).toEqual([]);
    expect(told(Number.NaN)).toEqual([]);
    const text = 'No better than always predicting the label rate (normalized entropy of 1 or more): the student.';
    expect(told(1)).toEqual([text]);
    expect(told(40)).toEqual([expect.stringContaining(`${text} Dense values or labels`)]);
  });

  it('log losses that hardly differ have labels that do', async () => {
    const flat = [1e-9, 2e-9].map((logLoss, k) => result({ seed: 1, method: `m${k}`, logLoss, auc: 0.5 + k * 1e-9 }));
    const page = await renderReport(comparison(flat));
    expect(page).not.toMatch(/0\.0000000/);
    const labels = [...page.matchAll(/role-axis-label"[\s\S]*?<\/g>/g)].map(
      ([group]) => group.match(/>[^<]+<\/text>/g)!,
    );
    for (const axis of labels) expect(new Set(axis).size).toBe(axis.length);
  });

  it('more bytes than the full table, in words', async () => {
    const narrow = { compare: { methods: ['full', 'modulo', 'learned', 'auto'] as const, sizes: [0.9], seeds: 1 } };
    const config = tinyConfig({
      ...narrow,
      compare: { ...narrow.compare, methods: [...narrow.compare.methods] },
      model: { dim: 1, bottom: [1] },
    });
    const found = await compare(config, tinyData());
    const bytes = (method: string) => found.results.find((r) => r.method === method)!.bytes;
    expect(bytes('learned').total).toBeGreaterThan(bytes('full').total);
    await everywhere(found, /learned at 90 % takes 1\.\d\d times the bytes of the full table/);
    // auto declines: the whole tables are smaller, and exact.
    expect(bytes('auto')).toEqual(bytes('full'));
    const auto = found.results.find((r) => r.method === 'auto')!;
    expect(auto.whole).toEqual(found.data.features.map(({ name }) => name));
    await everywhere(
      found,
      /auto at 90 %: tables .* left whole, since with a learned hash they would take no fewer bytes/,
    );
    expect(await renderReport(found)).toMatch(/1\d\d %, more than the full table/);
  });

  it('auto never takes more bytes than the full table, at any width or size', async () => {
    for (const dim of [1, 2, 4]) {
      const sizes = [0.1, 0.5, 0.8, 0.95];
      const config = tinyConfig({
        model: { dim, bottom: [dim] },
        compare: { methods: ['full', 'auto'], sizes, seeds: 1, hotShare: [0.5] },
      });
      const { results } = await compare(config, tinyData());
      const full = results.find((r) => r.method === 'full')!.bytes.total;
      for (const { bytes } of results) expect(bytes.total).toBeLessThanOrEqual(full);
    }
  });

  it('a feature that is alive only after the teacher’s rows: learners do as modulo does', async () => {
    const dead = (split: Parameters<ReturnType<typeof one>>[0]) => ({
      ...split,
      features: split.features.map(({ ids }, f) => ({ ids: f === 0 ? ids.map(() => 3) : ids })),
    });
    const data = tinyData({ teacher: dead });
    const shared = { minRows: 40, seeds: 2, hotShare: [0.6], sizes: [0.3] };
    const methods = ['modulo', 'equal-mass', 'learned', 'k-means', 'kd-tree', 'lsh', 'exact', 'auto'] as const;
    const found = await compare(tinyConfig({ compare: { ...shared, methods: [...methods] } }), data);
    // The second table has too few ids to be compressed, so all methods are the hashing trick.
    const figures = (method: string) =>
      found.results.filter((r) => r.method === method).map(({ auc, logLoss, bytes }) => ({ auc, logLoss, bytes }));
    for (const method of methods) expect(figures(method)).toEqual(figures('modulo'));
    const [name] = found.data.features.map((feature) => feature.name);
    for (const r of found.results) expect(r.untaught).toEqual(r.method === 'modulo' ? undefined : [name]);
    await everywhere(found, `The teacher could learn nothing of "${name}"`);
  });
});
