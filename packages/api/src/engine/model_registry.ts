/** Models by name: loads them once for all who wait, unloads them when they are idle or in the way. Knows no places. */
import type { ModelDescription } from "@aha/runtime";
import type { Clock } from "./clock.ts";
import { namedLora } from "@aha/runtime/lora";
import type { AdapterEntry, ModelEntry } from "./engine.ts";
import type { EngineConfig, ModelSpec } from "./engine_config.ts";
import { EngineMemoryError, QueueTimeoutError, UnknownModelError } from "./engine_errors.ts";
import type { ModelDescriber, ModelLoader, ModelToLoad } from "./model_loader.ts";
import type { ServedModel } from "./served_model.ts";
import { unlessAborted } from "./unless_aborted.ts";

/** A configured model. */
export interface Served {
  readonly spec: ModelSpec;
  /** Unix time in seconds. */
  readonly created: number;
  readonly adapters: readonly AdapterEntry[];
  residence?: Residence;
  /** Whether it did not load, or was lost, the last time. */
  hasFailed: boolean;
  head?: ModelDescription;
  /** While its file is read, and for some time after that has failed. */
  headReading?: Promise<void>;
}

/** A model, and the adapter that a name has chosen besides. */
export interface Found {
  readonly served: Served;
  readonly adapter?: string;
}

/** A model in memory, or on its way there. */
export interface Residence {
  readonly served: Served;
  readonly ready: Promise<ServedModel>;
  readonly loading: AbortController;
  readonly left: PromiseWithResolvers<void>;
  model?: ServedModel;
  /** By its plan. */
  bytes: number;
  users: number;
  keepAliveMs: number;
  /** When it was used last. */
  usedAt: number;
  /** Whether it leaves as soon as nobody uses it. */
  isLeaving: boolean;
  cancelTimer?: () => void;
}

/** What a registry is made with. */
export interface RegistryParts extends Pick<EngineConfig, "onProgress" | "onReady" | "onFailure"> {
  readonly models: readonly ModelSpec[];
  readonly load: ModelLoader;
  readonly describe: ModelDescriber;
  readonly clock: Clock;
  readonly slots: number;
  readonly memoryBytes?: number;
  readonly keepAliveMs: number;
  readonly queueTimeoutMs: number;
}

/** The longest that anybody is told to stay away. */
const MOST_RETRY_SECONDS = 600;
/** How long who asks waits for files to be read, how long reading one may take, and when it may be tried again. */
const HEADS_MS = { wait: 2_000, most: 30_000, retry: 30_000 };

/**
 * Invariant: at any time the plans of all residents, those that are being closed among them, stay within `memoryBytes`, and
 * none with users is unloaded.
 */
export class ModelRegistry {
  readonly #served: readonly Served[];
  /** Until they are closed. */
  readonly #residents = new Set<Residence>();
  /** Called when a model may have become idle, or has left. */
  readonly #onChange = new Set<() => void>();

