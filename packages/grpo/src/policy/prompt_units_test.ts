/** Which sequences share the rows of a prompt: by content and size alone. */
import { assertEquals } from "@std/assert";
import type { CountedSequence } from "./counted_sequence.ts";
import { promptUnits, UNIT_TOKENS } from "./prompt_units.ts";

function sequence(prompt: readonly number[], length: number): CountedSequence {
  const ids = [...prompt, ...new Array(length).fill(9)];
  return { ids, mask: ids.map((_, i) => Number(i >= prompt.length)), promptTokens: prompt.length };
}

const unitsOf = (sequences: readonly CountedSequence[]) =>
  promptUnits(sequences).map(({ sequences, shared }) => [shared, ...sequences]);

Deno.test("prompt units: completions of a prompt come together, wherever they stand", () => {
  const [first, second] = [[1, 2, 3], [1, 2, 4]];
  const sequences = [sequence(first, 4), sequence(second, 5), sequence(first, 1), sequence([5], 3)];
  assertEquals(unitsOf(sequences), [[3, 0, 2], [0, 1], [0, 3]]);
  assertEquals(promptUnits(sequences)[0].tokens, 6 + 3);
});

Deno.test("prompt units: as many as are of a size that any memory has", () => {
  const sequences = new Array(10).fill(sequence(new Array(100).fill(1), 101));
  assertEquals(unitsOf(sequences), [[100, 0, 1, 2, 3, 4], [100, 5, 6, 7, 8, 9]]);
  for (const { tokens } of promptUnits(sequences)) assertEquals(tokens <= UNIT_TOKENS, true);
  const long = new Array(2).fill(sequence(new Array(600).fill(1), 10));
  assertEquals(unitsOf(long), [[0, 0], [0, 1]]);
});

Deno.test("prompt units: where little is spared, and without prompts, each passes by itself", () => {
  assertEquals(unitsOf(new Array(2).fill(sequence([1], 20))), [[0, 0], [0, 1]]);
  const plain = { ids: [1, 2, 3], mask: [0, 1, 1] };
  assertEquals(unitsOf([plain, plain]), [[0, 0], [0, 1]]);
  const whole = { ids: [1, 2], mask: [0, 1], promptTokens: 2 };
  assertEquals(unitsOf([whole, whole]), [[0, 0], [0, 1]]);
});
