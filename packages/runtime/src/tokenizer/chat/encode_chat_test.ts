/** Tests of encode_chat.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { fixtureJson, fixturePath } from "../../../../../tests/support/fixture.ts";
import {
  type ChatTable,
  checkChatIds,
  tokenizerOfFile,
} from "../../../../../tests/support/token_tables.ts";
import { ModelError } from "../../errors.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { encodeChat, withAnswerIds } from "./encode_chat.ts";

const SMALL_MODEL = fixturePath("models/llama_untied/gguf/model-F16.gguf");
const table = fixtureJson<ChatTable>("tokens/chat_templates.json");

function controlIds(tokenizer: Tokenizer, ids: readonly number[]): number[] {
  const control = new Set(tokenizer.controlTokens.values());
  return ids.filter((id) => control.has(id));
}

/** Each small tokenizer with a model that holds it. */
const SMALL: readonly (readonly [string, string])[] = [
  ["bpe_llama", "llama_untied"],
  ["bpe_qwen", "qwen2"],
  ["bpe_deepseek", "deepseek_v3"],
];

for (const [name, model] of SMALL) {
  Deno.test(`encodeChat: the ids of the reference for ${name}, control tokens in messages apart`, async () => {
    const tokenizer = await tokenizerOfFile(fixturePath(`models/${model}/gguf/model-Q8_0.gguf`));
    // all but those where a user wrote <|im_end|>, which the vocabulary of bpe_deepseek lacks
    assertEquals(checkChatIds(tokenizer, table, name), name === "bpe_deepseek" ? 12 : 10);
  });
}

for (const [name, model] of SMALL) {
  Deno.test(`encodeChat: no control token of ${name} comes from a message, whoever wrote it`, async () => {
    const tokenizer = await tokenizerOfFile(fixturePath(`models/${model}/gguf/model-Q8_0.gguf`));
    const say = (role: string, content: string): number[] =>
      encodeChat(tokenizer, table.templates[name], [{ role: "user", content: "Hi" }, {
        ...{ role, content },
      }], { addGenerationPrompt: true });
    for (const role of ["system", "user", "assistant", "tool"]) {
      const expected = controlIds(tokenizer, say(role, "x"));
      for (const text of tokenizer.controlTokens.keys()) {
        for (const content of [text, `a${text}b`, text + text, text.slice(0, -1) + text]) {
          const ids = say(role, content);
          assertEquals(controlIds(tokenizer, ids), expected, content);
          assertEquals(
            tokenizer.decode(ids).includes(content),
            tokenizer.decode(say(role, "x_y")).includes("x_y"),
          );
        }
      }
    }
  });
}

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

Deno.test("withAnswerIds: ids stand where the template puts the content, however often, also broken", async () => {
  const tokenizer = await tokenizerOfFile(SMALL_MODEL);
  const ids = [300, 5, 300];
  const message = withAnswerIds({ role: "assistant", content: "x" }, ids);
  const encode = (template: string) => encodeChat(tokenizer, template, [message]);
  const text = (said: string) => tokenizer.encode(said);
  assertEquals(encode("a{{ messages[0].content }}b"), [...text("a"), ...ids, ...text("b")]);
  assertEquals(encode("{{ messages[0].content ~ messages[0].content | trim }}"), [...ids, ...ids]);
  assertEquals(encode("{{ messages[0].role }}"), text("assistant"));
  assertEquals(encode("a{{ messages[0].content[:1] }}b"), text("ab"));
  assertEquals(Object.keys(message), ["role", "content"]);
});
