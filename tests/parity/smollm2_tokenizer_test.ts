/** The tokenizer of the real SmolLM2 against llama.cpp's ids and transformers' chat rendering. Needs the pulled model. */
import process from "node:process";
import { assertEquals } from "@std/assert";
import { encodeChat, openTokenizer } from "../../packages/runtime/src/tokenizer/mod.ts";
import { fixtureJson } from "../support/fixture.ts";
import { seededRandom } from "../support/seeded_random.ts";
import type { ChatTable, TokenTable } from "../support/token_tables.ts";
import { wellFormedText } from "../support/well_formed_text.ts";

/** The file that AHA_SMOLLM2 names, else the model in the cache. */
const MODEL = process.env.AHA_SMOLLM2 || "smollm2-135m";

Deno.test("smollm2 tokenizer: ids and texts of the whole table", async () => {
  const tokenizer = await openTokenizer(MODEL);
  const table = fixtureJson<TokenTable>("tokens/smollm2.json");
  for (const { text, ids, decoded } of table.cases) {
    assertEquals(tokenizer.encode(text, { special: true }), ids, JSON.stringify(text));
    assertEquals(tokenizer.decode(ids), decoded ?? text);
  }
  for (const { ids, text, text_skip_special } of table.decode) {
    assertEquals(tokenizer.decode(ids), text);
    assertEquals(tokenizer.decode(ids, { special: false }), text_skip_special);
  }
});

Deno.test("smollm2 tokenizer: ids of the chats by the model's own template", async () => {
  const tokenizer = await openTokenizer(MODEL);
  const { cases, chats, templates } = fixtureJson<ChatTable>("tokens/chat_templates.json");
  assertEquals(tokenizer.chatTemplate, templates.smollm2);
  for (const { tokenizer: name, chat, add_generation_prompt, rendered, ids } of cases) {
    if (name !== "smollm2") continue;
    const { messages } = chats[chat];
    const own = encodeChat(tokenizer, templates.smollm2, messages, {
      addGenerationPrompt: add_generation_prompt,
    });
    assertEquals(tokenizer.decode(own), rendered);
    // the reference parses the <|im_end|> that a user wrote
    if (!messages.some(({ content }) => content.includes("<|"))) assertEquals(own, ids);
  }
});

Deno.test("smollm2 tokenizer: no control token comes from a message", async () => {
  const tokenizer = await openTokenizer(MODEL);
  const control = new Set(tokenizer.controlTokens.values());
  assertEquals(control.size, 17);
  const template = tokenizer.chatTemplate ?? "";
  const controlIds = (role: string, content: string): number[] =>
    encodeChat(tokenizer, template, [{ role, content }]).filter((id) => control.has(id));
  for (const role of ["system", "user", "assistant", "tool"]) {
    const expected = controlIds(role, "x");
    for (const text of tokenizer.controlTokens.keys()) {
      assertEquals(controlIds(role, `a ${text}${text} b`), expected, `${role}: ${text}`);
    }
  }
});

Deno.test("smollm2 tokenizer: encode then decode is the identity for all bytes that it has", async () => {
  const tokenizer = await openTokenizer(MODEL);
  const single = Array.from({ length: tokenizer.vocabularySize }, (_, id) => tokenizer.bytesOf(id))
    .filter(({ length }) => length === 1).map(([byte]) => byte);
  const known = new Set(single);
  // bytes of UTF-8 that its vocabulary lacks: lead bytes of rare planes, some control characters
  assertEquals(known.size > 200, true);
  const isKnown = (sign: string) => new TextEncoder().encode(sign).every((byte) => known.has(byte));
  const random = seededRandom(12);
  for (let round = 0; round < 1000; round++) {
    const text = [...wellFormedText(random, 50)].filter(isKnown).join("");
    for (const special of [false, true]) {
      assertEquals(tokenizer.decode(tokenizer.encode(text, { special })), text, text);
    }
  }
});
