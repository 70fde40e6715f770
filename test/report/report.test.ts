import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Comparison } from '../../lib/compare/results.ts';
import { html, Markup } from '../../lib/report/html.ts';
import { renderReport } from '../../lib/report/index.ts';
import { ticks } from '../../lib/report/plot.ts';
import { methodStyles } from '../../lib/report/styles.ts';
import { comparison, result, usualComparison } from './comparison.ts';

/** Fails unless every element is closed where it must be; returns the text between tags. */
function textOf(page: string): string {
  const open: string[] = [];
  const empty = new Set(['meta', 'br', '!doctype']);
  const text = page
    .replace(/<style>[^<]*<\/style>/g, '')
    .replace(/<(\/?)([a-z!][\w-]*)[^>]*?(\/?)>/gi, (_, close, name, self) => {
      const tag = name.toLowerCase();
      if (close) expect(open.pop()).toBe(tag);
      else if (!self && !empty.has(tag)) open.push(tag);
      return ' ';
    });
  expect(open).toEqual([]);
  return text.replace(/\s+/g, ' ');
}

const plots = (page: string) => page.match(/<figure>.*?<\/figure>/gs)!;
const count = (text: string, pattern: RegExp) => (text.match(pattern) ?? []).length;

describe('renderReport', () => {
  it('shows headline, plots, figures, bytes, data, machine, protocol and config', async () => {
    const text = textOf(await renderReport(usualComparison({ notes: ['Every second row.'] })));
    for (const expected of [
      'Size against quality: ratings.csv',
      'learned against modulo at equal bytes, mapping counted: AUC higher at 5',
      'Note: Every second row.',
      'AUC – higher is better',
      'Difference from modulo',
      '+0.0100 ± 0.0000 ▲',
      '−0.0070 ± 0.0000 ▲',
      'wins back 50 %',
      '1.28 times',
      '+0.0088 ± 0.0000 ▲', // at 10 %, where modulo with as many bytes is nearer to the full table
      '0.7402 ± 0.0001', // learned
      '0.7502 ± 0.0001', // full
      '73.1 kB', // 64,000 bytes of rows and 9,066 of mapping
      '11.4 %', // of 640,000
      '9.07 kB',
      'movie 9,066 compressed',
      'weekday 7 whole',
      'evaluation 10,000 48 %',
      'by descending training frequency',
      'ln(1 + age)',
      'A Processor 3000',
      'How this was measured',
      '&#34;minRows&#34;: 500',
      'learn-to-collide 0.1.0',
    ]) {
      expect(text).toContain(expected);
    }
  });

  it('draws a point for every method and size, a line per method and the full table, in both plots', async () => {
    const page = await renderReport(usualComparison());
    expect(plots(page)).toHaveLength(2);
    for (const plot of plots(page)) {
      expect(count(plot, /aria-roledescription="point"/g)).toBe(6);
      expect(count(plot, /aria-roledescription="line mark"/g)).toBe(3);
      for (const place of [0, 2, 4]) expect(plot).toContain(`var(--method-${place})`);
    }
    for (const [k, figure] of ['0.7502', '0.4478'].entries()) {
      // Beside the plot, so that no point can lie on it.
      const label = plots(page)[k]!.match(new RegExp(`<text[^>]*translate\\((\\d+)[^>]*>${figure}<`))!;
      expect(Number(label[1])).toBeGreaterThan(450);
    }
  });

  it('spends the height of a plot on the range of its figures', async () => {
    const page = await renderReport(usualComparison());
    const height = 310;
    for (const plot of plots(page)) {
      // points are drawn at translate(x,y) of their marks, y from the top of the plot
      const points = [...plot.matchAll(/aria-roledescription="point"[^>]*transform="translate\([\d.]+,([\d.]+)\)"/g)];
      const rows = points.map((match) => Number(match[1]));
      expect(rows).toHaveLength(6);
      expect(Math.min(...rows)).toBeGreaterThan(0);
      expect(Math.max(...rows)).toBeLessThan(height);
      // modulo to learned is 0.010 of the 0.020 between modulo and the full table, 0.007 of 0.012 in log loss
      expect(Math.max(...rows) - Math.min(...rows)).toBeGreaterThan(0.3 * height);
    }
  });

  it('marks the means that nothing of as few bytes beats', async () => {
    const page = await renderReport(usualComparison());
    const best = page.match(/<tr>(?:(?!<\/tr>).)*mark best.*?<\/tr>/gs)!.map(textOf);
    const names = ['full table', 'modulo', 'frequent', 'learned']; // the smallest of each, at 5 % of the rows
    expect(best.map((row) => names.find((name) => row.includes(name)))).toEqual(names);
    for (const [k, kB] of ['640 kB', '32 kB', '33.2 kB', '41.1 kB'].entries()) expect(best[k]).toContain(kB);
  });

  it('says in words where a method takes more bytes, and marks no gain there', async () => {
    const dear = usualComparison();
    for (const r of dear.results)
      if (r.method === 'learned') r.bytes = { ...r.bytes, mapping: 700_000, total: r.bytes.rows + 700_000 };
    const text = textOf(await renderReport(dear));
    expect(text).toContain('Warning: learned at 5 % takes 1.14 times the bytes of the full table');
    expect(text).toContain('takes 22.88 times the bytes +0.0100 ± 0.0000 ');
    expect(text).not.toContain('+0.0100 ± 0.0000 ▲');
    expect(text).toContain('114 %, more than the full table');
  });

  it('refers to nothing outside itself and holds no script', async () => {
    const page = await renderReport(usualComparison());
    expect(page).not.toMatch(/https?:|\/\/\w|\bsrc=|\bhref=|url\(|@import|<script|<link|<img|<iframe|javascript:/i);
    expect(page).toContain("default-src 'none'");
    expect(page).toContain('prefers-color-scheme:dark');
    expect(page).toContain('@media print');
  });

  it('escapes whatever comes from the config, the data and the results', async () => {
    const evil = `<script>alert("1")</script>'&`;
    const base = usualComparison();
    const hostile: Comparison = {
      ...base,
      version: evil,
      config: { [evil]: evil },
      machine: { [evil]: evil },
      notes: [evil],
      data: {
        source: evil,
        label: evil,
        idOrder: evil,
        features: [{ name: evil, cardinality: 5, compressed: true }],
        dense: [evil],
        splits: [{ name: evil, rows: 5, labelRate: 0.5 }],
      },
      results: base.results.map((r) => ({ ...r, method: r.method === 'frequent' ? evil : r.method })),
    };
    const page = await renderReport(hostile);
    expect(page).not.toContain('<script');
    expect(page).toContain('&#60;script&#62;');
    expect(textOf(page)).toContain('&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62;&#39;&#38;');
  });

  it('is the same for the same comparison', async () => {
    expect(await renderReport(usualComparison())).toBe(await renderReport(usualComparison()));
  });

  it.each<[string, Comparison]>([
    ['nothing', comparison([])],
    ['one result', comparison([result()])],
    ['the full table alone', comparison([result({ method: 'full', size: 1 })])],
    ['no full table', comparison([result(), result({ method: 'learned' })])],
    ['no baseline', comparison([result({ method: 'learned' }), result({ method: 'full', size: 1 })])],
    ['one size, equal figures', comparison([result({ seed: 1 }), result({ seed: 2 })])],
    ['no AUC', comparison([result({ auc: Number.NaN, normalizedEntropy: Number.NaN })])],
    [
      'an infinite log loss',
      comparison([result({ logLoss: Number.POSITIVE_INFINITY }), result({ method: 'learned' })]),
    ],
    [
      'ten methods',
      comparison(Array.from({ length: 10 }, (_, i) => result({ method: `method ${i}`, auc: 0.7 + i / 100 }))),
    ],
  ])('renders a comparison of %s', async (_, given) => {
    const page = await renderReport(given);
    expect(plots(page)).toHaveLength(2);
    expect(textOf(page)).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('html', () => {
  it('escapes interpolations, keeps markup, joins arrays and drops undefined', () => {
    expect(html`<b a="${'"'}">${['<', new Markup('<i>'), 3, undefined]}</b>`.text).toBe('<b a="&#34;">&#60;<i>3</b>');
  });

  it('never lets text become a tag or leave its attribute', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(html`${text}`.text).not.toMatch(/[<>"']/);
      }),
    );
  });
});

describe('methodStyles', () => {
  it('gives known methods their place whatever else is compared', () => {
    const [alone] = methodStyles(['learned']);
    const among = methodStyles(['something', 'modulo', 'learned', 'another']);
    expect(among[2]).toEqual(alone);
  });

  it('tells up to seven methods apart by colour and by shape', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom('modulo', 'mixed', 'learned', 'a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 7 }),
        (methods) => {
          const styles = methodStyles(methods);
          expect(styles.map((s) => s.method)).toEqual(methods);
          expect(new Set(styles.map((s) => s.colour)).size).toBe(methods.length);
          expect(new Set(styles.map((s) => s.shape)).size).toBe(methods.length);
        },
      ),
    );
  });
});

describe('ticks', () => {
  it('are four to twelve round numbers in range, for ranges from 1.5-fold to a thousandfold', () => {
    expect(ticks(0.04, 0.3)).toEqual([0.05, 0.07, 0.1, 0.15, 0.2, 0.3]);
    expect(ticks(0.008, 1.1)).toEqual([0.01, 0.03, 0.1, 0.3, 1]);
    fc.assert(
      fc.property(
        fc.double({ min: 1e-4, max: 10, noNaN: true }),
        fc.double({ min: 1.5, max: 1000, noNaN: true }),
        (low, factor) => {
          const found = ticks(low, low * factor);
          expect(found.length).toBeGreaterThanOrEqual(4);
          expect(found.length).toBeLessThanOrEqual(12);
          expect(found).toEqual([...found].sort((a, b) => a - b));
          for (const tick of found) expect(tick >= low && tick <= low * factor).toBe(true);
        },
      ),
    );
  });
});
