/** Tests of drafts by the model's own layer: told guesses count where they were made for, each with the draw of its place. */
import { assertEquals } from "@std/assert";
import type { Draw } from "../../ops.ts";
import { DraftLength } from "./draft_length.ts";
import { MultiTokenDrafter } from "./multi_token_drafter.ts";

const drafter = (history: number[], cost = 0) =>
  new MultiTokenDrafter(
    history,
    (all, ahead) => ({ position: all.length, choice: ahead }) as Draw,
    new DraftLength({ guessCost: cost }),
  );

Deno.test("MultiTokenDrafter: guesses come with the draws after them, and the history stays", () => {
  const history = [1, 2, 3];
  const own = drafter(history);
  assertEquals(own.draft(3), undefined);
  const draw = own.drawAfter([4, 5]);
  assertEquals([draw.position, draw.choice, history], [5, 2, [1, 2, 3]]);
  own.take([4], [5, 6, 7]);
  history.push(4);
  const drafts = own.draft(2);
  assertEquals(drafts?.ids, [5, 6]);
  assertEquals(drafts?.draws.map(({ position, choice }) => [position, choice]), [[5, 1], [6, 2]]);
  assertEquals(history, [1, 2, 3, 4]);
});

Deno.test("MultiTokenDrafter: guesses for another place are not given", () => {
  const history = [1, 2, 3];
  const own = drafter(history);
  own.take([4, 5], [6]); // two tokens were drawn, one of them ahead of the reader
  history.push(4);
  assertEquals(own.draft(3), undefined);
  history.push(5);
  assertEquals(own.draft(3)?.ids, [6]);
  assertEquals(own.draft(0), undefined);
});

Deno.test("MultiTokenDrafter: wants more after right ones, fewer the dearer a guess is, and counts", () => {
  const [cheap, dear] = [drafter([1]), drafter([1], 0.5)];
  for (const own of [cheap, dear]) {
    assertEquals(own.wanted(7, 0), 1);
    for (let i = 0; i < 40; i++) own.checked(2, 2);
    assertEquals([own.draftedTokens, own.acceptedTokens], [80, 80]);
  }
  assertEquals([cheap.wanted(7, 0), dear.wanted(7, 0)], [7, 3]);
});
