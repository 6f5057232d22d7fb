/** Orders that depend on a seed and a number alone, so that a run that goes on has those of one that was never stopped. Draws no tokens. */

/** Numbers 0 to `length` - 1 in an order that (seed, stream, number) decides. */
export function shuffled(
  length: number,
  key: readonly [seed: number, stream: number, number: number],
): number[] {
  const next = counterRandom(key);
  const order = Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Numbers from 0 to 1 of a key, by the finalizer of MurmurHash3 over a Weyl sequence (SplitMix's form in 32 bits). */
export function counterRandom(key: readonly number[]): () => number {
  let state = key.reduce((hash, part) => mixed(hash ^ part), 0x9e3779b9);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    return (mixed(state) >>> 0) / 2 ** 32;
  };
}

function mixed(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
