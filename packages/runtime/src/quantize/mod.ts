/** Model files in other number formats. The public face of this folder; defines nothing itself. */
export { quantizeModel } from "./quantize_model.ts";
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
  writeModel,
  type WriteModelOptions,
  type WriteModelReport,
} from "./write_model.ts";
