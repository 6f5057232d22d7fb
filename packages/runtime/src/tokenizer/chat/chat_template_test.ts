/** Tests of chat_template.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { fixtureJson } from "../../../../../tests/support/fixture.ts";
import type { ChatTable } from "../../../../../tests/support/token_tables.ts";
import { ModelError } from "../../errors.ts";
import { renderChat } from "./chat_template.ts";

Deno.test("renderChat: every case of the reference, templates of six models", () => {
  const { cases, chats, templates, special } = fixtureJson<ChatTable>("tokens/chat_templates.json");
  for (const { tokenizer, chat, rendered, ...asked } of cases) {
    const { messages, tools } = chats[chat];
    const text = renderChat(templates[tokenizer], messages, {
      addGenerationPrompt: asked.add_generation_prompt,
      tools,
      bosToken: special[tokenizer].bos_token,
      eosToken: special[tokenizer].eos_token,
      variables: asked.enable_thinking === undefined
        ? {}
        : { enable_thinking: asked.enable_thinking },
    });
    assertEquals(text, rendered, `${tokenizer}, chat ${chat}`);
  }
});

Deno.test("renderChat: what is not given is none or empty", () => {
  const template = "{{ tools is none }} {{ documents is none }} [{{ bos_token }}{{ eos_token }}]" +
    "{{ add_generation_prompt }} {{ mood is defined }}";
  assertEquals(renderChat(template, []), "true true []false false");
  assertEquals(
    renderChat(template, [], {
      tools: [],
      bosToken: "<b>",
      eosToken: "<e>",
      variables: { mood: 1 },
    }),
    "false true [<b><e>]false true",
  );
});

Deno.test("renderChat: a template that refuses, fails or doesn't parse is one line", () => {
  const cases: [string, string][] = [
    ["{{ raise_exception('Roles must\nalternate') }}", "The chat template failed: Roles must"],
    ["{{ messages[0].content.nothing() }}", "The chat template failed: "],
    ["{% if %}", "The chat template is not valid Jinja: "],
    ["{% for m in messages %}", "The chat template is not valid Jinja: "],
    ["{{ 'open", "The chat template is not valid Jinja: "],
  ];
  for (const [template, message] of cases) {
    const error = assertThrows(() => renderChat(template, []), ModelError, message);
    assertEquals(error.message.includes("\n"), false, error.message);
  }
});
