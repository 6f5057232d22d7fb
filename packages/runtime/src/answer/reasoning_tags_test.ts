/** Tests of reasoning_tags.ts on a vocabulary made for them. */
import { assertEquals } from "@std/assert";
import { tokenizerWith } from "../../../../tests/support/tag_tokenizer.ts";
import { closingIds, reasoningTagsOf, thoughtIn } from "./reasoning_tags.ts";

Deno.test("reasoningTagsOf: tokens of either type, else the template, else none", () => {
  for (const type of [3, 4]) {
    const tags = reasoningTagsOf(tokenizerWith(["<think>", "</think>"], type));
    assertEquals(tags?.ids !== undefined, true);
  }
  assertEquals(reasoningTagsOf(tokenizerWith(["[THINK]", "[/THINK]"], 3))?.open, "[THINK]");
  assertEquals(reasoningTagsOf(tokenizerWith(["<think>"], 4)), undefined);
  const spaced = tokenizerWith([" <think>", " </think>"], 4);
  assertEquals(reasoningTagsOf(spaced)?.ids?.open, spaced.markerTokens.get(" <think>"));
  assertEquals(reasoningTagsOf(tokenizerWith([], 3, "x<think>y")), {
    open: "<think>",
    close: "</think>",
  });
  assertEquals(reasoningTagsOf(tokenizerWith([], 3, "xy")), undefined);
});

Deno.test("thoughtIn: the tag that came last since the last turn, whether token or text", () => {
  for (const tokens of [["<think>", "</think>"], []]) {
    const tokenizer = tokenizerWith(tokens, 4, "<think>");
    const tags = reasoningTagsOf(tokenizer)!;
    const thought = (text: string) =>
      thoughtIn(tokenizer, tags, tokenizer.encode(text, { special: true }));
    assertEquals(thought("hi<think>\n"), "open");
    assertEquals(thought("hi<think>\n\n</think>\n\n"), "closed");
    assertEquals(thought("hi<think>a<end>b"), undefined);
    assertEquals(thought("hi"), undefined);
    assertEquals(tokenizer.decode(closingIds(tokenizer, tags)), "</think>\n\n");
  }
});
