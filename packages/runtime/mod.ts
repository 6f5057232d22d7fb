/** Aha's inference runtime: load a model, chat, complete, score. The public face; defines nothing itself. */
export {
  describeModel,
  loadModel,
  type LoadOptions,
  modelConfig,
  type ModelDescription,
  planModel,
} from "./src/load_model.ts";
export type { AdapterPlace, LoraInput, LoraSource } from "./src/lora/loading/lora_source.ts";
export { type CoreBuild, type CoreBuilds, provideCore } from "./src/backend/wasm/core_builds.ts";
export { PAGE_TOKENS } from "./src/kv_cache.ts";
export type { FileFacts } from "./src/weights/file_facts.ts";
export type { MemoryPlan } from "./src/memory_plan.ts";
export type { RestoredPromptCache } from "./src/prompt_cache/read_prompt_cache.ts";
export type {
  SavedPromptCache,
  SavePromptCacheOptions,
} from "./src/prompt_cache/save_prompt_cache.ts";
export { Model } from "./src/loaded_model.ts";
export { ExpertLoad, loadImbalance } from "./src/engine/expert_load.ts";
export { ChatSession, type SessionOptions, type TurnOptions } from "./src/chat_session.ts";
export type {
  AdapterChoice,
  AdapterFacts,
  AdapterOptions,
  AdapterShare,
  BatchOptions,
  ChatOptions,
  ChatPromptOptions,
  CompleteOptions,
  Completion,
  EmbedOptions,
  EndEvent,
  FinishReason,
  GenerateOptions,
  GenerationEvent,
  LoadProgress,
  Occupancy,
  Score,
  ScoreOptions,
  TextEvent,
  Timings,
  TokenConstraint,
  TokenLogprob,
  TokenRouting,
  Usage,
} from "./src/events.ts";
export type { ChatMessage, Tokenizer } from "./src/tokenizer/mod.ts";
export type { ModelConfig } from "./src/model/config.ts";
export type { LatentForm } from "./src/model/config/latent_config.ts";
export {
  CheckpointError,
  ContextFullError,
  GgufError,
  MemoryError,
  ModelError,
  OutputError,
  PromptCacheError,
  SourceError,
  ThreadError,
  UnsupportedError,
} from "./src/errors.ts";
