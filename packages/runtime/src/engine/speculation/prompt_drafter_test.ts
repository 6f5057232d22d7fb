/** Tests of the drafts of one answer: from its own text, each with the draw of its place, leaving the text as it was. */
import { assertEquals } from "@std/assert";
import type { Draw } from "../../ops.ts";
import { DraftLength } from "./draft_length.ts";
import { PromptDrafter } from "./prompt_drafter.ts";

Deno.test("PromptDrafter: each guess comes with the draw after it, and the history stays", () => {
  const history = [1, 2, 3, 4, 5, 1, 2];
  const asked: [number[], number][] = [];
  const drawAfter = (all: readonly number[], ahead: number) => {
    asked.push([[...all], ahead]);
    return { position: all.length } as Draw;
  };
  const drafter = new PromptDrafter(history, drawAfter, new DraftLength());
  for (let i = 0; i < 9; i++) drafter.checked(1, 1); // sure of itself
  asked.length = 0;
  const drafts = drafter.draft(3, 0);
  assertEquals(drafts?.ids, [3, 4, 5]);
  assertEquals(drafts?.draws.map(({ position }) => position), [8, 9, 10]);
  assertEquals(asked, [
    [[1, 2, 3, 4, 5, 1, 2, 3], 1],
    [[1, 2, 3, 4, 5, 1, 2, 3, 4], 2],
    [[1, 2, 3, 4, 5, 1, 2, 3, 4, 5], 3],
  ]);
  assertEquals(history, [1, 2, 3, 4, 5, 1, 2]);
});

Deno.test("PromptDrafter: no guess without a place, none that does not pay, and counts of what was checked", () => {
  const history = [1, 2, 3];
  const drafter = new PromptDrafter(history, () => ({}) as Draw, new DraftLength());
  assertEquals(drafter.draft(3, 0), undefined);
  history.push(1, 2);
  assertEquals(drafter.draft(3, 0)?.ids, [3]);
  assertEquals(drafter.draft(3, 9), undefined);
  assertEquals([drafter.draftedTokens, drafter.acceptedTokens], [0, 0]);
  drafter.checked(3, 2);
  drafter.checked(1, 0);
  assertEquals([drafter.draftedTokens, drafter.acceptedTokens], [4, 2]);
});
