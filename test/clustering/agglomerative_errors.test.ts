import { describe, expect, it } from 'vitest';
import { agglomerate } from '../../lib/clustering/learners/agglomerative.ts';
import { probeCuda } from '../../lib/native.ts';

const values = Float64Array.of(3, 1, 2);
const counts = Uint32Array.of(1, 1, 1);

/** Calls with anything at all: the rejection must be a CollideError with this code whose message has these parts. */
async function rejects(args: unknown[], code: string, ...parts: string[]): Promise<void> {
  const call = agglomerate as unknown as (...args: unknown[]) => Promise<unknown>;
  const error = await call(...args).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: 'CollideError', code });
  for (const part of parts) expect((error as Error).message).toContain(part);
}

describe('agglomerate: bad values and counts', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('value %s', async (bad) => {
    await rejects([Float64Array.of(1, 2, bad), counts, { rows: 2 }], 'INVALID_ARGUMENT', 'values', 'index 2');
    await rejects([Float32Array.of(bad, 2, 3), counts, { rows: 5 }], 'INVALID_ARGUMENT', 'values', 'index 0');
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('count %s', async (bad) => {
    await rejects([values, Float64Array.of(1, bad, 1), { rows: 2 }], 'INVALID_ARGUMENT', 'counts', 'index 1');
  });

  it('counts whose sum is not exact', async () => {
    await rejects([values, Float64Array.of(2 ** 53 - 2, 1, 1), { rows: 2 }], 'INVALID_ARGUMENT', 'sum below 2^53');
  });

  it('lengths, emptiness and types', async () => {
    await rejects([values, Uint32Array.of(1, 1), { rows: 2 }], 'INVALID_ARGUMENT', 'length 3', 'length 2');
    await rejects([new Float32Array(0), new Uint32Array(0), { rows: 1 }], 'INVALID_ARGUMENT', 'at least one id');
    await rejects([[1, 2, 3], counts, { rows: 2 }], 'INVALID_ARGUMENT', 'Float32Array or Float64Array', 'an array');
    await rejects([Int32Array.of(1, 2, 3), counts, { rows: 2 }], 'INVALID_ARGUMENT', 'Int32Array');
    await rejects([values, Int32Array.of(1, 2, 3), { rows: 2 }], 'INVALID_ARGUMENT', 'counts', 'Int32Array');
    await rejects([values, Float32Array.of(1, 2, 3), { rows: 2 }], 'INVALID_ARGUMENT', 'Float32Array');
    await rejects([undefined, undefined, undefined], 'INVALID_ARGUMENT', 'undefined');
  });

  it('a buffer that was transferred before the call', async () => {
    const gone = Float64Array.of(1, 2, 3);
    structuredClone(gone, { transfer: [gone.buffer] });
    await rejects([gone, counts, { rows: 1 }], 'INVALID_ARGUMENT', 'length 0');
  });
});

describe('agglomerate: bad options', () => {
  const bad = (options: unknown, ...parts: string[]) =>
    rejects([values, counts, options], 'INVALID_ARGUMENT', ...parts);

  it.each([0, -1, 1.5, Number.NaN, '2', undefined, null, Number.POSITIVE_INFINITY])('rows %s', (rows) =>
    bad({ rows }, 'rows'),
  );
  it.each([0, -1, 1.5, '2', Number.POSITIVE_INFINITY])('mergesPerRound %s', (mergesPerRound) =>
    bad({ rows: 1, mergesPerRound }, 'mergesPerRound'),
  );
  it.each([0, -1, 1.5, Number.NaN, '2'])('maxClusterSize %s', (maxClusterSize) =>
    bad({ rows: 1, maxClusterSize }, 'maxClusterSize'),
  );
  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '1'])('keep %s', (keep) =>
    bad({ rows: 1, filters: [{ by: 'size' }, { by: 'distance', keep }] }, 'keep of filters[1]'),
  );

  it('filters', async () => {
    await bad({ rows: 1, filters: [] }, 'at least one filter');
    await bad({ rows: 1, filters: 'size' }, 'filters');
    await bad({ rows: 1, filters: ['size'] }, 'filters[0]');
    await bad({ rows: 1, filters: [{ by: 'distence' }] }, 'Did you mean "distance"?');
    await bad({ rows: 1, filters: [{}] }, 'by of filters[0]');
    await bad(
      { rows: 1, filters: [{ by: 'size' }, { by: 'distance' }, { by: 'size' }] },
      'filters[2]',
      'repeats filters[0]',
    );
  });

  it('names and callbacks', async () => {
    await bad({ rows: 1, mergedValue: 'median' }, 'mergedValue');
    await bad({ rows: 1, device: 'gpu' }, 'device');
    await bad({ rows: 1, signal: {} }, 'AbortSignal');
    await bad({ rows: 1, onProgress: 3 }, 'onProgress');
    await bad(7, 'options object');
  });

  it('misspelt options', async () => {
    await rejects([values, counts, { rows: 1, mergePerRound: 1 }], 'UNKNOWN_OPTION', 'Did you mean "mergesPerRound"?');
    await rejects([values, counts, { rows: 1, filters: [{ by: 'size', keeep: 1 }] }], 'UNKNOWN_OPTION', '"keep"');
  });

  it('device cuda needs one, auto falls to the CPU', async () => {
    const { available, reason } = probeCuda();
    if (!available) await rejects([values, counts, { rows: 1, device: 'cuda' }], 'CUDA_UNAVAILABLE', reason);
    expect((await agglomerate(values, counts, { rows: 1, device: 'auto' })).rows).toBe(1);
    expect((await agglomerate(values, counts, { rows: 1, device: 'cpu' })).rows).toBe(1);
  });
});
