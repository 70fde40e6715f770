import { describe, expect, it } from 'vitest';
import { baselineOf, differences, headline } from '../../lib/report/findings.ts';
import { comparison, result, usualComparison } from './comparison.ts';

/** Results of one method at one size, one AUC and log loss per seed. */
const runs = (method: string, size: number, aucs: number[], losses = aucs.map((a) => 1 - a)) =>
  aucs.map((auc, i) => result({ method, size, seed: i + 1, auc, logLoss: losses[i]! }));

describe('headline', () => {
  it('says what the learned hash gains, and what of the loss it wins back', () => {
    expect(headline(usualComparison())).toEqual([
      'learned against modulo at equal bytes, mapping counted: AUC higher at 5 % (+0.0100 ± 0.0000) and 10 % (+0.0088 ± 0.0000); ' +
        'log loss lower at 5 % (−0.0070 ± 0.0000) and 10 % (−0.0063 ± 0.0000). ' +
        'Of the AUC that modulo loses against the full table it wins back 50 % at 5 % and 47 % at 10 %. ' +
        'At the same share of rows it takes 1.28 times the bytes of modulo at 5 % and 1.14 times at 10 %.',
    ]);
  });

  it('claims nothing within the spread, and does not hide a loss', () => {
    const text = headline(
      comparison([
        ...runs('modulo', 0.05, [0.7, 0.7, 0.7]),
        ...runs('learned', 0.05, [0.71, 0.69, 0.702]),
        ...runs('modulo', 0.1, [0.72, 0.72, 0.72]),
        ...runs('learned', 0.1, [0.71, 0.711, 0.709]),
      ]),
    ).join(' ');
    expect(text).toContain('AUC lower at 10 % (−0.0100 ± 0.0010), not distinguishable at 5 % (+0.0007 ± 0.0101);');
    expect(text).toContain('log loss higher at 10 % (+0.0100 ± 0.0010), not distinguishable at 5 %');
    expect(text).not.toContain('wins back');
  });

  it('makes no claim for more bytes than any baseline has, and says how many', () => {
    const more = { rows: 64_000, mapping: 19_200, optimizer: 0, total: 83_200 };
    const results = [
      ...runs('modulo', 0.1, [0.7, 0.7, 0.7]),
      ...runs('learned', 0.1, [0.8, 0.8, 0.8]).map((r) => ({ ...r, bytes: more })),
    ];
    const [text] = headline(comparison(results));
    expect(text).toContain(
      'AUC without a claim, as no modulo of as many bytes was run, at 10 % (+0.1000 ± 0.0000, takes 1.30 times the bytes);',
    );
    expect(text).toContain('At the same share of rows it takes 1.30 times the bytes of modulo at 10 %.');
    expect(text).not.toMatch(/higher|lower|wins back/);
    const alone = headline(comparison(results.map((r) => (r.method === 'modulo' ? { ...r, method: 'lsh' } : r))));
    expect(alone).toEqual([
      'At 10 % of the rows learned has the highest AUC, 0.8000 ± 0.0000; it takes 1.30 times the bytes of lsh.',
    ]);
  });

  it('makes no claim from a single seed', () => {
    const text = headline(comparison([...runs('modulo', 0.1, [0.7]), ...runs('learned', 0.1, [0.8])])).join(' ');
    expect(text).toContain('AUC of a single seed, so without a claim, at 10 % (+0.1000)');
    expect(text).not.toMatch(/higher|lower/);
  });

  it('has a sentence per learned method', () => {
    const results = [
      ...runs('mixed', 0.1, [0.7, 0.7]),
      ...runs('learned', 0.1, [0.8, 0.81]),
      ...runs('auto', 0.1, [0.8, 0.81]),
    ];
    const sentences = headline(comparison(results));
    expect(sentences.map((s) => s.split(' at ')[0])).toEqual(['learned against mixed', 'auto against mixed']);
  });

  it('names the best per size when nothing is learned or there is no baseline', () => {
    const none = [...runs('modulo', 0.1, [0.7, 0.7]), ...runs('frequent', 0.1, [0.72, 0.74])];
    expect(headline(comparison(none))).toEqual(['At 10 % of the rows frequent has the highest AUC, 0.7300 ± 0.0141.']);
    const alone = [...runs('learned', 0.1, [0.72, 0.74])];
    expect(headline(comparison(alone))).toEqual(['At 10 % of the rows learned has the highest AUC, 0.7300 ± 0.0141.']);
    expect(headline(comparison([]))).toEqual([]);
  });
});

describe('differences', () => {
  it('are taken from modulo, or else from mixed', () => {
    expect(baselineOf(comparison([...runs('mixed', 0.1, [0.7]), ...runs('modulo', 0.1, [0.7])]))).toBe('modulo');
    expect(baselineOf(comparison(runs('mixed', 0.1, [0.7])))).toBe('mixed');
    expect(baselineOf(comparison(runs('learned', 0.1, [0.7])))).toBe(undefined);
    expect(differences(comparison(runs('learned', 0.1, [0.7])))).toEqual([]);
  });

  it('say nothing of a loss to win back where full table and baseline are not distinguishable', () => {
    const results = [
      ...runs('full', 1, [0.7, 0.71, 0.69]),
      ...runs('modulo', 0.1, [0.7, 0.695, 0.702]),
      ...runs('learned', 0.1, [0.71, 0.711, 0.712]),
    ];
    expect(differences(comparison(results))[0]!.sizes[0]!.recovered).toBe(undefined);
  });

  it('leave out sizes that only one of the two was run at', () => {
    const results = [...runs('modulo', 0.1, [0.7]), ...runs('learned', 0.2, [0.8]), ...runs('learned', 0.1, [0.75])];
    expect(differences(comparison(results))[0]!.sizes.map((d) => d.size)).toEqual([0.1]);
  });
});
