/** What texts become on every surface where no template makes them: the ids that the model itself would take. */
import { assertEquals } from "@std/assert";
import { createApp, createEngine } from "../../packages/api/mod.ts";
import { loadModel } from "../../packages/runtime/mod.ts";
import {
  type ModelSpec,
  modelSpec,
  withFolder,
  withKey,
  writeModel,
} from "../support/edited_model.ts";

const LLAMA = "models/llama_untied/gguf/model-F32.gguf";
const TEXT = "The sky is blue";
const BOS = 42;

/** A model file that has BOS, wants it or not, and wants EOS after a text that is embedded. */
function wanting(spec: ModelSpec, addBos: boolean): ModelSpec {
  const bos = withKey(spec, "tokenizer.ggml.bos_token_id", { type: "uint32", value: BOS });
  const eos = withKey(bos, "tokenizer.ggml.add_eos_token", { type: "bool", value: true });
  const pooled = withKey(eos, "llama.pooling_type", { type: "uint32", value: 3 });
  return withKey(pooled, "tokenizer.ggml.add_bos_token", { type: "bool", value: addBos });
}

for (const addBos of [false, true]) {
  Deno.test(`raw texts: the same as the model's own, BOS ${addBos ? "" : "not "}wanted`, async () => {
    const spec = wanting(await modelSpec(LLAMA), addBos);
    await withFolder(async (folder) => {
      const source = writeModel(folder, spec);
      await using model = await loadModel(source);
      const own = await model.complete(TEXT, { maxTokens: 8, temperature: 0, ignoreEnd: true });
      assertEquals(own.promptIds.includes(BOS), addBos);
      const vector = [...await model.embed(TEXT)];
      const engine = await createEngine({ models: [{ name: "tiny", source }], thread: "same" });
      const app = createApp(engine);
      const ask = async (path: string, body: object) => {
        const response = await app.request(path, {
          method: "POST",
          headers: { "content-type": "application/json", host: "localhost" },
          body: JSON.stringify({ model: "tiny", ...body }),
        });
        return await response.json();
      };
      try {
        const sampled = { temperature: 0, max_tokens: 8, ignore_eos: true };
        const { usage, choices } = await ask("/v1/completions", { prompt: TEXT, ...sampled });
        assertEquals(usage.prompt_tokens, own.promptIds.length);
        assertEquals(choices[0].text, own.text);
        const { tokens } = await ask("/tokenize", { content: TEXT, add_special: true });
        assertEquals(tokens, own.promptIds);
        const { data } = await ask("/v1/embeddings", { input: TEXT });
        assertEquals(data[0].embedding, vector);
        const { embeddings } = await ask("/api/embed", { input: TEXT });
        assertEquals(embeddings, [vector]);
        const { embedding } = await ask("/api/embeddings", { prompt: TEXT });
        assertEquals(embedding, vector);
        const cut = await ask("/api/embed", { input: "a".repeat(3000) });
        assertEquals(cut.prompt_eval_count, model.contextTokens);
        const ids = model.embeddingIds("a".repeat(3000), model.contextTokens);
        assertEquals(ids.at(-1), model.tokenizer.eosId);
        assertEquals(cut.embeddings, [[...await model.embed(ids)]]);
      } finally {
        await engine.close();
      }
    });
  });
}
