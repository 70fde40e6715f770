/**
 * DLRM (Naumov et al. 2019), the model of "Learning to Collide", section 5:
 *
 *     x0    = bottom layers of the dense inputs, all ReLU, the last `dim` wide; without dense inputs a learned constant
 *     z     = concat(x0, x_i . x_j for 0 <= j < i <= vectors), x_1, x_2, ... being the embedding vectors
 *     logit = top layers of z: ReLU, but the last, which is linear and 1 wide
 *
 * No dense inputs means a constant in the bottom layers' place: its dots with the vectors are first order terms, so a
 * model of ids alone loses nothing.
 */
import { CollideError } from '../../errors.ts';
import type { Head, HeadOp } from '../head.ts';
import { checkWidths, outputOf, reluLayers } from './layers.ts';

/** Widths of all layers, the last of `bottom` being `dim` (none without dense inputs), the last of `top` 1. */
export interface DlrmShape {
  dense: number;
  dim: number;
  bottom: readonly number[];
  top: readonly number[];
}

/** @throws CollideError INVALID_ARGUMENT that names the layers */
export function dlrmOps(shape: DlrmShape): HeadOp[] {
  const { dense, dim } = shape;
  const bottom = checkWidths(shape.bottom, 'bottom');
  const top = checkWidths(shape.top, 'top');
  if (dense === 0 && bottom.length > 0) {
    throw invalid(`Expected no bottom layers without dense inputs, received ${bottom.length}`);
  }
  if (dense > 0 && bottom.at(-1) !== dim) {
    throw invalid(`Expected bottom layers whose last is dim = ${dim} wide, received [${bottom.join(', ')}]`);
  }
  if (top.at(-1) !== 1) throw invalid(`Expected top layers whose last is 1 wide, received [${top.join(', ')}]`);
  const x0 = dense === 0 ? 'constant' : outputOf('bottom', 'dense', bottom);
  const hidden = top.slice(0, -1);
  const last = `top.${hidden.length}`;
  return [
    ...(dense === 0 ? [{ op: 'constant', name: x0, outputs: dim } as const] : reluLayers('bottom', 'dense', bottom)),
    { op: 'dots', name: 'dots', from: [x0, 'vectors'] },
    { op: 'concat', name: 'z', from: [x0, 'dots'] },
    ...reluLayers('top', 'z', hidden),
    { op: 'linear', name: last, from: outputOf('top', 'z', hidden), outputs: 1 },
    { op: 'loss', name: 'loss', from: last },
  ];
}

export const dlrm: Head = {
  name: 'dlrm',
  takes: ['bottomHidden', 'topHidden'],
  ops: ({ dense, dim, bottomHidden = [64], topHidden = [64] }) =>
    dlrmOps({ dense, dim, bottom: dense > 0 ? [...bottomHidden, dim] : [], top: [...topHidden, 1] }),
};

function invalid(message: string): CollideError {
  return new CollideError('INVALID_ARGUMENT', message);
}