  constructor(private readonly parts: RegistryParts) {
    const created = Math.floor(parts.clock.now() / 1000);
    this.#served = parts.models.map((spec) => {
      const adapters = namedLora(spec.loadOptions?.lora)
        .map(({ name, isDefault, scale }) => ({ name, isDefault, scale }));
      return { spec, created, adapters, hasFailed: false };
    });
  }

  /** In the order of the configuration. */
  all(): readonly Served[] {
    return this.#served;
  }

  /** What is known of a model, by its own name or with an adapter's. */
  entryOf({ served, adapter }: Found): ModelEntry {
    const { spec, created, adapters, residence, hasFailed, head } = served;
    const { name, prices } = spec;
    const facts = residence?.model?.facts;
    const state = facts ? "ready" : residence ? "loading" : hasFailed ? "failed" : "cold";
    const expiresAt = residence?.model && this.#expiresAt(residence);
    return {
      ...{ name: adapter === undefined ? name : `${name}:${adapter}`, created, state },
      ...(adapters.length > 0 ? { adapters } : {}),
      ...(adapter === undefined ? {} : { adapter }),
      ...(facts ? { facts } : {}),
      ...(facts ?? head ? { head: facts ?? head } : {}),
      ...(expiresAt !== undefined && expiresAt < Infinity ? { expiresAt } : {}),
      ...(prices ? { prices } : {}),
    };
  }

  /** Reads what files say of models of which nothing is known yet. */
  async readHeads(): Promise<void> {
    const unknown = this.#served.filter(({ residence, head }) => !residence?.model && !head);
    if (unknown.length === 0) return;
    const reading = unknown.map((served) => served.headReading ??= this.#readHead(served));
    const { promise: late, resolve } = Promise.withResolvers<void>();
    this.parts.clock.after(HEADS_MS.wait, resolve, { keepsAlive: false });
    await Promise.race([Promise.all(reading), late]);
  }

  async #readHead(served: Served): Promise<void> {
    const { clock, describe } = this.parts;
    const ends = new AbortController();
    const cancelTimer = clock.after(HEADS_MS.most, () => ends.abort(), { keepsAlive: false });
    served.head = await describe(this.#toLoad(served), ends.signal).catch(() => undefined);
    cancelTimer();
    if (served.head) return;
    clock.after(HEADS_MS.retry, () => served.headReading = undefined, { keepsAlive: false });
  }

  #toLoad({ spec: { name, source, loadOptions } }: Served): ModelToLoad {
    const { slots: sequences, memoryBytes } = this.parts;
    return { name, source: String(source), options: { sequences, memoryBytes, ...loadOptions } };
  }

  /**
   * The model of a name or an alias, maybe with an adapter; without a name the first one.
   * @throws {UnknownModelError}
   */
  find(name?: string): Found {
    if (name === undefined) return { served: this.#served[0] };
    const found = this.known(name);
    if (found) return found;
    throw new UnknownModelError(name, this.#served.flatMap(namesOf));
  }

  /**
   * The model of a name or an alias, if there is one. `MODEL:ADAPTER` is one with an adapter, where nothing is called just
   * that.
   */
  known(name: string): Found | undefined {
    const served = this.#named(name);
    if (served?.spec.name === name || served?.spec.aliases?.includes(name)) return { served };
    const colon = name.lastIndexOf(":");
    const adapter = name.slice(colon + 1);
    const base = colon > 0 ? this.#named(name.slice(0, colon)) : undefined;
    if (base?.adapters.some((one) => one.name === adapter)) return { served: base, adapter };
    return served && { served };
  }

  #named(name: string): Served | undefined {
    return this.#served.find(({ spec }) => spec.name === name) ??
      this.#served.find(({ spec }) => spec.aliases?.some((alias) => isMeant(alias, name)));
  }

  /**
   * A model to be used until `release`; it is ready when its promise says so. A load goes on when nobody waits for it any
   * more: the next request probably wants it.
   */
  use(served: Served, keepAliveMs?: number): Residence {
    const residence = this.warm(served);
    residence.users++;
    residence.keepAliveMs = keepAliveMs ?? this.#keepAliveMs(served);
    residence.cancelTimer?.();
    return residence;
  }

  /** A model that is loaded, or begins to be, for requests to come. */
  warm(served: Served): Residence {
    return served.residence ?? this.#load(served);
  }

  /** The user is done. */
  release(residence: Residence): void {
    residence.users--;
    residence.usedAt = this.parts.clock.now();
    this.#whenIdle(residence);
    this.#tellChange();
  }

  /** The model answers no more: whoever asks next has it loaded again. */
  lose(residence: Residence, error: Error): void {
    if (residence.served.residence !== residence) return;
    this.#fail(residence.served, error);
    void this.#remove(residence);
  }

  /** Unloads a model as soon as nobody uses it. */
  async unload(served: Served): Promise<void> {
    const { residence } = served;
    if (!residence) return;
    residence.isLeaving = true;
    if (!residence.model && residence.users === 0) this.#abandon(residence);
    else this.#whenIdle(residence);
    await residence.left.promise;
  }

  /** Ends loads and closes all models, used or not. */
  async close(reason: Error): Promise<void> {
    const residents = [...this.#residents];
    for (const residence of residents) {
      residence.loading.abort(reason);
      if (residence.model) void this.#remove(residence);
    }
    await Promise.all(residents.map(({ left }) => left.promise));
  }

  #load(served: Served): Residence {
    const loading = new AbortController();
    const { promise: ready, resolve, reject } = Promise.withResolvers<ServedModel>();
    ready.catch(() => {}); // who waits is told; maybe nobody does
    const residence: Residence = {
      ...{ served, ready, loading, bytes: 0, users: 0, isLeaving: false },
      left: Promise.withResolvers<void>(),
      keepAliveMs: this.#keepAliveMs(served),
      usedAt: this.parts.clock.now(),
    };
    served.residence = residence;
    this.#residents.add(residence);
    this.#loadInto(residence).then(resolve, (error) => {
      if (!loading.signal.aborted) this.#fail(served, error);
      this.#forget(residence);
      reject(error);
    });
    return residence;
  }

  async #loadInto(residence: Residence): Promise<ServedModel> {
    const { served, served: { spec } } = residence;
    const former = [...this.#residents].filter((other) => other.served === served && isGone(other));
    await Promise.all(former.map(({ left }) => left.promise));
    const { load, onProgress } = this.parts;
    const { signal } = residence.loading;
    const model = await load(this.#toLoad(served), {
      signal,
      reserve: (neededBytes) => this.#reserve(residence, neededBytes),
      onProgress: onProgress && ((progress) => onProgress(spec.name, progress)),
      onLost: (error) => this.lose(residence, error),
    });
    if (signal.aborted) {
      await model.close();
      throw signal.reason;
    }
    residence.model = model;
    residence.usedAt = this.parts.clock.now();
    served.hasFailed = false;
    served.head = model.facts;
    this.parts.onReady?.(spec.name, model.facts);
    this.#whenIdle(residence);
    this.#tellChange();
    return model;
  }

  #fail(served: Served, error: Error): void {
    served.hasFailed = true;
    this.parts.onFailure?.(served.spec.name, error);
  }

  /**
   * Makes room; whoever is being closed or still in use is waited for, as long as a request may wait for a place.
   * @throws {EngineMemoryError} if the model has no room even alone
   * @throws {QueueTimeoutError} if the others stay in use
   */
  async #reserve(residence: Residence, neededBytes: number): Promise<void> {
    const { clock, memoryBytes = Infinity, queueTimeoutMs } = this.parts;
    const { spec } = residence.served;
    if (neededBytes > memoryBytes) {
      throw new EngineMemoryError(spec.name, neededBytes, memoryBytes);
    }
    const retrySeconds = Math.min(
      MOST_RETRY_SECONDS,
      Math.max(1, Math.ceil(queueTimeoutMs / 1000)),
    );
    const cancelTimer = clock.after(queueTimeoutMs, () => {
      this.#abandon(residence, new QueueTimeoutError(queueTimeoutMs, retrySeconds));
    });
    try {
      while (!this.#take(residence, neededBytes)) await this.#change(residence, neededBytes);
    } finally {
      cancelTimer();
    }
  }

  /**
   * Waits until another has left. One that becomes idle leaves at once, before the next request can use it, and what it
   * leaves is taken before the next load can.
   */
  async #change(residence: Residence, neededBytes: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (this.#take(residence, neededBytes)) return resolve();
      const leaving = this.#leaving(residence, neededBytes);
      if (leaving) void this.#remove(leaving).then(resolve);
    };
    this.#onChange.add(look);
    try {
      look();
      await unlessAborted(promise, [residence.loading.signal]);
    } finally {
      this.#onChange.delete(look);
    }
  }

  /** Takes the memory if it is free. */
  #take(residence: Residence, neededBytes: number): boolean {
    const { memoryBytes = Infinity } = this.parts;
    const othersBytes = bytesOf(this.#residents, (other) => other !== residence);
    if (othersBytes + neededBytes > memoryBytes) return false;
    residence.bytes = neededBytes;
    return true;
  }

  /** Who makes way next; nobody does for a model that has no room beside those in use anyway. */
  #leaving(residence: Residence, neededBytes: number): Residence | undefined {
    const { memoryBytes = Infinity } = this.parts;
    const isStaying = (other: Residence) =>
      other !== residence && !isGone(other) && (other.users > 0 || !other.model);
    if (neededBytes + bytesOf(this.#residents, isStaying) > memoryBytes) return undefined;
    return [...this.#residents]
      .filter((other) => other !== residence && !isStaying(other))
      .sort((a, b) => Number(isGone(b)) - Number(isGone(a)) || a.usedAt - b.usedAt)[0];
  }

  #tellChange(): void {
    for (const look of [...this.#onChange]) look();
  }

  #keepAliveMs({ spec }: Served): number {
    return spec.keepAliveMs ?? this.parts.keepAliveMs;
  }

  /** Unix time in milliseconds at which the model leaves if nobody asks for it. */
  #expiresAt({ users, usedAt, keepAliveMs }: Residence): number {
    return (users > 0 ? this.parts.clock.now() : usedAt) + keepAliveMs;
  }

  /** Ends a load; whoever asks next begins another, which waits until nothing of this one is left. */
  #abandon(residence: Residence, reason?: Error): void {
    residence.served.residence = undefined;
    residence.loading.abort(reason);
  }

  /** Has an idle model leave, now or when its time is over. */
  #whenIdle(residence: Residence): void {
    residence.cancelTimer?.();
    if (residence.users > 0 || !residence.model || isGone(residence)) return;
    const ms = residence.isLeaving ? 0 : residence.keepAliveMs;
    if (ms <= 0) void this.#remove(residence);
    else {
      const leave = () => void this.#remove(residence);
      residence.cancelTimer = this.parts.clock.after(ms, leave, { keepsAlive: false });
    }
  }

  /** Closes a model; asked again, waits for that. */
  async #remove(residence: Residence): Promise<void> {
    if (!isGone(residence)) {
      residence.served.residence = undefined;
      residence.cancelTimer?.();
      await residence.model?.close().catch(() => {}); // a lost one may not know how
      this.#forget(residence);
    }
    await residence.left.promise;
  }

  #forget(residence: Residence): void {
    if (!isGone(residence)) residence.served.residence = undefined;
    this.#residents.delete(residence);
    residence.left.resolve();
    this.#tellChange();
  }
}

/** Whether others are not told of it any more: it is being closed. */
function isGone(residence: Residence): boolean {
  return residence.served.residence !== residence;
}

function bytesOf(all: Iterable<Residence>, isCounted: (one: Residence) => boolean): number {
  return [...all].filter(isCounted).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The model's name, and those with its adapters. */
function namesOf(served: Served): string[] {
  const { name } = served.spec;
  return [name, ...served.adapters.map((adapter) => `${name}:${adapter.name}`)];
}

function isMeant(alias: string, name: string): boolean {
  return alias.endsWith("*") ? name.startsWith(alias.slice(0, -1)) : alias === name;
}
