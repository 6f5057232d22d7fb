/** Aha's HTTP API: an app on Hono over an engine of local models. The public face; defines nothing itself. */
export type { AccessEntry, ApiKey, AppOptions } from "./src/app_options.ts";
export type {
  AcquireOptions,
  Engine,
  EngineStatus,
  Lease,
  ModelEntry,
  SlotStatus,
  TokenPrices,
} from "./src/engine/engine.ts";
export { createApp } from "./src/app.ts";
export { createEngine } from "./src/engine/create_engine.ts";
export type { EngineConfig, ModelSpec, ServedLoadOptions } from "./src/engine/engine_config.ts";
export {
  EngineClosingError,
  EngineMemoryError,
  QueueFullError,
  QueueTimeoutError,
  UnknownModelError,
} from "./src/engine/engine_errors.ts";
export type {
  ChatPrompt,
  GenerationRequest,
  ModelFacts,
  ModelLoad,
  Prompt,
  ServedEnd,
  ServedEvent,
  ServedModel,
  ServedOptions,
  ServedText,
  ServedToken,
} from "./src/engine/served_model.ts";
export type { ConstraintSpec, JsonSchema } from "./src/structured/constraint_spec.ts";
export { readApiKeys } from "./src/settings/api_keys_text.ts";
export { type EnvironmentSettings, environmentSettings } from "./src/settings/environment.ts";
export { readModel } from "./src/settings/model_text.ts";
