/** Tests of chat_prompt.ts on a vocabulary made for them. */
import { assertEquals, assertThrows } from "@std/assert";
import { tokenizerWith } from "../../../../tests/support/tag_tokenizer.ts";
import { ModelError } from "../errors.ts";
import type { ChatPromptOptions } from "../events.ts";
import { chatPrompt } from "./chat_prompt.ts";

const HI = [{ role: "user", content: "hi" }];

Deno.test("chatPrompt: the switch, the empty thought, and models without either", () => {
  const render = (
    template: string,
    think?: ChatPromptOptions["think"],
    tags = ["<think>", "</think>"],
  ) => {
    const tokenizer = tokenizerWith(tags, 4, template);
    return tokenizer.decode(chatPrompt(tokenizer, HI, { think }));
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
  assertThrows(() => chatPrompt(tokenizerWith([], 3), []), ModelError, "no chat template");
});

Deno.test("chatPrompt: tools and variables reach the template, and the switch is think's own where it is given", () => {
  const template =
    "{{ tools is none }}{% for t in tools or [] %}[{{ t.function.name }}]{% endfor %}" +
    "{{ mood }}{{ enable_thinking }}";
  const tokenizer = tokenizerWith([], 3, template);
  const render = (options?: ChatPromptOptions) =>
    tokenizer.decode(chatPrompt(tokenizer, HI, options));
  assertEquals(render(), "true");
  const tools = ["a", "b"].map((name) => ({ type: "function", function: { name } }));
  assertEquals(render({ tools }), "false[a][b]");
  assertEquals(render({ tools: [] }), "false");
  const variables = { mood: "x", enable_thinking: "y" };
  assertEquals(render({ variables }), "truexy");
  assertEquals(render({ variables, think: "off" }), "truexfalse");
});

Deno.test("chatPrompt: a prefix comes last and as text, and closes a thought that is open", () => {
  const render = (
    template: string,
    options: ChatPromptOptions,
    tags: readonly string[] = ["<think>", "</think>"],
  ) => {
    const tokenizer = tokenizerWith(tags, 4, template);
    return chatPrompt(tokenizer, HI, options).map((id) => tokenizer.tokenText(id)).join(" ");
  };
  const [bare, open] = ["a<end>", "a<end><think>{{ '\\n' }}"];
  assertEquals(render(bare, { prefix: "" }), "a <end>");
  assertEquals(render(open, { prefix: "" }), "a <end> <think> Ċ");
  assertEquals(render(bare, { prefix: "b<end>" }), "a <end> b < e n d >");
  const closed = "a <end> <think> Ċ Ċ </think> Ċ Ċ";
  assertEquals(render(open, { prefix: "b" }), `${closed} b`);
  assertEquals(render(open, { prefix: "b", think: "on" }), `${closed} b`);
  assertEquals(render(open, { prefix: "b", think: "off" }), `${closed} b`);
  assertEquals(render(bare, { prefix: "b", think: "off" }), `${closed} b`);
  const asText = "a <end> < t h i n k > Ċ Ċ < / t h i n k > Ċ Ċ b";
  assertEquals(render(open, { prefix: "b" }, []), asText);
  assertEquals(render(bare, { prefix: "b" }, []), "a <end> b");
});
