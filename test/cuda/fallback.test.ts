/**
 * A machine, a driver or a build that falls short: `cuda` says what and how to mend it, `auto` takes the CPU, `doctor`
 * prints it. On the test device alone, which is what the variables TEST_DEVICE_* say. A device that can be used is asked
 * once per process, so what cannot be used comes first, and this file keeps to itself.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EmbeddingTables } from '../../lib/embedding/index.ts';
import { DenseNet } from '../../lib/model/index.ts';
import { probeCuda } from '../../lib/native.ts';

const onTestDevice = process.env.LEARN_TO_COLLIDE_PREBUILD?.endsWith('build-cuda-test') === true;
const features = [{ name: 'movie', cardinality: 10, dim: 4 }];
const batch = { indices: [1, 2, 1], offsets: [0, 2, 3] };
const dense = { vectors: 1, dim: 4, top: [1] };

/** What the test device is from now on. */
function machine(variables: Partial<Record<'DRIVER' | 'COUNT' | 'LAUNCH' | 'MEMORY', string>>): void {
  for (const name of ['DRIVER', 'COUNT', 'LAUNCH']) delete process.env[`TEST_DEVICE_${name}`];
  for (const [name, value] of Object.entries(variables)) process.env[`TEST_DEVICE_${name}`] = value;
}

/** The warnings of a process that asked for none before, while body runs. */
async function warnings(body: (fresh: typeof import('../../lib/index.ts')) => void): Promise<unknown[]> {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  vi.resetModules();
  body(await import('../../lib/index.ts'));
  return warn.mock.calls.map(([message]) => message);
}

afterEach(() => {
  vi.restoreAllMocks();
});

const UNUSABLE: [string, Parameters<typeof machine>[0], string, string][] = [
  [
    'no driver',
    { DRIVER: '0' },
    'no NVIDIA driver (libcuda) was found; this build needs one for CUDA 13.0',
    'not made',
  ],
  ['an old driver', { DRIVER: '12040' }, 'the driver supports CUDA up to 12.4, this build was made with', 'not made'],
  ['no device', { COUNT: '0' }, 'the driver reports no CUDA device', 'not made'],
  ['PTX of a newer toolkit', { LAUNCH: '222' }, 'PTX alone for test device', 'cudaErrorUnsupportedPtxVersion'],
  ['kernels for other devices', { LAUNCH: '209' }, 'this build has no kernels for test device', 'NoKernelImage'],
  ['a kernel that fails', { LAUNCH: '719' }, 'could not run a test kernel', 'cudaErrorLaunchFailure'],
  ['a kernel that does nothing', { LAUNCH: 'idle' }, 'gave wrong results for a test kernel', 'wrong'],
];

describe.runIf(onTestDevice)('a device that cannot be used', () => {
  it.each(UNUSABLE)('%s', async (_, variables, reason, launch) => {
    machine(variables);
    const probe = probeCuda();
    expect(probe).toMatchObject({ available: false, architectures: 'compute_75' });
    expect(probe.reason).toContain(reason);
    expect(probe.launch).toContain(launch);

    const unavailable = expect.objectContaining({
      code: 'CUDA_UNAVAILABLE',
      message: expect.stringContaining(probe.reason),
    });
    expect(() => new EmbeddingTables({ features, device: 'cuda' })).toThrow(unavailable);
    expect(() => new DenseNet({ ...dense, device: 'cuda' })).toThrow(unavailable);

    using cpu = new EmbeddingTables({ features });
    const told = await warnings((fresh) => {
      using tables = new fresh.EmbeddingTables({ features, device: 'auto' });
      using net = new fresh.DenseNet({ ...dense, device: 'auto' });
      expect([tables.device, net.device]).toEqual(['cpu', 'cpu']);
      expect(tables.lookup(batch)).toEqual(cpu.lookup(batch));
    });
    expect(told).toEqual([`CUDA is not used: ${probe.reason}`]);
  });
});

describe.runIf(onTestDevice)('a device that can be used', () => {
  it('is asked once, and says what it and the build are', () => {
    machine({});
    const probe = probeCuda();
    expect(probe).toMatchObject({ available: true, launch: 'right', architectures: 'compute_75' });
    expect(probe.reason).toMatch(/^test device .*, \d+ MiB$/);
    expect(probe.needs).toMatch(/^CUDA \d+\.0 or later$/);
    expect(probe.driver).toBe(probe.runtime);
    machine({ LAUNCH: '719' });
    expect(probeCuda()).toEqual(probe);
  });

  it('and fails when something is made: auto takes the CPU and says why, cuda throws', async () => {
    machine({ LAUNCH: '719' });
    const failed = expect.objectContaining({ code: 'CUDA_FAILED', message: expect.stringContaining('initial values') });
    expect(() => new EmbeddingTables({ features, device: 'cuda' })).toThrow(failed);
    using cpu = new EmbeddingTables({ features, seed: 3 });
    const told = await warnings((fresh) => {
      using tables = new fresh.EmbeddingTables({ features, seed: 3, device: 'auto' });
      expect(tables.device).toBe('cpu');
      expect(tables.lookup(batch)).toEqual(cpu.lookup(batch));
      // The tables' kernel fails; the net, which launches nothing to be made, is on the device.
      using model = new fresh.Recommender({ features, dense: 0, dim: 4, topHidden: [], device: 'auto' });
      expect(model.devices).toEqual({ tables: 'cpu', net: 'cuda' });
    });
    expect(told).toEqual([expect.stringMatching(/^CUDA is not used: The CUDA runtime could not launch the initial/)]);
  });

  it('and options that are wrong on every device are told as the CPU tells them', async () => {
    machine({});
    const told = await warnings((fresh) => {
      // Wrong on every device: the CPU's error, and no warning that CUDA is not used.
      const wrong = { name: 'a', cardinality: 4, dim: 4, tables: ['shared'] };
      expect(
        () => new fresh.EmbeddingTables({ features: [wrong, { ...wrong, name: 'b', dim: 2 }], device: 'auto' }),
      ).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    });
    expect(told).toEqual([]);
  });
});
