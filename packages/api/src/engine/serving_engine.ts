/** The engine at work: gives places with their models, tells how busy it is, ends. Loads nothing itself and computes nothing. */
import type { Clock } from "./clock.ts";
import type { AcquireOptions, Engine, EngineStatus, Lease, ModelEntry } from "./engine.ts";
import { EngineClosingError, QueueTimeoutError } from "./engine_errors.ts";
import { leasedModel } from "./leased_model.ts";
import type { Found, ModelRegistry, Residence, Served } from "./model_registry.ts";
import { PlaceQueue, type Waiting } from "./place_queue.ts";
import type { ModelLoad, ServedModel } from "./served_model.ts";
import { unlessAborted } from "./unless_aborted.ts";

/** How long running requests may go on when the engine closes. */
const GRACE_MS = 30_000;
/** How long those that are ended then may take to say so. */
const ENDING_MS = 5_000;
/** How long a model may take to tell its load before what it told last is told instead. */
const LOAD_FIGURES_MS = 50;

/** What an engine is made of. */
export interface EngineParts {
  readonly registry: ModelRegistry;
  readonly clock: Clock;
  readonly slots: number;
  readonly maxQueued: number;
  readonly queueTimeoutMs: number;
}

/** A lease that was not given back. */
interface OpenLease {
  readonly model: string;
  readonly slots: readonly number[];
  readonly sinceMs: number;
  readonly ended: AbortController;
}

