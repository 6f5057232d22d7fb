/** Tests of chat_template.ts. */
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
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

Deno.test("renderChat: a template that loops or grows without end is refused", () => {
  const cases: [string, string][] = [
    ["{{ range(10**9) }}", "The chat template failed: "],
    ["{% for i in range(1000000000) %}x{% endfor %}", "range() of 1000000000 numbers"],
    ["{% for i in range(0, 9, 0) %}x{% endfor %}", "step must not be zero"],
    [
      "{% for i in range(100000) %}{% for j in range(99) %}x{% endfor %}{% endfor %}",
      "it takes more than 1000000 steps",
    ],
    [
      "{% set n = namespace(s='xxxxxxxx') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
      "it makes texts or lists without end",
    ],
    ["{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "The chat template failed: "],
    ["(".repeat(100_000) + "{{" + "(".repeat(100_000), "The chat template is not valid Jinja: "],
  ];
  for (const [template, message] of cases) {
    const error = assertThrows(() => renderChat(template, []), ModelError, message);
    assertEquals(error.message.includes("\n"), false, error.message);
  }
});

Deno.test("renderChat: strftime_now tells the date in English", () => {
  const text = renderChat("{{ strftime_now('%d %b %Y|%B %m %H:%M:%S %y %A %a %I %p %% %Q') }}", []);
  assertMatch(
    text,
    /^\d\d [A-Z][a-z]{2} \d{4}\|[A-Z][a-z]+ \d\d \d\d:\d\d:\d\d \d\d [A-Z][a-z]+day [A-Z][a-z]{2} \d\d [AP]M % %Q$/,
  );
});
