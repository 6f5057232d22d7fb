/** Tests of which states guess which tokens. */
import { assertEquals } from "@std/assert";
import { microBatches } from "../policy/micro_batches.ts";
import { countGuesses, guessRows } from "./guess_rows.ts";

const DOCUMENTS = [
  { ids: [10, 11, 12, 13], mask: [1, 1, 1, 1] },
  { ids: [20, 21], mask: [1, 1] },
  { ids: [30, 31, 32, 33, 34], mask: [0, 0, 0, 1, 1] },
];

Deno.test("guess rows: the state of a token and the next one guess the one after", () => {
  const [part] = microBatches(DOCUMENTS);
  const guess = guessRows(DOCUMENTS, part)!;
  // States stand at rows 0 to 2, 3, and 4 to 7 of the main pass.
  assertEquals(guess.states, [0, 1, 4, 5, 6]);
  assertEquals(Array.from(guess.ids), [11, 12, 31, 32, 33]);
  assertEquals(guess.rows, [0, 1, 3, 4]);
  assertEquals(Array.from(guess.targets), [12, 13, 33, 34]);
  assertEquals(guess.counts, [2, 0, 2]);
  assertEquals(guess.batch.segments.map(({ start, length }) => [start, length]), [[0, 2], [2, 3]]);
  assertEquals(countGuesses(DOCUMENTS), 4);
});

Deno.test("guess rows: a later part, and one without guesses", () => {
  const parts = microBatches(DOCUMENTS, 3);
  assertEquals(parts.length, 3);
  assertEquals(guessRows(DOCUMENTS, parts[1]), undefined);
  const last = guessRows(DOCUMENTS, parts[2])!;
  assertEquals([last.states, Array.from(last.ids)], [[0, 1, 2], [31, 32, 33]]);
});
