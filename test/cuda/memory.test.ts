/**
 * `device: 'auto'` where the device has too little memory. On the test device alone: it has what TEST_DEVICE_MEMORY says,
 * which it reads at its first call, so this file keeps to itself.
 */
import { afterEach, expect, it, vi } from 'vitest';
import type { Device } from '../../lib/device.ts';

process.env.TEST_DEVICE_MEMORY = String(1 << 20);
const { probeCuda } = await import('../../lib/native.ts');

afterEach(() => {
  vi.restoreAllMocks();
});

it.skipIf(!probeCuda().reason.includes('test device'))('auto takes the CPU, and says so once', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const { EmbeddingTables } = await import('../../lib/embedding/index.ts');
  const { DenseNet } = await import('../../lib/model/index.ts');
  const tables = (cardinality: number, device: Device) =>
    new EmbeddingTables({ features: [{ name: 'movie', cardinality, dim: 16 }], device });
  const net = (width: number, device: Device) => new DenseNet({ vectors: 1, dim: 16, top: [width, 1], device });

  using small = tables(100, 'auto');
  using narrow = net(4, 'auto');
  expect([small.device, narrow.device]).toEqual(['cuda', 'cuda']);
  expect(warn).not.toHaveBeenCalled();

  using tall = tables(20_000, 'auto');
  using wide = net(60_000, 'auto');
  using cpu = tables(20_000, 'cpu');
  expect([tall.device, wide.device]).toEqual(['cpu', 'cpu']);
  const batch = { indices: [19_999, 3], offsets: [0, 2] };
  expect(tall.lookup(batch)).toEqual(cpu.lookup(batch));
  expect(warn.mock.calls).toEqual([
    [
      expect.stringMatching(/^CUDA is not used: .*1280000 bytes on the CUDA device for table "movie".*bytes are free$/),
      { type: 'CollideWarning', code: 'COLLIDE_CUDA_UNUSED' },
    ],
  ]);

  for (const make of [() => tables(20_000, 'cuda'), () => net(60_000, 'cuda')]) {
    expect(make).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }));
  }
});
