/** What training needs of the runtime: the waist with its backward passes, tensors, batches and models. Defines nothing itself. */
export { ByteHash, hexHash, hexText } from "./src/byte_hash.ts";
export { type Batch, makeBatch, type Segment, type SegmentInput } from "./src/batch.ts";
export { CheckpointError, ModelError, UnsupportedError } from "./src/errors.ts";
export type {
  AdamW,
  AdapterGradients,
  BankGradients,
  DropoutKey,
  Gradient,
  GradOps,
  TrainableBackend,
} from "./src/backend/grad_ops.ts";
export type { KvCache } from "./src/kv_cache.ts";
export type { ModelConfig } from "./src/model/config.ts";
export type { LanguageModel, ParameterSource } from "./src/model/language_model.ts";
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
} from "./src/ops.ts";
export {
  type BankAdapter,
  elementCount,
  type ElementType,
  type ExpertBank,
  type Tensor,
  type Weight,
} from "./src/tensor.ts";
export type { ByteSink, FileSink, Metadata } from "./src/gguf/mod.ts";
export { openFileSink } from "./src/gguf/mod.ts";
export type { LatentForm } from "./src/model/config/latent_config.ts";
export type { Tokenizer } from "./src/tokenizer/mod.ts";
export { rollOut, RolloutEngine } from "./src/engine/rollout/rollout_engine.ts";
export type {
  ForcedEnd,
  Rollout,
  RolloutRequest,
  RolloutSeed,
} from "./src/engine/rollout/rollout_request.ts";
export {
  type NamedParameters,
  type RecordedSource,
  recordedSource,
} from "./src/training/recorded_source.ts";
export {
  openTrainable,
  type TrainableModel,
  type TrainableOptions,
} from "./src/training/trainable_model.ts";
export { DelegatedOps } from "./src/lora/delegated_ops.ts";
export { type FrozenCopy, frozenCopy } from "./src/training/frozen_copy.ts";
export {
  openTensorFile,
  type TensorFile,
  type TensorToWrite,
  writeSafetensors,
} from "./src/training/tensor_file.ts";
export { yieldToHost } from "./src/yield_to_host.ts";
