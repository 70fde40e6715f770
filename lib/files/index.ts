/** Files written whole or not at all, and the safetensors and npy formats. */
export { type FileContent, writeFileAtomic, writeFilesAtomic } from './atomic.ts';
export { fileError } from './errors.ts';
export { inFolder } from './make_folder.ts';
export { readNpy, writeNpy } from './npy.ts';
export {
  readMetadata,
  readSafetensors,
  type Safetensors,
  type SafetensorsFile,
  type TensorAbout,
  withSafetensors,
} from './read_safetensors.ts';
export type { Tensor, TensorInput, TensorPieces } from './safetensors.ts';
export { checkWritable, targetOf } from './target.ts';
export { newArray, TENSOR_ARRAYS, type TensorArray, type TensorArrayOf, type TensorType } from './tensor.ts';
export { safetensorsContent, writeSafetensors } from './write_safetensors.ts';
