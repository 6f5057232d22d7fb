/** Philox against its published vectors; addresses, ranges and shuffles. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { CounterRandom, philox } from "./counter_random.ts";

Deno.test("philox: gives the known answers of Random123", () => {
  const pi = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
  const cases: [number[], [number, number], number[]][] = [
    [[0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [Array(4).fill(0xffffffff), [0xffffffff, 0xffffffff], [
      0x408f276d,
      0x41c83b0e,
      0xa20bc7c6,
      0x6d5451fd,
    ]],
    [pi, [0xa4093822, 0x299f31d0], [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]],
  ];
  for (const [counter, [key0, key1], expected] of cases) {
    const words = Uint32Array.from(counter);
    philox(words, key0, key1);
    assertEquals([...words], expected);
  }
});

Deno.test("CounterRandom: an address has one sequence, other addresses others", () => {
  const sequence = (seed: number, stream: number, index: number) => {
    const random = new CounterRandom(seed, stream, index);
    return Array.from({ length: 9 }, () => random.word()).join();
  };
  assertEquals(sequence(7, 1, 5), sequence(7, 1, 5));
  const far = 2 ** 40;
  const all = [[7, 1, 5], [8, 1, 5], [7 + far, 1, 5], [7, 2, 5], [7, 1, 6], [7, 1, 5 + far]];
  assertEquals(new Set(all.map(([seed, stream, index]) => sequence(seed, stream, index))).size, 6);
});

Deno.test("CounterRandom: numbers below a limit come equally often", () => {
  const random = new CounterRandom(1, 0, 0);
  const counts = Array(10).fill(0);
  for (let i = 0; i < 100_000; i++) counts[random.below(10)]++;
  // Five standard deviations of a binomial of 100,000 at 0.1.
  for (const count of counts) assert(Math.abs(count - 10_000) < 5 * 95, `${counts}`);
});

Deno.test("CounterRandom: weights and shuffles", () => {
  const random = new CounterRandom(2, 0, 0);
  const counts = [0, 0, 0];
  for (let i = 0; i < 10_000; i++) counts[random.weighted([1, 0, 3])]++;
  assertEquals(counts[1], 0);
  assert(Math.abs(counts[0] - 2500) < 5 * 44, `${counts}`);
  const orders = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = random.shuffled([1, 2, 3]).join();
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  assertEquals(orders.size, 6);
  for (const count of orders.values()) assert(Math.abs(count - 1000) < 5 * 29, `${count}`);
});

Deno.test("CounterRandom: refuses addresses that are no whole numbers", () => {
  assertThrows(() => new CounterRandom(-1, 0, 0), RangeError, "seed is -1");
  assertThrows(() => new CounterRandom(0, 2 ** 32, 0), RangeError, "stream is 4294967296");
  assertThrows(() => new CounterRandom(0, 0, 0.5), RangeError, "index is 0.5");
});
