/** Files for other programs: mappings as csv, npy or parquet, tensors as safetensors. */
export {
  readSafetensors,
  type Safetensors,
  type SafetensorsFile,
  type Tensor,
  type TensorAbout,
  type TensorArray,
  type TensorInput,
  type TensorPieces,
  type TensorType,
  withSafetensors,
  writeSafetensors,
} from '../files/index.ts';
export { type MappingFormat, writeMapping } from './mapping_file.ts';
