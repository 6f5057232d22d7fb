/** Aha's HTTP API: an app on Hono over an engine of local models. The public face; defines nothing itself. */
export { createApp } from "./src/app.ts";
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
