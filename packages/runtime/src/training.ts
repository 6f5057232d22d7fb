/** What training needs of the runtime: the waist with its backward passes, tensors, batches and models. Defines nothing itself. */
export { type Batch, makeBatch, type Segment, type SegmentInput } from "./batch.ts";
export { ModelError, UnsupportedError } from "./errors.ts";
export type {
  AdamW,
  AdapterGradients,
  BankGradients,
  DropoutKey,
  Gradient,
  GradOps,
  TrainableOps,
} from "./grad_ops.ts";
export type { KvCache } from "./kv_cache.ts";
export type { ModelConfig } from "./model/config.ts";
export type { LanguageModel, ParameterSource } from "./model/language_model.ts";
export type {
  Attention,
  Backend,
  Draw,
  Drawn,
  LatentAttention,
  Ops,
  ReadTensor,
  Rope,
  Routing,
  RoutingRule,
  Scope,
  StoredTensor,
} from "./ops.ts";
export {
  type BankAdapter,
  elementCount,
  type ElementType,
  type ExpertBank,
  type Tensor,
  type Weight,
} from "./tensor.ts";
