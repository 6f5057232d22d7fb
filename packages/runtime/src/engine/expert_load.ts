/** Counts how often each expert of each layer was chosen, for whoever shows it or balances a gate's bias. Chooses and changes nothing. */
import type { Ops, Routing } from "../ops.ts";

/** How often experts were chosen, layer by layer, over all forward passes whose trace had `routing` of this. */
export class ExpertLoad {
  #counts = new Map<number, Float64Array>();
  readonly #reads = new Set<Promise<void>>();

  constructor(private readonly ops: Pick<Ops, "read" | "readInts">) {}

  /** To be given to a forward pass as its trace's `routing`. Rows without a finite score chose nothing. */
  readonly routing = (layer: number, routing: Routing): void => {
    const read = this.#read(layer, routing, this.#counts).finally(() => this.#reads.delete(read));
    this.#reads.add(read);
  };

  async #read(
    layer: number,
    { experts, weights, expertCount }: Routing,
    counts: Map<number, Float64Array>,
  ): Promise<void> {
    const [ids, shares] = await Promise.all([this.ops.readInts(experts), this.ops.read(weights)]);
    if (counts !== this.#counts) return; // reset meanwhile
    this.add(layer, ids.filter((_, i) => !Number.isNaN(shares[i])), expertCount);
  }

  /** Counts a choice for each of `ids`, experts of a layer that has `expertCount`. */
  add(layer: number, ids: Int32Array, expertCount: number): void {
    let counts = this.#counts.get(layer);
    if (!counts) this.#counts.set(layer, counts = new Float64Array(expertCount));
    if (counts.length !== expertCount) {
      throw new RangeError(`Layer ${layer} has ${counts.length} experts, not ${expertCount}`);
    }
    for (const id of ids) counts[id]++;
  }

  /** Choices of each expert by layer, once all that was traced has been read. */
  async counts(): Promise<ReadonlyMap<number, Float64Array>> {
    await Promise.all(this.#reads);
    return new Map([...this.#counts].map(([layer, counts]) => [layer, counts.slice()]));
  }

  /** Starts again from zero; what has been traced and not read is not counted. */
  reset(): void {
    this.#counts = new Map();
  }
}

/** The largest count over the mean: 1 for an even load (MaxVio of 2408.15664 plus 1); 1 where nothing was counted. */
export function loadImbalance(counts: Float64Array): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return total === 0 ? 1 : Math.max(...counts) * counts.length / total;
}