/** Places and models together. Invariant: a place is taken as long as a lease is open, or on its way to one. */
export class ServingEngine implements Engine {
  readonly #parts: EngineParts;
  readonly #queue: PlaceQueue;
  readonly #open = new Set<OpenLease>();
  readonly #lastLoads = new WeakMap<ServedModel, ModelLoad>();
  #preloading: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  /** Called when the last lease is given back. */
  #onIdle = () => {};

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#queue = new PlaceQueue(parts.slots, parts.maxQueued, parts.clock.now);
  }

  models(): readonly ModelEntry[] {
    const { registry } = this.#parts;
    return registry.all().map((served) => registry.entryOf({ served }));
  }

  find(name: string): ModelEntry | undefined {
    const { registry } = this.#parts;
    const found = registry.known(name);
    return found && registry.entryOf(found);
  }

  async readHeads(): Promise<void> {
    await this.#parts.registry.readHeads();
  }

  /** Loads models one after the other; what fails is told by the model's entry. */
  preload(names: readonly string[]): void {
    const { registry } = this.#parts;
    const load = async () => {
      for (const { served } of names.map((name) => registry.find(name))) {
        if (this.#closing) return;
        await registry.warm(served).ready.catch(() => {});
      }
    };
    this.#preloading = load().finally(() => this.#preloading = undefined);
  }

  /** `places` beyond all there are count as all, 0 is none. */
  async acquire(name: string | undefined, options: AcquireOptions = {}): Promise<Lease> {
    const { registry, clock } = this.#parts;
    const { signal } = options;
    this.#expectOpen();
    signal?.throwIfAborted();
    const found = registry.find(name);
    const { served } = found;
    const askedAt = clock.now();
    const slots = await this.#places(options);
    const placedAt = clock.now();
    const lease: OpenLease = {
      ...{ model: served.spec.name, slots, sinceMs: placedAt },
      ended: new AbortController(),
    };
    this.#open.add(lease);
    let residence: Residence | undefined;
    try {
      this.#expectOpen();
      residence = registry.use(served, options.keepAliveMs);
      const ended = lease.ended.signal;
      const model = await unlessAborted(residence.ready, signal ? [signal, ended] : [ended]);
      return this.#lease(lease, found, residence, model, {
        queuedMs: clock.now() - askedAt,
        loadMs: clock.now() - placedAt,
      });
    } catch (error) {
      this.#giveBack(lease, residence);
      throw error;
    }
  }

  #lease(
    open: OpenLease,
    found: Found,
    residence: Residence,
    model: ServedModel,
    times: { readonly queuedMs: number; readonly loadMs: number },
  ): Lease {
    const { registry } = this.#parts;
    const onLost = (error: Error) => registry.lose(residence, error);
    return {
      model: leasedModel(model, open.ended.signal, onLost, found.adapter),
      entry: registry.entryOf(found),
      ...times,
      [Symbol.dispose]: () => this.#giveBack(open, residence),
    };
  }

  /** What the lease's holder still runs ends too. */
  #giveBack(lease: OpenLease, residence: Residence | undefined): void {
    if (!this.#open.delete(lease)) return;
    if (residence) this.#parts.registry.release(residence);
    this.#queue.free(lease.slots);
    lease.ended.abort();
    if (this.#open.size === 0) this.#onIdle();
  }

  /** Waits for places. */
  async #places({ client = "", places = 1, signal }: AcquireOptions): Promise<readonly number[]> {
    const { clock, slots, queueTimeoutMs } = this.#parts;
    if (places === 0) return [];
    const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
    const count = Math.min(Math.max(1, places), slots);
    const waiting: Waiting = { client, places: count, onGranted: resolve, onRefused: reject };
    this.#queue.enter(waiting);
    const leave = (reason: () => unknown) => {
      if (this.#queue.leave(waiting)) reject(reason());
    };
    const cancelTimer = clock.after(
      queueTimeoutMs,
      () =>
        leave(() => new QueueTimeoutError(queueTimeoutMs, this.#queue.retryAfterSeconds(count))),
    );
    const onAbort = () => leave(() => signal?.reason);
    signal?.addEventListener("abort", onAbort);
    try {
      return await promise;
    } finally {
      cancelTimer();
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async unload(name: string): Promise<void> {
    const { registry } = this.#parts;
    await registry.unload(registry.find(name).served);
  }

  state(): EngineStatus["state"] {
    return this.#closing ? "closing" : this.#preloading ? "loading" : "ready";
  }

  async status(): Promise<EngineStatus> {
    const { registry, slots, maxQueued } = this.#parts;
    const models = await Promise.all(
      registry.all().map(async (served) => {
        const load = await this.#loadOf(served);
        return { ...registry.entryOf({ served }), ...(load ? { load } : {}) };
      }),
    );
    return {
      state: this.state(),
      ...{ maxQueued, models, queued: this.#queue.queued },
      slots: Array.from({ length: slots }, (_, id) => {
        const lease = [...this.#open].find((open) => open.slots.includes(id));
        return { id, ...(lease ? { model: lease.model, sinceMs: lease.sinceMs } : {}) };
      }),
    };
  }

  /** What a model tells within the time limit, else what it told last. */
  async #loadOf({ residence }: Served): Promise<ModelLoad | undefined> {
    const model = residence?.model;
    if (!model) return undefined;
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const cancelTimer = this.#parts.clock.after(LOAD_FIGURES_MS, () => resolve(undefined));
    const load = await Promise.race([model.load().catch(() => undefined), late]);
    cancelTimer();
    if (load) this.#lastLoads.set(model, load);
    return load ?? this.#lastLoads.get(model);
  }

  /** Closing again waits for the first close. */
  close({ graceMs = GRACE_MS }: { readonly graceMs?: number } = {}): Promise<void> {
    return this.#closing ??= this.#close(graceMs);
  }

  async #close(graceMs: number): Promise<void> {
    await undefined; // `#closing` is set before anybody is told
    const reason = new EngineClosingError();
    this.#queue.refuseAll(reason);
    await this.#idle(graceMs);
    for (const { ended } of this.#open) ended.abort(reason);
    await this.#idle(ENDING_MS);
    await this.#parts.registry.close(reason);
  }

  /** Waits until no lease is open, for so long at most. */
  async #idle(ms: number): Promise<void> {
    if (this.#open.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    const cancelTimer = this.#parts.clock.after(ms, resolve);
    await promise;
    cancelTimer();
  }

  #expectOpen(): void {
    if (this.#closing) throw new EngineClosingError();
  }
}
