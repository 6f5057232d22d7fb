/** What the routes ask of the engine: which models there are, a place to run, how busy it is. Types only. */
import type { ModelDescription } from "@aha/runtime";
import type { ModelFacts, ModelLoad, ServedModel } from "./served_model.ts";

/** A model that may be asked for. */
export interface ModelEntry {
  readonly name: string;
  /** Unix time in seconds: when it was made known. */
  readonly created: number;
  readonly state: "cold" | "loading" | "ready" | "failed";
  /** Where it is ready. */
  readonly facts?: ModelFacts;
  /** Adapters that requests choose, as `MODEL:NAME` or by their places in this list. */
  readonly adapters?: readonly AdapterEntry[];
  /** The adapter that the entry's name has chosen already, which is then `MODEL:NAME`. */
  readonly adapter?: string;
  /** What its file says, where that has been read: `readHeads`. */
  readonly head?: ModelDescription;
  /** Unix time in milliseconds at which it is unloaded if nobody asks for it; missing: never. */
  readonly expiresAt?: number;
  /** Price of a million tokens in the currency of the server's owner, where configured. */
  readonly prices?: TokenPrices;
}

/** An adapter of a model, loaded or not. */
export interface AdapterEntry {
  readonly name: string;
  /** Whether it applies to requests that choose none. */
  readonly isDefault: boolean;
  readonly scale: number;
}

/** Prices of a million tokens. */
export interface TokenPrices {
  readonly currency: string;
  /** Prompt tokens that were in the cache, those that were not, and tokens of the answer. */
  readonly cacheHit: number;
  readonly cacheMiss: number;
  readonly output: number;
}

/** A place to run in, with its model ready. Give it back in any case. */
export interface Lease {
  readonly model: ServedModel;
  readonly entry: ModelEntry;
  /** Milliseconds from asking to being given. */
  readonly queuedMs: number;
  /** Of these, milliseconds of loading. */
  readonly loadMs: number;
  [Symbol.dispose](): void;
}

/** Who asks, and how long one may wait. */
export interface AcquireOptions {
  /** Places are given in turn to each of these: an API key's name or an address. */
  readonly client?: string;
  /**
   * Places that this request takes at once: its number of choices; more than there are count as all. 0: it runs nothing,
   * and waits for the model alone. Default 1.
   */
  readonly places?: number;
  /** How long the model stays after this request, milliseconds; 0: not at all, Infinity: for good. Default: as configured. */
  readonly keepAliveMs?: number;
  readonly signal?: AbortSignal;
}

/** How busy the engine is. */
export interface EngineStatus {
  readonly state: "loading" | "ready" | "closing";
  readonly slots: readonly SlotStatus[];
  /** Requests that wait for a place, and how many may. */
  readonly queued: number;
  readonly maxQueued: number;
  readonly models: readonly (ModelEntry & { readonly load?: ModelLoad })[];
}

/** A place to run in. */
export interface SlotStatus {
  readonly id: number;
  /** Where it is taken. */
  readonly model?: string;
  readonly sinceMs?: number;
}

/**
 * Models by name and places to run in. Errors of `acquire`: see `engine_errors.ts` (`UnknownModelError`,
 * `QueueFullError` with the seconds after which to ask again, `EngineClosingError`, `EngineMemoryError`, `QueueTimeoutError`).
 */
export interface Engine {
  /** In the order in which they were configured; the first is the default. */
  models(): readonly ModelEntry[];
  /** The model of a name or an alias, maybe with one of its adapters (`MODEL:NAME`), if there is one. */
  find(name: string): ModelEntry | undefined;
  /**
   * Reads what the files say of models that were never loaded, for some seconds at most; entries have it then. What has to
   * be downloaded first, or cannot be read, stays unknown.
   */
  readHeads(): Promise<void>;
  /**
   * Waits for a place and for the model; without a name the default one. One with an adapter answers with it, unless a
   * request chooses otherwise.
   */
  acquire(name: string | undefined, options?: AcquireOptions): Promise<Lease>;
  /** Unloads a model as soon as nobody uses it. */
  unload(name: string): Promise<void>;
  /** Whether it takes requests; asks no model, so it is known at once. */
  state(): EngineStatus["state"];
  /** Asks the models, which may take a moment where they are busy. */
  status(): Promise<EngineStatus>;
  /** Takes no more requests, lets those that run end for so long, then ends them. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}
