/** Which hashing the detours of cross-fitting belong to. */
import { CollideError } from '../errors.ts';
import type { Detours } from '../training/detours.ts';
import type { Hashing } from './hashing.ts';

/** The hashing that detours of cross-fitting were made for. */
const hashingOf = new WeakMap<Detours, Hashing>();

/** @throws CollideError INVALID_ARGUMENT for detours that `crossFit` made for another hashing */
export function checkDetoursOf(detours: Detours | undefined, hashing: Hashing | undefined): void {
  const made = detours && hashingOf.get(detours);
  if (made === undefined || made === hashing) return;
  throw new CollideError(
    'INVALID_ARGUMENT',
    'Expected the hashing that crossFit was called with beside its detours, received another one',
  );
}

export function rememberHashing(detours: Detours, hashing: Hashing): void {
  hashingOf.set(detours, hashing);
}
