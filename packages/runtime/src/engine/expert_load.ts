/** Counts how often each expert of each layer was chosen, for whoever shows it or balances a gate's bias. Chooses and changes nothing. */
import type { Ops, Routing } from "../ops.ts";

/** How often experts were chosen, layer by layer, over all forward passes whose trace had `routing` of this. */
export class ExpertLoad {
  #counts = new Map<number, Float64Array>();
  #reads: Promise<void>[] = [];

  constructor(private readonly ops: Pick<Ops, "readInts">) {}

  /** To be given to a forward pass as its trace's `routing`. */
  readonly routing = (layer: number, { experts, expertCount }: Routing): void => {
    const counts = this.#counts;
    this.#reads.push(
      this.ops.readInts(experts).then((ids) => {
        if (counts === this.#counts) this.add(layer, ids, expertCount);
      }),
    );
  };

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
    const reads = this.#reads;
    this.#reads = [];
    await Promise.all(reads);
    return new Map([...this.#counts].map(([layer, counts]) => [layer, counts.slice()]));
  }

  /** Starts again from zero; what has been traced and not read is not counted. */
  reset(): void {
    this.#reads = [];
    this.#counts = new Map();
  }
}

/** The largest count over the mean: 1 for an even load (MaxVio of 2408.15664 plus 1); 1 where nothing was counted. */
export function loadImbalance(counts: Float64Array): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return total === 0 ? 1 : Math.max(...counts) * counts.length / total;
}
