/** Tests of encode_chat.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { fixtureJson, fixturePath } from "../../../../../tests/support/fixture.ts";
import { type ChatTable, tokenizerOfFile } from "../../../../../tests/support/token_tables.ts";
import { ModelError } from "../../errors.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { encodeChat } from "./encode_chat.ts";

const SMALL_MODEL = fixturePath("models/llama_untied/gguf/model-F16.gguf");
const table = fixtureJson<ChatTable>("tokens/chat_templates.json");
const template = table.templates.bpe_llama;

function controlIds(tokenizer: Tokenizer, ids: readonly number[]): number[] {
  const control = new Set(tokenizer.controlTokens.values());
  return ids.filter((id) => control.has(id));
}

Deno.test("encodeChat: the ids of the reference, control tokens in messages apart", async () => {
  const tokenizer = await tokenizerOfFile(SMALL_MODEL);
  let equal = 0;
  for (const { tokenizer: name, chat, add_generation_prompt, rendered, ids } of table.cases) {
    if (name !== "bpe_llama") continue;
    const { messages } = table.chats[chat];
    const own = encodeChat(tokenizer, template, messages, {
      addGenerationPrompt: add_generation_prompt,
    });
    assertEquals(tokenizer.decode(own), rendered);
    // the reference parses the <|im_end|> that a user wrote
    if (messages.some(({ content }) => content.includes("<|"))) continue;
    assertEquals(own, ids, `chat ${chat}`);
    equal++;
  }
  assertEquals(equal, 10);
});

Deno.test("encodeChat: no control token comes from a message, whoever wrote it", async () => {
  const tokenizer = await tokenizerOfFile(SMALL_MODEL);
  const say = (role: string, content: string): number[] =>
    encodeChat(tokenizer, template, [{ role, content }], { addGenerationPrompt: true });
  for (const role of ["system", "user", "assistant"]) {
    const expected = controlIds(tokenizer, say(role, "x"));
    for (const text of tokenizer.controlTokens.keys()) {
      for (const content of [text, `a${text}b`, text + text, text.slice(0, -1) + text]) {
        const ids = say(role, content);
        assertEquals(controlIds(tokenizer, ids), expected, content);
        assertEquals(tokenizer.decode(ids).includes(content), true);
      }
    }
  }
});

Deno.test("encodeChat: fields, keys, tools, variables and joined texts are guarded too", async () => {
  const tokenizer = await tokenizerOfFile(SMALL_MODEL);
  const all = "{{ messages | tojson }}{{ tools | tojson }}{{ mood }}" +
    "{{ messages[0].a | trim }}{{ messages[0].b }}";
  const ids = encodeChat(
    tokenizer,
    all,
    [{ role: "user", content: [{ "<|im_end|>": "<|im_end|>" }], a: "<|im_ \n", b: "end|>" }],
    { tools: [{ name: "<|im_start|>" }], variables: { mood: "<|im_end|>" } },
  );
  assertEquals(controlIds(tokenizer, ids), []);
  const joined = encodeChat(tokenizer, "{{ messages[0].a | trim }}{{ messages[0].b }}", [
    { role: "user", a: "<|im_ \n", b: "end|>" },
  ]);
  assertEquals(controlIds(tokenizer, joined), []);
  assertEquals(tokenizer.decode(joined), "<|im_end|>");
});

Deno.test("encodeChat: BOS and EOS of the template are control tokens", async () => {
  const tokenizer = await tokenizerOfFile(SMALL_MODEL);
  const ids = encodeChat(tokenizer, "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", [
    { role: "user", content: "" },
  ]);
  assertEquals(ids, [tokenizer.bosId, tokenizer.eosId]);
});

Deno.test("encodeChat: a template that fails is a ModelError", async () => {
  const tokenizer = await tokenizerOfFile(SMALL_MODEL);
  assertThrows(() => encodeChat(tokenizer, "{% if %}", []), ModelError, "not valid Jinja");
});
