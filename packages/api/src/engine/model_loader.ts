/** What the registry asks of whoever loads a model. Types only. */
import type { LoadProgress, ModelDescription } from "@aha/runtime";
import type { ServedLoadOptions } from "./engine_config.ts";
import type { ServedModel } from "./served_model.ts";

/** Which model to load. */
export interface ModelToLoad {
  readonly name: string;
  readonly source: string;
  readonly options: ServedLoadOptions;
}

/** What is to be told while it loads, and after. */
export interface LoadHooks {
  readonly signal: AbortSignal;
  /** Asks for so much memory; rejects if there is none. */
  readonly reserve: (neededBytes: number) => Promise<void>;
  readonly onProgress?: (progress: LoadProgress) => void;
  /** The model is lost and answers no more; called once at most. */
  readonly onLost: (error: Error) => void;
}

/** Loads a model; when it rejects, nothing of it is left. */
export type ModelLoader = (model: ModelToLoad, hooks: LoadHooks) => Promise<ServedModel>;

/** Tells what a model's file says without loading it; undefined where it has to be downloaded first. */
export type ModelDescriber = (
  model: ModelToLoad,
  signal: AbortSignal,
) => Promise<ModelDescription | undefined>;
