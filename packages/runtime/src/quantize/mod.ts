/** Model files in other number formats. The public face of this folder; defines nothing itself. */
export { quantizeModel, storedTensor, wholeMetadata } from "./quantize_model.ts";
export {
  planTypes,
  type TensorShape,
  type TypedTensor,
  WRITABLE_TYPES,
  type WritableType,
} from "./type_plan.ts";
export {
  type FloatTensor,
  type ModelToWrite,
  type TypedModel,
  withFileType,
  writeModel,
  type WriteModelOptions,
  type WriteModelReport,
  writeTyped,
} from "./write_model.ts";
