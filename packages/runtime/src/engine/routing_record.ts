/** Collects which experts the tokens of a sequence go to, chunk by chunk. Chooses none. */
import type { TokenRouting } from "../events.ts";
import type { Trace } from "../model/language_model.ts";
import type { Ops, Routing } from "../ops.ts";

/** The routing of one sequence whose chunks are fed in order, one at a time. */
export class RoutingRecord {
  readonly #layers = new Map<number, TokenRouting[]>();
  #pending: Promise<void>[] = [];

  constructor(private readonly ops: Ops) {}

  /** Takes down what a forward pass over the next chunk chooses. */
  readonly trace: Trace = {
    routing: (layer, routing) => void this.#pending.push(this.#take(layer, routing)),
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
