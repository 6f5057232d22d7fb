/** What a forward pass tells of its routing: which experts tokens go to, and which gate's scores were not finite. Chooses none. */
import { UnsupportedError } from "../errors.ts";
import type { TokenRouting } from "../events.ts";
import type { ModelConfig } from "../model/config.ts";
import type { LanguageModel, Trace } from "../model/language_model.ts";
import type { Ops, Routing } from "../ops.ts";

/** Whoever looks at the routing of a forward pass. */
export type RoutingWatcher = Required<Pick<Trace, "routing">>;

/** The trace by which all of them look. */
export function traceOf(...watchers: readonly (RoutingWatcher | undefined)[]): Trace {
  return {
    routing: (layer, routing) => watchers.forEach((watcher) => watcher?.routing(layer, routing)),
  };
}

/** The routing of one sequence whose chunks are fed in order, one at a time. */
export class RoutingRecord {
  readonly #layers = new Map<number, TokenRouting[]>();
  #pending: Promise<void>[] = [];

  constructor(private readonly ops: Ops) {}

  /** Takes down what a forward pass over the next chunk chooses. */
  readonly routing = (layer: number, routing: Routing): void => {
    this.#pending.push(this.#take(layer, routing));
  };

  /** Resolves when the chunks fed so far are taken down. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }

  /** Of each layer with a mixture, one entry a token. */
  get layers(): Record<string, TokenRouting[]> {
    return Object.fromEntries(this.#layers);
  }

  async #take(layer: number, { rows, used, experts, weights }: Routing): Promise<void> {
    const [ids, shares] = await Promise.all([this.ops.readInts(experts), this.ops.read(weights)]);
    const tokens = this.#layers.get(layer) ?? [];
    for (let start = 0; start < rows * used; start += used) {
      const own = (values: Int32Array | Float32Array) =>
        Array.from(values.subarray(start, start + used));
      tokens.push({ experts: own(ids), weights: own(shares) });
    }
    this.#layers.set(layer, tokens);
  }
}

/**
 * Where to take down the routing of a model.
 * @throws {UnsupportedError} if it has no experts
 */
export function routingRecord({ config }: Pick<LanguageModel, "config">, ops: Ops): RoutingRecord {
  expectExperts(config);
  return new RoutingRecord(ops);
}

/** @throws {UnsupportedError} for a model without experts */
export function expectExperts({ architecture, mixture }: ModelConfig): void {
  if (mixture) return;
  const what = `The ${architecture} model has no experts, so tokens have no routing`;
  throw new UnsupportedError(what, architecture);
}

/** A row of which a gate computed a score that is not finite. */
export interface UnroutedRow {
  readonly layer: number;
  readonly row: number;
}

/** Finds the gate by which the rows of one forward pass came to be not finite. */
export class GateWatch {
  readonly #layers: { layer: number; used: number; weights: Promise<Float32Array> }[] = [];

  constructor(private readonly ops: Pick<Ops, "read">) {}

  /** Looks at what a gate chooses; the answers may come after the pass. */
  readonly routing = (layer: number, { used, weights }: Routing): void => {
    this.#layers.push({ layer, used, weights: this.ops.read(weights) });
  };

  /** Among rows from `start` to before `end` the first one of the first layer that has such rows. */
  async firstUnrouted(start: number, end: number): Promise<UnroutedRow | undefined> {
    for (const { layer, used, weights } of this.#layers) {
      const shares = await weights;
      for (let row = start; row < end; row++) {
        if (Number.isNaN(shares[row * used])) return { layer, row };
      }
    }
    return undefined;
  }
}
