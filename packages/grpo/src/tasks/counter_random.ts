/** Random numbers by address: the same (seed, stream, index) gives the same sequence, wherever a run begins. Philox 4x32-10. Draws no tokens, that is the core's. */

const ROUNDS = 10;
/** Multipliers and key increments of Philox 4x32 (Salmon et al., SC 2011, "Parallel random numbers: as easy as 1, 2, 3", section 5.3). */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;
const WORD = 2 ** 32;

/** One block: counter `[4]` and key `[2]`, words of 32 bits, to four random words, written over the counter. */
export function philox(counter: Uint32Array, key0: number, key1: number): void {
  let [c0, c1, c2, c3] = counter;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = highWord(M0, c0);
    const high1 = highWord(M1, c2);
    const low0 = Math.imul(M0, c0);
    const low1 = Math.imul(M1, c2);
    c0 = (high1 ^ c1 ^ key0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ key1) >>> 0;
    c3 = low0 >>> 0;
    key0 = (key0 + W0) >>> 0;
    key1 = (key1 + W1) >>> 0;
  }
  counter[0] = c0;
  counter[1] = c1;
  counter[2] = c2;
  counter[3] = c3;
}

/** Upper 32 bits of the product of two words. */
function highWord(a: number, b: number): number {
  const aHigh = a >>> 16, aLow = a & 0xffff;
  const bHigh = b >>> 16, bLow = b & 0xffff;
  const middle = aHigh * bLow + (aLow * bLow >>> 16);
  const other = aLow * bHigh + middle % 0x10000;
  return aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(other / 0x10000);
}

/** The random numbers of one row. */
export class CounterRandom {
  readonly #key0: number;
  readonly #key1: number;
  readonly #address: readonly [stream: number, low: number, high: number];
  readonly #words = new Uint32Array(4);
  #block = 0;
  #used = 4;

  /**
   * `seed` belongs to the run, `stream` to the purpose (prompts, documents, the order of choices), `index` to the row.
   * @throws {RangeError} when one of them is no whole number from 0 to 2^53 - 1 (`stream`: 2^32 - 1)
   */
  constructor(seed: number, stream: number, index: number) {
    checkWhole("seed", seed, Number.MAX_SAFE_INTEGER);
    checkWhole("stream", stream, WORD - 1);
    checkWhole("index", index, Number.MAX_SAFE_INTEGER);
    this.#key0 = seed % WORD;
    this.#key1 = Math.floor(seed / WORD);
    this.#address = [stream, index % WORD, Math.floor(index / WORD)];
  }

  /** 32 random bits. */
  word(): number {
    if (this.#used === 4) {
      this.#words[0] = this.#block++;
      this.#words.set(this.#address, 1);
      philox(this.#words, this.#key0, this.#key1);
      this.#used = 0;
    }
    return this.#words[this.#used++];
  }

  /** A number from 0, below 1. */
  fraction(): number {
    return this.word() / WORD;
  }

  /** A whole number in `0..limit-1`; each one's probability is off by less than 2^-32. */
  below(limit: number): number {
    return Math.floor(this.word() * limit / WORD);
  }

  /** One of the items. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)];
  }

  /** The place of one of the weights, each as often as its share of the sum. */
  weighted(weights: readonly number[]): number {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    let rest = this.fraction() * sum;
    for (let at = 0; at < weights.length - 1; at++) {
      rest -= weights[at];
      if (rest < 0) return at;
    }
    return weights.length - 1;
  }

  /** The items in random order, as a new array. */
  shuffled<Item>(items: readonly Item[]): Item[] {
    const order = [...items];
    for (let last = order.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      [order[last], order[other]] = [order[other], order[last]];
    }
    return order;
  }
}

function checkWhole(name: string, value: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= 0 && value <= most) return;
  throw new RangeError(`${name} is ${value}, it must be a whole number from 0 to ${most}`);
}
