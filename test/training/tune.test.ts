/**
 * Tuning against the plainest of loops, on losses that the test makes up: training counts epochs, evaluation says what the
 * table holds for the rate at hand after so many of them.
 */
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Split } from '../../lib/data/index.ts';
import { CollideError } from '../../lib/errors.ts';
import type { Recommender } from '../../lib/model/recommender.ts';
import { type EpochOptions, evaluateSplit, trainEpoch } from '../../lib/training/train.ts';
import { epochSeed, tune } from '../../lib/training/tune.ts';

vi.mock('../../lib/training/train.ts', async (original) => ({
  ...(await original<typeof import('../../lib/training/train.ts')>()),
  trainEpoch: vi.fn(),
  evaluateSplit: vi.fn(),
}));

/** A model that is nothing but its rate and the epochs that it has seen. */
interface Counted {
  rate: number;
  epochs: number;
  closed: boolean;
  [Symbol.dispose](): void;
}
const [train, validation] = [{ rows: 7 } as Split, { rows: 3 } as Split];
const given = { batchSize: 20, outOfVocabulary: { older: validation, share: 0.5 } };
/** What happened, in order: a rate's epochs, then its validation. */
let log: string[] = [];
let models: Counted[] = [];

const build = (rate: number): Recommender => {
  const model: Counted = {
    rate,
    epochs: 0,
    closed: false,
    [Symbol.dispose]() {
      this.closed = true;
    },
  };
  models.push(model);
  return model as unknown as Recommender;
};

/** Losses by rate and epoch, from 1; NaN: training diverges in that epoch. */
type Losses = readonly (readonly number[])[];

/** `tune` over made-up losses. */
function tuned(
  losses: Losses,
  more: { patience?: number; signal?: AbortSignal; onBest?: (model: Counted) => unknown } = {},
) {
  vi.mocked(trainEpoch).mockImplementation(async (trained: unknown, split: Split, options: EpochOptions) => {
    const model = trained as Counted;
    options.signal?.throwIfAborted();
    model.epochs++;
    expect(split).toBe(train);
    const { batchSize, outOfVocabulary } = options;
    expect({ batchSize, outOfVocabulary }).toEqual(given);
    expect(options.seed).toBe(epochSeed(6, model.epochs));
    log.push(`train ${model.rate} ${model.epochs}`);
    if (Number.isNaN(losses[model.rate]![model.epochs - 1])) throw new CollideError('DIVERGED', 'it did');
    return 0;
  });
  vi.mocked(evaluateSplit).mockImplementation(async (judged: unknown, split: Split) => {
    const { rate, epochs } = judged as Counted;
    expect(split).toBe(validation);
    log.push(`evaluate ${rate} ${epochs}`);
    return { auc: 0, logLoss: losses[rate]![epochs - 1]!, normalizedEntropy: 0 };
  });
  return tune({
    train,
    validation,
    learningRates: [...losses.keys()],
    maxEpochs: losses[0]!.length,
    patience: more.patience ?? 1,
    ...given,
    seed: 6,
    build,
    onBest: (model) => (more.onBest ?? ((m: Counted) => `${m.rate} ${m.epochs}`))(model as unknown as Counted),
    signal: more.signal,
  });
}

beforeEach(() => {
  log = [];
  models = [];
});

describe('tune', () => {
  const table = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 6 })).chain(([rates, epochs]) => {
    // Few values: many ties.
    const loss = fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 1, max: 5 }) },
      { weight: 1, arbitrary: fc.constant(Number.NaN) },
    );
    return fc.array(fc.array(loss, { minLength: epochs, maxLength: epochs }), { minLength: rates, maxLength: rates });
  });

  it('takes the least loss of rates that did not diverge, the first of equals; patience ends a rate', async () => {
    await fc.assert(
      fc.asyncProperty(table, fc.integer({ min: 1, max: 3 }), async (losses, patience) => {
        log = [];
        const expected: string[] = [];
        const diverged: number[] = [];
        let best: { rate: number; epochs: number; loss: number } | undefined;
        for (const [rate, row] of losses.entries()) {
          let found: typeof best;
          for (const [k, loss] of row.entries()) {
            expected.push(`train ${rate} ${k + 1}`);
            if (Number.isNaN(loss)) {
              diverged.push(rate);
              found = undefined;
              break;
            }
            expected.push(`evaluate ${rate} ${k + 1}`);
            if (found === undefined || loss < found.loss) found = { rate, epochs: k + 1, loss };
            if (k + 1 - found.epochs === patience) break;
          }
          if (found !== undefined && (best === undefined || found.loss < best.loss)) best = found;
        }
        const job = tuned(losses, { patience });
        if (best === undefined) await expect(job).rejects.toMatchObject({ code: 'DIVERGED' });
        else {
          const choice = await job;
          expect(choice.diverged ?? []).toEqual(diverged);
          expect(choice).toMatchObject({
            learningRate: best.rate,
            epochs: best.epochs,
            validation: { logLoss: best.loss },
            result: `${best.rate} ${best.epochs}`,
          });
        }
        expect(log).toEqual(expected);
        expect(models.every(({ closed }) => closed)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('is stopped by an abort within any rate, and chooses nothing from what came before', async () => {
    const losses = [
      [5, 4, 3],
      [2.5, 2, 1],
      [6, 5, 4],
    ];
    for (const stopAt of ['0 1', '0 3', '1 1', '1 3']) {
      models = [];
      const controller = new AbortController();
      const onBest = ({ rate, epochs }: Counted) => {
        if (`${rate} ${epochs}` === stopAt) controller.abort('enough');
      };
      await expect(tuned(losses, { signal: controller.signal, onBest })).rejects.toBe('enough');
      expect(models.every(({ closed }) => closed)).toBe(true);
    }
  });

  it.each(['ABORTED', 'OUT_OF_MEMORY', 'INVALID_INDEX'] as const)(
    'leaves out what diverges, but no %s',
    async (code) => {
      const onBest = ({ rate }: Counted) => {
        if (rate === 1) throw new CollideError(code, 'within the second rate');
      };
      await expect(tuned([[3], [2], [1]], { onBest })).rejects.toMatchObject({ code });
    },
  );
});
