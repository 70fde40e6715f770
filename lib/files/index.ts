/** Files written whole or not at all, and the safetensors format. */
export { type FileContent, fileError, writeFileAtomic } from './atomic.ts';
export { readSafetensors, type Safetensors, type Tensor, type TensorInput, writeSafetensors } from './safetensors.ts';
export type { TensorArray, TensorType } from './tensor.ts';
