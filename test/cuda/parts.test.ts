/**
 * Outputs larger than the device's memory: lookups and predictions come in parts. On the test device alone, whose memory
 * is what TEST_DEVICE_MEMORY says; it reads that at the first look, so this file keeps to itself.
 */
import { describe, expect, it } from 'vitest';

process.env.TEST_DEVICE_MEMORY = String(24 << 20);
const { EmbeddingTables } = await import('../../lib/embedding/index.ts');
const { Recommender } = await import('../../lib/model/index.ts');

const onTestDevice = process.env.LEARN_TO_COLLIDE_PREBUILD?.endsWith('build-cuda-test') === true;

describe.runIf(onTestDevice)('on a device of 24 MiB', () => {
  it.each([false, true])('a lookup of 36 MB has the bits of the CPU, batch sizes by feature: %s', (bySize) => {
    const dim = 1024;
    const features = ['user', 'movie'].map((name) => ({ name, cardinality: 50, dim }));
    const sizes = bySize ? [5000, 4000] : [4500, 4500];
    const ids = sizes[0]! + sizes[1]!;
    const batch = {
      indices: Uint32Array.from({ length: ids }, (_, i) => (i * 7) % 50),
      offsets: Uint32Array.from({ length: ids + 1 }, (_, i) => i),
      ...(bySize ? { batchSizes: sizes } : {}),
    };
    const [wanted, found] = (['cpu', 'cuda'] as const).map((device) => {
      using tables = new EmbeddingTables({ features, seed: 5, device });
      return tables.lookup(batch);
    });
    expect(found!.length).toBe(ids * dim);
    const bytes = (floats: Float32Array) => Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength);
    expect(bytes(found!).equals(bytes(wanted!)), 'the same bits').toBe(true);
  });

  it('a bad id anywhere in it is refused before anything is written', () => {
    const batch = {
      indices: new Uint32Array(4300).fill(50, 4299),
      offsets: Uint32Array.from({ length: 4301 }, (_, i) => i),
    };
    using tables = new EmbeddingTables({ features: [{ name: 'user', cardinality: 50, dim: 1024 }], device: 'cuda' });
    const out = new Float32Array(4300 * 1024).fill(7);
    expect(() => tables.lookup(batch, out)).toThrow(/received 50 in bag 4299 \(position 4299/);
    expect(out.every((value) => value === 7)).toBe(true);
  });

  it('a model predicts more rows than its pooled rows have room for', () => {
    const size = 33_000;
    const features = ['user', 'movie'].map((name) => ({ name, cardinality: 50 }));
    const model = (device: 'cpu' | 'cuda') =>
      new Recommender({ features, dense: 1, dim: 64, bottomHidden: [], topHidden: [], seed: 2, device });
    const batch = {
      size,
      indices: Uint32Array.from({ length: 2 * size }, (_, i) => (i * 13) % 50),
      offsets: Uint32Array.from({ length: 2 * size + 1 }, (_, i) => i),
      dense: Float32Array.from({ length: size }, (_, i) => (i % 5) / 5),
      labels: new Float32Array(size),
    };
    using cpu = model('cpu');
    using cuda = model('cuda');
    const [wanted, found] = [cpu, cuda].map((one) => {
      const logits = new Float32Array(size);
      one.predict(batch, logits);
      return logits;
    });
    expect(cuda.devices).toEqual({ tables: 'cuda', net: 'cuda' });
    for (const row of [0, 1, 16_383, 16_384, 16_385, 32_767, 32_768, size - 1]) {
      expect(found![row], `row ${row}`).toBeCloseTo(wanted![row]!, 5);
    }
    // A row's logit is the same wherever it stands: 250 rows after another everything repeats.
    expect(found!.subarray(0, size - 250)).toEqual(found!.subarray(250));
  });
});
