/** The real vocabularies of Qwen3 and DeepSeek-V3 against Hugging Face's tokenizers: ids and texts. No model behind them. */
import { assertEquals } from "@std/assert";
import { createTokenizer, encodeChat } from "../../packages/runtime/src/tokenizer/mod.ts";
import { fixtureJson } from "../support/fixture.ts";
import { publishedVocabulary } from "../support/published_tokenizer.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { type ChatTable, checkChatIds, type TokenTable } from "../support/token_tables.ts";
import { wellFormedText } from "../support/well_formed_text.ts";

const FORMS = { qwen3: "NFC", deepseek_v3: undefined } as const;

for (const [name, form] of Object.entries(FORMS)) {
  Deno.test(`${name} tokenizer: ids and texts of the whole table`, async () => {
    const tokenizer = createTokenizer(await publishedVocabulary(name));
    const table = fixtureJson<TokenTable>(`tokens/${name}.json`);
    for (const { text, ids, decoded } of table.cases) {
      assertEquals(tokenizer.encode(text, { special: true }), ids, JSON.stringify(text));
      assertEquals(tokenizer.decode(ids), decoded ?? text);
    }
    for (const { ids, text, text_skip_special } of table.decode) {
      assertEquals(tokenizer.decode(ids), text);
      assertEquals(tokenizer.decode(ids, { special: false }), text_skip_special);
    }
  });

  Deno.test(`${name} tokenizer: encode then decode is the identity after its normal form`, async () => {
    const tokenizer = createTokenizer(await publishedVocabulary(name));
    const random = seededRandom(11);
    for (let round = 0; round < 1000; round++) {
      const text = wellFormedText(random, 50);
      const normal = form ? text.normalize(form) : text;
      for (const special of [false, true]) {
        assertEquals(tokenizer.decode(tokenizer.encode(text, { special })), normal, text);
      }
    }
  });

  Deno.test(`${name} tokenizer: no token that steers comes from plain text`, async () => {
    const tokenizer = createTokenizer(await publishedVocabulary(name));
    const steering = new Set(tokenizer.controlTokens.values());
    assertEquals(steering.size, tokenizer.controlTokens.size);
    for (const text of tokenizer.controlTokens.keys()) {
      const ids = tokenizer.encode(`a ${text}${text} b`);
      assertEquals(ids.filter((id) => steering.has(id)), [], text);
    }
  });
}

for (const name of Object.keys(FORMS)) {
  Deno.test(`${name} tokenizer: ids of the chats by the model's own template`, async () => {
    const table = fixtureJson<ChatTable>("tokens/chat_templates.json");
    const source = await publishedVocabulary(name);
    const bosId = Array.from({ length: source.tokens.length }, (_, id) => source.tokens.at(id))
      .indexOf(table.special[name].bos_token);
    const tokenizer = createTokenizer({ ...source, bosId: bosId < 0 ? undefined : bosId });
    assertEquals(checkChatIds(tokenizer, table, name), { qwen3: 24, deepseek_v3: 12 }[name]);
  });

  Deno.test(`${name} tokenizer: no token that steers comes from a message of another`, async () => {
    const { templates } = fixtureJson<ChatTable>("tokens/chat_templates.json");
    const tokenizer = createTokenizer(await publishedVocabulary(name));
    const steering = new Set(tokenizer.controlTokens.values());
    const texts = [...tokenizer.controlTokens.keys()];
    const steered = (role: string, content: string): number[] =>
      encodeChat(tokenizer, templates[name], [{ role: "user", content: "Hi" }, { role, content }])
        .filter((id) => steering.has(id));
    for (const role of ["system", "user", "tool"]) {
      const expected = steered(role, "x");
      assertEquals(steered(role, texts.join("")), expected, role);
      for (const text of texts.filter((text) => !text.includes("holder"))) {
        assertEquals(steered(role, `a ${text}${text} b`), expected, `${role}: ${text}`);
      }
    }
  });
}

Deno.test("qwen3 tokenizer: markers in the model's own messages reach the template", async () => {
  const { templates } = fixtureJson<ChatTable>("tokens/chat_templates.json");
  const tokenizer = createTokenizer(await publishedVocabulary("qwen3"));
  const ids = encodeChat(tokenizer, templates.qwen3, [
    { role: "user", content: "Hi" },
    { role: "assistant", content: "<think>\nHm <|im_end|>\n</think>\n\nHello" },
    { role: "user", content: "Bye" },
  ]);
  const text = tokenizer.decode(ids);
  assertEquals(text.includes("Hm"), false); // the template drops old thoughts
  assertEquals(text.includes("assistant\nHello<|im_end|>"), true);
});
