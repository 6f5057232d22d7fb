/** Counts how many values lie below each of some bounds, as Prometheus' histograms do. Writes no text. */
import type { Sample } from "./metrics_text.ts";

/** Only ever grows. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** Of each bound, and at last of all. */
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds ascending */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    this.#sum += value;
    for (let i = 0; i < this.#counts.length; i++) {
      if (value <= (this.#bounds[i] ?? Infinity)) this.#counts[i]++;
    }
  }

  samples(labels: Readonly<Record<string, string>> = {}): Sample[] {
    const buckets = this.#counts.map((value, i) => {
      const bound = this.#bounds[i] ?? "+Inf";
      return { suffix: "_bucket", labels: { ...labels, le: `${bound}` }, value };
    });
    return [
      ...buckets,
      { suffix: "_sum", labels, value: this.#sum },
      { suffix: "_count", labels, value: this.#counts.at(-1)! },
    ];
  }
}
