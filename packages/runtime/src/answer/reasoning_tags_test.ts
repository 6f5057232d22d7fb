/** Tests of reasoning_tags.ts and thinking_prompt.ts on a vocabulary made for them. */
import { assertEquals, assertThrows } from "@std/assert";
import { ModelError } from "../errors.ts";
import { createTokenizer, stringList, type Tokenizer } from "../tokenizer/mod.ts";
import { closingIds, endsInThought, reasoningTagsOf } from "./reasoning_tags.ts";
import { thinkingPrompt } from "./thinking_prompt.ts";

/** `tags` are token texts of their own; letters and signs are single tokens. */
function tokenizerWith(tags: readonly string[], type: number, chatTemplate?: string): Tokenizer {
  const letters = [..."abcdefghijklmnopqrstuvwxyzINHTK<>/[]_", "Ċ", "Ġ"];
  const tokens = [...letters, "<end>", ...tags];
  return createTokenizer({
    model: "gpt2",
    pre: "qwen2",
    tokens: stringList(tokens),
    merges: stringList([]),
    types: Int32Array.from(
      tokens,
      (_, id) => id < letters.length ? 1 : id === letters.length ? 3 : type,
    ),
    eosId: letters.length,
    chatTemplate,
  });
}

Deno.test("reasoningTagsOf: tokens of either type, else the template, else none", () => {
  for (const type of [3, 4]) {
    const tags = reasoningTagsOf(tokenizerWith(["<think>", "</think>"], type));
    assertEquals(tags?.ids !== undefined, true);
  }
  assertEquals(reasoningTagsOf(tokenizerWith(["[THINK]", "[/THINK]"], 3))?.open, "[THINK]");
  assertEquals(reasoningTagsOf(tokenizerWith(["<think>"], 4)), undefined);
  assertEquals(reasoningTagsOf(tokenizerWith([], 3, "x<think>y")), {
    open: "<think>",
    close: "</think>",
  });
  assertEquals(reasoningTagsOf(tokenizerWith([], 3, "xy")), undefined);
});

Deno.test("endsInThought: an open tag after the last turn, whether token or text", () => {
  for (const tokens of [["<think>", "</think>"], []]) {
    const tokenizer = tokenizerWith(tokens, 4, "<think>");
    const tags = reasoningTagsOf(tokenizer)!;
    const ends = (text: string) =>
      endsInThought(tokenizer, tags, tokenizer.encode(text, { special: true }));
    assertEquals(ends("hi<think>\n"), true);
    assertEquals(ends("hi<think>\n\n</think>\n\n"), false);
    assertEquals(ends("hi<think>a<end>b"), false);
    assertEquals(ends("hi"), false);
    assertEquals(tokenizer.decode(closingIds(tokenizer, tags)), "</think>\n\n");
  }
});

Deno.test("thinkingPrompt: the switch, the empty thought, and models without either", () => {
  const render = (
    template: string,
    think?: "on" | "off" | number,
    tags = ["<think>", "</think>"],
  ) => {
    const tokenizer = tokenizerWith(tags, 4, template);
    return tokenizer.decode(thinkingPrompt(tokenizer, [{ role: "user", content: "hi" }], think));
  };
  const bare = "{{ messages[0].content }}<end>";
  assertEquals(render(bare), "hi<end>");
  assertEquals(render(bare, "on"), "hi<end>");
  assertEquals(render(bare, "off"), "hi<end><think>\n\n</think>\n\n");
  assertEquals(render(`${bare}{{ '<think>\\n' }}`, "off"), "hi<end><think>\n\n</think>\n\n");
  const asked =
    `${bare}{% if enable_thinking is defined %}{{ 'n' if enable_thinking else 'f' }}{% endif %}`;
  assertEquals([render(asked), render(asked, "on"), render(asked, 9), render(asked, "off")], [
    "hi<end>",
    "hi<end>n",
    "hi<end>n",
    "hi<end>f",
  ]);
  assertEquals(render(bare, "off", []), "hi<end>");
  assertThrows(() => thinkingPrompt(tokenizerWith([], 3), []), ModelError, "no chat template");
});
