/** What a conversation's prompt is made of, embeddings and occupancy, through the library's doors: as the API asks for them. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ContextFullError,
  loadModel,
  type Model,
  PAGE_TOKENS,
} from "../../packages/runtime/mod.ts";
import { modelSpec, withFolder, withKey, writeModel } from "../support/edited_model.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { R1_TEMPLATE, writeThinkingModel } from "../support/thinking_model.ts";
import type { ChatTable } from "../support/token_tables.ts";

const QWEN = "models/qwen2/gguf/model-F16.gguf";
const LLAMA = "models/llama_untied/gguf/model-F32.gguf";
const HI = [{ role: "user", content: "Hi" }];

async function withThinking(run: (model: Model) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await using model = await loadModel(await writeThinkingModel(folder, R1_TEMPLATE));
    await run(model);
  });
}

Deno.test("chatText: the reference's text of each chat, tools among them", async () => {
  const { cases, chats, templates } = fixtureJson<ChatTable>("tokens/chat_templates.json");
  const spec = withKey(await modelSpec(QWEN), "tokenizer.chat_template", {
    ...{ type: "string", value: templates.bpe_qwen },
  });
  await withFolder(async (folder) => {
    await using model = await loadModel(writeModel(folder, spec));
    const own = cases.filter((one) => one.tokenizer === "bpe_qwen" && one.add_generation_prompt);
    assert(own.length > 3);
    for (const { chat, rendered } of own) {
      const { messages, tools } = chats[chat];
      assertEquals(model.chatText(messages, { tools }), rendered);
    }
  });
});

Deno.test("chat: an answer goes on from its prefix, which is not told again, and thinks no more", () =>
  withThinking(async (model) => {
    const prefix = "abc";
    const ids = model.chatIds(HI, { prefix });
    assertEquals(model.chatText(HI, { prefix }).endsWith("<think>\n\n</think>\n\nabc"), true);
    assertEquals(ids.slice(-3), model.tokenizer.encode(prefix));
    const options = { temperature: 0, maxTokens: 12, ignoreEnd: true };
    const told = { reasoning: "", content: "", ids: [] as number[], promptTokens: 0 };
    for await (const event of model.chat(HI, { ...options, prefix, think: 3 })) {
      if (event.type === "end") told.promptTokens = event.usage.promptTokens;
      else {
        told[event.type] += event.text;
        told.ids.push(...event.ids);
      }
    }
    const { ids: drawn } = await model.complete(ids, options);
    assertEquals([told.reasoning, told.promptTokens, told.ids], ["", ids.length, drawn]);
    assertEquals(told.content, model.tokenizer.decode(drawn));
  }));

Deno.test("embed: a text is its ids with what the model wants around them, the same bits beside answers", async () => {
  const spec = await modelSpec(LLAMA);
  const keys = { "llama.pooling_type": 3, "tokenizer.ggml.add_bos_token": true };
  let embedding = spec;
  for (const [key, value] of Object.entries({ ...keys, "tokenizer.ggml.add_eos_token": true })) {
    embedding = withKey(embedding, key, {
      ...{ type: typeof value === "number" ? "uint32" : "bool", value },
    });
  }
  await withFolder(async (folder) => {
    await using model = await loadModel(writeModel(folder, embedding));
    const { bosId, eosId } = model.tokenizer;
    const ids = [bosId!, ...model.tokenizer.encode("The sky is blue"), eosId!];
    assertEquals(model.embeddingIds("The sky is blue"), ids);
    const vector = await model.embed("The sky is blue");
    assertEquals(vector, await model.embed(ids));
    assert(Math.abs(Math.hypot(...vector) - 1) < 1e-6);
    const without = await model.embed(ids.slice(0, -1));
    assert(vector.some((x, i) => x !== without[i]));
    const options = { temperature: 1, seed: 4, maxTokens: 30, ignoreEnd: true };
    const alone = await model.complete([1, 2, 3], options);
    const [beside, ...vectors] = await Promise.all([
      model.complete([1, 2, 3], options),
      ...Array.from({ length: 5 }, () => model.embed(ids)),
    ]);
    assertEquals([beside.ids, beside.logprobs], [alone.ids, alone.logprobs]);
    for (const other of vectors) assertEquals(other, vector);
    assertEquals(await model.embedBatch(["The sky is blue", ids]), [vector, vector]);
    for (const empty of ["", []]) {
      await assertRejects(() => model.embed(empty), RangeError, "Cannot embed an empty prompt");
    }
  });
  await using model = await loadModel(fixturePath(LLAMA), { contextTokens: 40, threads: 1 });
  await assertRejects(() => model.embed(Array(41).fill(5)), ContextFullError, "of 41 tokens");
  assertEquals((await model.embed(Array(40).fill(5))).length, model.config.width);
  await model.close();
  await assertRejects(() => model.embed([1]), TypeError, "The model is closed");
});

Deno.test("occupancy: answers, those without pages, pages in use and kept; nothing else is left in the end", async () => {
  const contextTokens = 4 * PAGE_TOKENS;
  const size = { contextTokens, cacheTokens: contextTokens };
  await using model = await loadModel(fixturePath(LLAMA), size);
  const idle = { running: 0, waiting: 0, usedPages: 0, keptPages: 0, maxPages: 4 };
  assertEquals(model.occupancy(), idle);
  const long = { temperature: 0, ignoreEnd: true, reusePrefix: false };
  const prompt = Array.from({ length: 2 * PAGE_TOKENS + 1 }, (_, i) => i);
  const abort = new AbortController();
  const seen: ReturnType<Model["occupancy"]>[] = [];
  const look = () => void seen.push(model.occupancy());
  const both = [prompt, prompt.toReversed()].map((ids) =>
    model.complete(ids, { ...long, maxTokens: 20, signal: abort.signal, onText: look })
  );
  await Promise.all(both);
  assert(
    seen.some(({ running, waiting, usedPages }) =>
      running === 2 && waiting === 1 && usedPages === 3
    ),
    JSON.stringify(seen),
  );
  assertEquals(model.occupancy(), idle);
  await model.complete(prompt, { maxTokens: 1, ignoreEnd: true });
  const kept = model.occupancy();
  assertEquals(kept, { ...idle, usedPages: 3, keptPages: 3 });
  const left = model.chat(HI, long);
  await left.next();
  assertEquals(model.occupancy().running, 1);
  await left.return(undefined);
  await model.embed(prompt);
  await model.score(prompt);
  const { running, usedPages, keptPages } = model.occupancy();
  assertEquals([running, usedPages - keptPages], [0, 0]);
});
