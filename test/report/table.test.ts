import { describe, expect, it } from 'vitest';
import { formatTable } from '../../lib/report/index.ts';
import { comparison, result, usualComparison } from './comparison.ts';

describe('formatTable', () => {
  it('aligns all figures, groups sizes and marks the best', () => {
    expect(formatTable(usualComparison())).toBe(
      `
method     size              AUC          log loss   norm. entropy   rows    bytes  of full    lr  epochs  seeds  time
────────  ─────  ────────────────  ────────────────  ─────────────  ─────  ───────  ───────  ────  ──────  ─────  ────
full      100 %  0.7502 ± 0.0001*  0.4478 ± 0.0001*         0.9000  1,000   640 kB    100 %  0.02       2      3  15 s

modulo      5 %  0.7302 ± 0.0001*  0.4598 ± 0.0001*         0.9000  1,000    32 kB      5 %  0.02       2      3  15 s
frequent    5 %  0.7312 ± 0.0001*  0.4588 ± 0.0001*         0.9000  1,000  33.2 kB   5.19 %  0.02       2      3  15 s
learned     5 %  0.7402 ± 0.0001*  0.4528 ± 0.0001*         0.9000  1,000  41.1 kB   6.42 %  0.02       2      3  15 s

modulo     10 %  0.7302 ± 0.0001   0.4598 ± 0.0001          0.9000  1,000    64 kB     10 %  0.02       2      3  15 s
frequent   10 %  0.7312 ± 0.0001   0.4588 ± 0.0001          0.9000  1,000  65.2 kB   10.2 %  0.02       2      3  15 s
learned    10 %  0.7402 ± 0.0001   0.4528 ± 0.0001          0.9000  1,000  73.1 kB   11.4 %  0.02       2      3  15 s

* nothing that takes no more bytes has a better mean; ± is the standard deviation over seeds; bytes count the mapping
Tables that stay whole in every method: weekday (7 ids)
`.trim(),
    );
  });

  it('shows a single seed without spread and numbers that do not exist as a dash', () => {
    const text = formatTable(comparison([result({ auc: Number.NaN, normalizedEntropy: Number.NaN })]));
    const row = text.split('\n')[2]!.split(/\s+/);
    expect(row).toEqual([
      'modulo',
      '10',
      '%',
      '–',
      '0.4600*',
      '–',
      '1,000',
      '64',
      'kB',
      '–',
      '0.02',
      '2',
      '1',
      '15',
      's',
    ]);
  });

  it('of nothing is its heading', () => {
    expect(formatTable(comparison([])).split('\n')[0]).toContain('method');
  });
});
