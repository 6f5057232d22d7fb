/** Tests of what is kept of a check: the tokens up to the first guess that was wrong. */
import { assertEquals } from "@std/assert";
import { NONE_LEFT, NOT_FINITE } from "../../ops.ts";
import { drawnAhead } from "./drafts.ts";

/** Tokens that were drawn ahead, each with the one before it. */
function kept(drafts: readonly number[], drawn: readonly number[]): [number, number][] {
  return drawnAhead(drafts, drawn.map((id, i) => ({ id, logprob: -i })))
    .map(({ after, token }) => [after, token.id]);
}

Deno.test("drawnAhead: keeps what was drawn after right guesses, and nothing after a wrong one", () => {
  assertEquals(kept([1, 2, 3], [1, 2, 3, 4]), [[1, 2], [2, 3], [3, 4]]);
  assertEquals(kept([1, 2, 3], [1, 7, 3, 4]), [[1, 7]]);
  assertEquals(kept([1, 2, 3], [7, 2, 3, 4]), []);
  assertEquals(kept([], [7]), []);
});

Deno.test("drawnAhead: a place without a token is left to a step of its own", () => {
  assertEquals(kept([1, 2], [1, NOT_FINITE, 3]), []);
  assertEquals(kept([1, 2], [1, 2, NONE_LEFT]), [[1, 2]]);
});
