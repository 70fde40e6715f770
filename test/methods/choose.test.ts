import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CollideError } from '../../lib/errors.ts';
import { chooseShape, clearlyLower, mostSets, type Shape, tablesToHash } from '../../lib/methods/choosing/choose.ts';

/** Losses of 400 rows that differ from row to row, plus what the hashed tables add to each. */
function judgeOf(harm: Readonly<Record<string, number>>, asked: string[] = []) {
  return async (hashed: readonly string[]) => {
    asked.push(hashed.join(' '));
    const added = hashed.reduce((sum, table) => sum + harm[table]!, 0);
    return Float64Array.from(
      { length: 400 },
      (_, row) => 0.5 + (row % 7) / 10 + added + 0.01 * Math.sin(row * 12.9898),
    );
  };
}

describe('tablesToHash', () => {
  it('keeps what was learned where hashing is worse, the same, or better by chance only', async () => {
    expect(await tablesToHash(['a', 'b'], judgeOf({ a: 0.01, b: 0.02 }))).toEqual([]);
    expect(await tablesToHash(['a', 'b'], judgeOf({ a: 0, b: 0 }))).toEqual([]);
    // A tenth of a standard error better: nothing that a validation split can tell.
    let turn = 0;
    const noisy = async () => {
      turn++;
      return Float64Array.from({ length: 400 }, (_, row) => 0.5 + Math.sin(row * 78.233 * turn) - turn * 1e-3);
    };
    expect(await tablesToHash(['a', 'b'], noisy)).toEqual([]);
  });

  it('hashes the tables whose clusters do harm, and only those', async () => {
    expect(await tablesToHash(['a', 'b', 'c'], judgeOf({ a: 0.03, b: -0.01, c: 0.02 }))).toEqual(['b']);
    expect(await tablesToHash(['a', 'b', 'c'], judgeOf({ a: -0.01, b: 0.05, c: -0.01 }))).toEqual(['a', 'c']);
    expect(await tablesToHash(['a'], judgeOf({ a: -0.01 }))).toEqual(['a']);
  });

  it('hashes all when that is clearly better', async () => {
    const asked: string[] = [];
    expect(await tablesToHash(['a', 'b', 'c'], judgeOf({ a: -0.01, b: -0.01, c: -0.01 }, asked))).toEqual([
      'a',
      'b',
      'c',
    ]);
    expect(asked).toEqual(['', 'a b c']);
  });

  it('asks for a set of tables once, and never for more than all tables and one more a table', async () => {
    const tables = ['a', 'b', 'c', 'd'];
    const harms = fc.array(fc.constantFrom(-0.02, 0, 0.02), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(harms, async (list) => {
        const own = tables.slice(0, list.length);
        const harm = Object.fromEntries(own.map((table, k) => [table, list[k]!]));
        const asked: string[] = [];
        const hashed = await tablesToHash(own, judgeOf(harm, asked));
        expect(asked[0]).toBe('');
        expect(new Set(asked).size).toBe(asked.length);
        expect(asked.length).toBeLessThanOrEqual(own.length === 1 ? 2 : own.length + 2);
        expect(asked).toContain(hashed.join(' '));
        if (list.every((value) => value >= 0)) expect(hashed).toEqual([]);
      }),
    );
  });

  it('asks for eight groups of neighbours where there are more tables, and finds those that do harm', async () => {
    const tables = Array.from({ length: 500 }, (_, k) => `t${k}`);
    const asked: string[] = [];
    // The second eighth, 63 to 124, does harm when it is learned.
    const harm = Object.fromEntries(tables.map((table, k) => [table, k >= 63 && k < 125 ? -0.01 : 0.01]));
    const hashed = await tablesToHash(tables, judgeOf(harm, asked));
    expect(asked.length).toBe(1 + mostSets(tables));
    expect(asked.length).toBe(10);
    expect(hashed).toEqual(tables.slice(63, 125));
  });

  it('takes no table at all for what it is', async () => {
    expect(await tablesToHash([], judgeOf({}))).toEqual([]);
  });
});

