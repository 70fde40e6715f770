/** Files written whole or not at all, and the safetensors and npy formats. */
export { type FileContent, fileError, writeFileAtomic } from './atomic.ts';
export { readNpy, writeNpy } from './npy.ts';
export { readSafetensors, type Safetensors, type Tensor, type TensorInput, writeSafetensors } from './safetensors.ts';
export type { TensorArray, TensorType } from './tensor.ts';
