/** Where work runs. CUDA is never guessed: the driver is asked, and its answer is told. */
import { CollideError, checkOneOf } from './errors.ts';
import { probeCuda } from './native.ts';

/** `cpu`; `cuda`, which throws without a usable device; `auto`: CUDA when the driver answers, otherwise the CPU. */
export type Device = 'cpu' | 'cuda' | 'auto';

let told = false;

/**
 * The device that a choice comes to on this machine. For `auto` without CUDA, one process warning (code
 * `COLLIDE_CUDA_UNUSED`) says why.
 *
 * @param where - what the choice was made for, for messages
 * @throws CollideError INVALID_ARGUMENT; CUDA_UNAVAILABLE for `cuda` when the driver, the device or the build lacks it
 */
export function chooseDevice(device: unknown, where: string): 'cpu' | 'cuda' {
  const choice = checkOneOf(device, ['cpu', 'cuda', 'auto'], `device of ${where}`);
  if (choice === 'cpu') return 'cpu';
  const { available, reason } = probeCuda();
  if (available) return 'cuda';
  if (choice === 'cuda') {
    throw new CollideError(
      'CUDA_UNAVAILABLE',
      `Expected a usable CUDA device for device "cuda" of ${where}: ${reason}`,
    );
  }
  if (!told) {
    told = true;
    process.emitWarning(`CUDA is not used: ${reason}`, { type: 'CollideWarning', code: 'COLLIDE_CUDA_UNUSED' });
  }
  return 'cpu';
}
