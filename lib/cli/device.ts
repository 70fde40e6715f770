/** The option `--device` of the commands that train or cluster. */

import type { CompareConfig } from '../compare/config.ts';
import { DEVICES, type Device } from '../device.ts';
import { checkOneOf } from '../errors.ts';

export const DEVICE_FLAG = '--device <name>';

/** What commands with a config say of it; see {@link onDevice}. */
export const DEVICE_OF_CONFIG = "cpu, cuda or auto, instead of the config's device";

/** A config with the device of the command line, if one was given. @throws CollideError INVALID_ARGUMENT */
export function onDevice(config: CompareConfig, given: string | undefined): CompareConfig {
  if (given === undefined) return config;
  const device: Device = checkOneOf(given, DEVICES, '--device');
  return { ...config, device };
}