describe('chooseShape', () => {
  const shapes: Shape[] = [{ hotShare: 0 }, { hotShare: 0.5 }, { hotShare: 0, crossFit: true }];
  /** Students whose loss is that of their shape, by position, plus what hashing adds to it. */
  const attempts = (losses: readonly number[], harm: Readonly<Record<string, number>>) => {
    const made: Shape[] = [];
    const attempt = async (shape: Shape, tried: number) => {
      expect(tried).toBe(made.length);
      made.push(shape);
      const { hotShare, crossFit, hashed = [] } = shape;
      const own = losses[shapes.findIndex((s) => s.hotShare === hotShare && s.crossFit === crossFit)]!;
      return { shape, losses: (await judgeOf(harm)(hashed)).map((loss) => loss + own) };
    };
    return { made, attempt };
  };

  it('takes the shape of least loss, the first of equals, and then asks for its tables', async () => {
    const { made, attempt } = attempts([0.2, 0.1, 0.1], { a: 0.1, b: -0.1 });
    const { shape } = await chooseShape(shapes, ['a', 'b'], attempt);
    expect(shape).toEqual({ hotShare: 0.5, hashed: ['b'] });
    expect(made.slice(0, 3)).toEqual(shapes);
    expect(made.slice(3).map(({ hashed }) => hashed)).toEqual([['a', 'b'], ['a'], ['b']]);
    expect(made.slice(3).every(({ hotShare }) => hotShare === 0.5)).toBe(true);
  });

  it('keeps the cross-fitted shape, and falls back from it to hashing alone', async () => {
    const crossed = [0.2, 0.2, 0.1];
    const kept = attempts(crossed, { a: 0.1 });
    expect((await chooseShape(shapes, ['a'], kept.attempt)).shape).toEqual(shapes[2]);
    const fallen = attempts(crossed, { a: -0.1 });
    expect((await chooseShape(shapes, ['a'], fallen.attempt)).shape).toEqual({ ...shapes[2], hashed: ['a'] });
  });

  it('leaves out shapes that diverge, and fails when all do', async () => {
    const { attempt } = attempts([0.1, 0.2, 0.3], { a: -0.1 });
    const broken = (which: (shape: Shape) => boolean) => async (shape: Shape, tried: number) => {
      const student = await attempt(shape, tried);
      if (which(shape)) throw new CollideError('DIVERGED', `shape ${tried}`);
      return student;
    };
    expect(
      (
        await chooseShape(
          shapes,
          [],
          broken(({ hotShare }) => hotShare === 0),
        )
      ).shape,
    ).toBe(shapes[1]);
    const again = attempts([0.1, 0.2, 0.3], { a: -0.1 });
    const hashedBreaks = async (shape: Shape, tried: number) => {
      const student = await again.attempt(shape, tried);
      if (shape.hashed !== undefined) throw new CollideError('DIVERGED', 'hashed');
      return student;
    };
    expect((await chooseShape(shapes, ['a'], hashedBreaks)).shape).toBe(shapes[0]);
    const none = attempts([0.1, 0.2, 0.3], {});
    const all = chooseShape(shapes, ['a'], async (shape, tried) => {
      await none.attempt(shape, tried);
      throw new CollideError('DIVERGED', `shape ${tried}`);
    });
    await expect(all).rejects.toMatchObject({ code: 'DIVERGED', message: 'shape 2' });
    const aborted = chooseShape(shapes, [], async () => {
      throw new CollideError('ABORTED', 'stop');
    });
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('refuses no shapes at all', async () => {
    const { attempt } = attempts([], {});
    await expect(chooseShape([], [], attempt)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('tries nothing more where no table may be hashed', async () => {
    const { made, attempt } = attempts([0.1, 0.2, 0.3], {});
    expect((await chooseShape(shapes, [], attempt)).shape).toBe(shapes[0]);
    expect(made.length).toBe(3);
  });
});

describe('clearlyLower', () => {
  it('is about the mean of the paired differences and its standard error', () => {
    // Differences -3 and +1 in turn: mean -1, standard error 2 / sqrt(n - 1).
    const pair = (n: number) => {
      const others = Float64Array.from({ length: n }, (_, row) => 10 * row);
      return [others.map((loss, row) => loss + (row % 2 === 0 ? -3 : 1)), others] as const;
    };
    expect(clearlyLower(...pair(16))).toBe(false); // 2 * 0.516 > 1
    expect(clearlyLower(...pair(18))).toBe(true); // 2 * 0.485 < 1
    const [lower, others] = pair(18);
    expect(clearlyLower(others, lower)).toBe(false);
    expect(clearlyLower(others, others)).toBe(false);
  });
});
