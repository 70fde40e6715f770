/** Learners on a device too small for them; skipped where the size cannot be set, on anything but the test device. */
import { describe, expect, it } from 'vitest';
import { agglomerate, equalMassBins, kMeans, learnKdTree } from '../../lib/clustering/index.ts';
import { probeCuda } from '../../lib/native.ts';

process.env.TEST_DEVICE_MEMORY = String(1 << 20); // read at the first look at the device
const { reason } = probeCuda();

const IDS = 40_000;
const keys = Float64Array.from({ length: IDS }, (_, id) => id);
const points = Float32Array.from(keys);
const counts = new Uint32Array(IDS);
const device = 'cuda' as const;

describe.skipIf(!reason.startsWith('test device'))('a learner without memory enough', () => {
  it.each([
    ['agglomerate', () => agglomerate(keys, counts, { rows: 10, device })],
    ['equalMassBins', () => equalMassBins(keys, counts, 10, { device })],
    ['learnKdTree', () => learnKdTree(points, 1, counts, 10, { device })],
    ['kMeans', () => kMeans(points, 1, counts, { rows: 10, start: Uint32Array.from(keys, (id) => id % 10), device })],
  ])('%s says the bytes wanted and free', async (_, learn) => {
    const message = expect.stringMatching(/\d+ bytes on the CUDA device for .*\d+ of 1048576 bytes are free/);
    const error = await learn().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'OUT_OF_MEMORY', message });
    await expect(learn()).rejects.toThrow((error as Error).message); // as many are free again
  });
});
