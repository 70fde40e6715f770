/** The `device` option on a machine with or without CUDA: never guessed, and said once. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EmbeddingTables } from '../../lib/embedding/index.ts';
import { CollideError } from '../../lib/errors.ts';
import { buildInfo, probeCuda } from '../../lib/native.ts';

const { available, reason } = probeCuda();
const features = [{ name: 'movie', cardinality: 10, dim: 4 }];
const batch = { indices: [1, 2, 1], offsets: [0, 2, 3] };

function caught(body: () => unknown): CollideError {
  try {
    body();
  } catch (error) {
    if (error instanceof CollideError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.resetModules();
});

describe('the probe', () => {
  it('always has a reason', () => {
    expect(reason).not.toBe('');
    if (!buildInfo().cudaBuild) expect(reason).toContain('no CUDA kernels');
  });
});

describe('device', () => {
  it('refuses what is not a device, and names the nearest', () => {
    const error = caught(() => new EmbeddingTables({ features, device: 'cude' as 'cuda' }));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toContain('Did you mean "cuda"?');
  });

  it('cpu asks no driver', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    using tables = new EmbeddingTables({ features, device: 'cpu' });
    expect(tables.lookup(batch)).toHaveLength(8);
    expect(warn).not.toHaveBeenCalled();
  });
});

describe.skipIf(!available)('on a CUDA device', () => {
  it('tables say that they live there', () => {
    using tables = new EmbeddingTables({ features, device: 'auto' });
    expect(tables.device).toBe('cuda');
    using rounded = tables.withPrecision('int8');
    expect(rounded.device).toBe('cpu');
    expect(rounded.lookup(batch)).toHaveLength(8);
  });

  it('too little memory is an error with the bytes wanted and free', () => {
    const tall = [{ name: 'tall', cardinality: 2 ** 31, dim: 64 }]; // 2^39 bytes, more than any device has
    const error = caught(() => new EmbeddingTables({ features: tall, device: 'cuda' }));
    expect(error.code).toBe('OUT_OF_MEMORY');
    expect(error.message).toMatch(/549755813888 bytes on the CUDA device for table "tall".*\d+ of \d+ bytes are free/);
    const many = [{ name: 'many', cardinality: 2 ** 32 - 1, dim: 1 }];
    expect(caught(() => new EmbeddingTables({ features: many, device: 'cuda' })).code).toBe('NOT_SUPPORTED');
  });
});

describe.skipIf(available)('without a CUDA device', () => {
  it('cuda throws with the reason', () => {
    const error = caught(() => new EmbeddingTables({ features, device: 'cuda' }));
    expect(error.code).toBe('CUDA_UNAVAILABLE');
    expect(error.message).toContain(reason);
  });

  it('auto computes on the CPU and says why, once', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    vi.resetModules();
    const fresh = await import('../../lib/embedding/index.ts');
    using first = new fresh.EmbeddingTables({ features, device: 'auto' });
    using second = new fresh.EmbeddingTables({ features, device: 'auto' });
    using cpu = new EmbeddingTables({ features, device: 'cpu' });
    expect(first.lookup(batch)).toEqual(cpu.lookup(batch));
    expect(second.lookup(batch)).toEqual(cpu.lookup(batch));
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn).toHaveBeenCalledWith(`CUDA is not used: ${reason}`, {
      type: 'CollideWarning',
      code: 'COLLIDE_CUDA_UNUSED',
    });
  });
});

describe('work that the CUDA kernels cannot do', () => {
  const cases = [
    ['half precision', { ...features[0]!, precision: 'float16' as const }, 'feature "movie" has precision "float16"'],
    ['wide rows', { ...features[0]!, dim: 8196 }, 'feature "movie" has rows of more than 8192 columns'],
  ] as const;

  it.each(cases)('%s: refused for cuda, with or without a device', (_, feature, why) => {
    const error = caught(() => new EmbeddingTables({ features: [feature], device: 'cuda' }));
    expect(error.code).toBe('NOT_SUPPORTED');
    expect(error.message).toContain(why);
  });

  it.each(cases)('%s: on the CPU for auto, which says why', async (_, feature, why) => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    vi.resetModules();
    const fresh = await import('../../lib/embedding/index.ts');
    using tables = new fresh.EmbeddingTables({ features: [feature], device: 'auto' });
    using cpu = new EmbeddingTables({ features: [feature] });
    expect(tables.device).toBe('cpu');
    expect(tables.lookup(batch)).toEqual(cpu.lookup(batch));
    expect(warn.mock.calls.map(([message]) => message)).toEqual([`CUDA is not used: ${why}`]);
  });
});
