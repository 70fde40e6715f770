/** Fully connected layers, as ops. */
import { CollideError, checkInteger, describe } from '../../errors.ts';
import type { HeadInput, HeadOp } from '../head.ts';

/** What a head takes at most; a config is held to it before data are read. */
export const MOST_WIDTH = 65_536;
export const MOST_LAYERS = 32;

/** Layers with ReLU, named `name.0`, `name.1`, ...; the last op has the output. */
export function reluLayers(name: string, from: HeadInput, widths: readonly number[]): HeadOp[] {
  return widths.flatMap((outputs, layer): HeadOp[] => [
    { op: 'linear', name: `${name}.${layer}`, from: layer === 0 ? from : `${name}.${layer - 1}.relu`, outputs },
    { op: 'relu', name: `${name}.${layer}.relu`, from: `${name}.${layer}` },
  ]);
}

/** The name of what comes out of `reluLayers`. */
export function outputOf(name: string, from: HeadInput, widths: readonly number[]): HeadInput {
  return widths.length === 0 ? from : `${name}.${widths.length - 1}.relu`;
}

/** @throws CollideError INVALID_ARGUMENT unless it is a list of widths */
export function checkWidths(value: readonly number[], where: string): number[] {
  if (!Array.isArray(value) || value.length > MOST_LAYERS) {
    throw new CollideError(
      'INVALID_ARGUMENT',
      `Expected an array of at most ${MOST_LAYERS} widths for ${where}, received ${describe(value)}`,
    );
  }
  return value.map((width, layer) => checkInteger(width, 1, MOST_WIDTH, `${where}[${layer}]`));
}
