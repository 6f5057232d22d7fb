/** Model files in other number formats. The public face of this folder; defines nothing itself. */
export { quantizeModel, type QuantizeOptions, type QuantizeReport } from "./quantize_model.ts";
export { planTypes, type TypedTensor, WRITABLE_TYPES, type WritableType } from "./type_plan.ts";
