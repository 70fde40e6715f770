/**
 * A vitest setup file: whatever the kernels can do runs on the device, also where a test asks for none. So the suites of
 * test/embedding and test/model, written for the CPU, are tests of the kernels too.
 */
import { vi } from 'vitest';

vi.mock(import('../../lib/device.ts'), async (original) => {
  const real = await original();
  return {
    ...real,
    chooseDevice: (device: unknown, where: string, obstacle?: string) =>
      device === 'cpu' && obstacle === undefined ? 'cuda' : real.chooseDevice(device, where, obstacle),
  };
});
