/** How an engine is set up. Types only. */
import type { LoadOptions, LoadProgress, LoraSource } from "@aha/runtime";
import type { TokenPrices } from "./engine.ts";
import type { ModelFacts } from "./served_model.ts";

/** Options of loading that can be sent to a worker. */
export type ServedLoadOptions =
  & Omit<LoadOptions, "onProgress" | "onPlan" | "signal" | "lora">
  & { readonly lora?: readonly ServedLora[] };

/** A low-rank adapter by a path, an address or `hf:ORG/REPO/FILE.gguf`; with a name requests choose it as `MODEL:NAME`. */
export type ServedLora = LoraSource & { readonly from: string };

/** A model to be served. */
export interface ModelSpec {
  /** As requests name it. */
  readonly name: string;
  /** Other names for it; one that ends with `*` stands for all that begin so: `gpt-*`. */
  readonly aliases?: readonly string[];
  /** A path, an http(s) or file URL, `hf:ORG/REPO/FILE.gguf` or a name of the manifest. */
  readonly source: string | URL;
  /** `sequences` is the engine's number of places unless it is given. */
  readonly loadOptions?: ServedLoadOptions;
  readonly prices?: TokenPrices;
  /** How long it stays after its last request, milliseconds; default: as the engine's. */
  readonly keepAliveMs?: number;
}

/** Options of `createEngine`. */
export interface EngineConfig {
  /** At least one; the first is the default. */
  readonly models: readonly ModelSpec[];
  /**
   * Answers in the making at once, of all models together. Default 8: on a few cores a step of 8 rows is bound by
   * arithmetic, so that more of them only make each other slower, and each may take a context's memory.
   */
  readonly slots?: number;
  /** Requests that may wait for a place; further ones are refused. Default 64. */
  readonly maxQueued?: number;
  /**
   * How long a request may wait for a place, and then its model for others to make way; loading is not counted. Default
   * 60,000 ms.
   */
  readonly queueTimeoutMs?: number;
  /**
   * Most bytes of all loaded models together, by their memory plans. Models that nobody uses make way, the least recently
   * used first; those in use are waited for. Default: no bound but the one of each model.
   */
  readonly memoryBytes?: number;
  /** How long a model stays after its last request. Default Infinity: it leaves only to make way. */
  readonly keepAliveMs?: number;
  /** Models to load at once, in this order: all, or by name. They load while the engine is there already. Default: none. */
  readonly preload?: boolean | readonly string[];
  /**
   * `worker`: each model in a thread of its own, so that this one stays free. `same`: in this thread. Default `auto`: a
   * worker where one starts, which it does not in an isolate, or where the program is bundled into one file.
   */
  readonly thread?: "auto" | "worker" | "same";
  readonly onProgress?: (model: string, progress: LoadProgress) => void;
  /** Called when a model has been loaded. */
  readonly onReady?: (model: string, facts: ModelFacts) => void;
  /** Called when a model did not load, or was lost; requests are told too, preloading has nobody else. */
  readonly onFailure?: (model: string, error: Error) => void;
}
