/** Where work runs. CUDA is never guessed: the driver is asked, and its answer is told. */
import { CollideError, checkOneOf } from './errors.ts';
import { probeCuda } from './native.ts';

/**
 * `cpu`; `cuda`, which throws without a usable device; `auto`: CUDA when a test kernel runs on the device and its
 * memory suffices, otherwise the CPU.
 */
export type Device = (typeof DEVICES)[number];

export const DEVICES = ['cpu', 'cuda', 'auto'] as const;

/** Where something ended up. */
export type PlacedOn = Exclude<Device, 'auto'>;

let told = false;

/**
 * The device that a choice comes to on this machine. For `auto` without CUDA, one process warning (code
 * `COLLIDE_CUDA_UNUSED`) says why.
 *
 * @param where - what the choice was made for, for messages
 * @param obstacle - what of this work the CUDA kernels cannot do, if anything
 * @throws CollideError INVALID_ARGUMENT; for `cuda` NOT_SUPPORTED when there is an obstacle, CUDA_UNAVAILABLE when the
 * driver, the device or the build lacks it
 */
export function chooseDevice(device: unknown, where: string, obstacle?: string): PlacedOn {
  const choice = checkOneOf(device, DEVICES, `device of ${where}`);
  if (choice === 'cpu') return 'cpu';
  if (choice === 'cuda' && obstacle !== undefined) {
    throw new CollideError(
      'NOT_SUPPORTED',
      `Expected work that the CUDA kernels can do for device "cuda" of ${where}: ${obstacle}. Device "cpu" can do it`,
    );
  }
  const probe = probeCuda();
  const available = probe.available && obstacle === undefined;
  const reason = obstacle ?? probe.reason;
  if (available) return 'cuda';
  if (choice === 'cuda') {
    throw new CollideError(
      'CUDA_UNAVAILABLE',
      `Expected a usable CUDA device for device "cuda" of ${where}: ${reason}`,
    );
  }
  tellUnused(reason);
  return 'cpu';
}

/**
 * Makes what lives on the device that `choice` came to; for `auto` on the CPU when the device fails at it (too little
 * memory, a kernel that cannot be launched, work that no kernel does), with the same warning.
 *
 * @throws CollideError whatever `make` throws on the CPU, for `cuda` on the device
 */
export function makeOn<T>(choice: Device, device: PlacedOn, make: (device: PlacedOn) => T): [T, PlacedOn] {
  try {
    return [make(device), device];
  } catch (error) {
    if (choice !== 'auto' || device === 'cpu' || !(error instanceof CollideError)) throw error;
    const made = make('cpu'); // options that are wrong on every device throw again
    tellUnused(error.message);
    return [made, 'cpu'];
  }
}

function tellUnused(reason: string): void {
  if (told) return;
  told = true;
  process.emitWarning(`CUDA is not used: ${reason}`, { type: 'CollideWarning', code: 'COLLIDE_CUDA_UNUSED' });
}
