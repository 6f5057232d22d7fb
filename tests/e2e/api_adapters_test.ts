/** Adapters over HTTP, in a worker: by the model's name, by llama-server's field, listed, side by side; every surface. */
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadModel } from "../../packages/runtime/mod.ts";
import { type ApiServer, startApiServer } from "../support/api_server.ts";
import { startAhaServer } from "../support/aha_server.ts";
import { withFolder } from "../support/edited_model.ts";
import { fixturePath } from "../support/fixture.ts";
import { adapterFile, configOf, madeAdapter } from "../support/made_adapters.ts";

const MODEL = fixturePath("models/qwen2/gguf/model-Q8_0.gguf");
const MESSAGES = [{ role: "user", content: "Why is the sky blue?" }];
const DRAWS = { max_tokens: 12, seed: 4, temperature: 0.9, ignore_eos: true };

interface Server {
  readonly post: (path: string, body: unknown) => Promise<Response>;
}

async function withServer(run: (server: ApiServer, files: string[]) => Promise<void>) {
  await withFolder(async (folder) => {
    const files = await written(folder);
    const lora = [{ name: "one", from: files[0] }, { name: "two", from: files[1], scale: 0.5 }];
    const spec = { name: "tiny", source: MODEL, aliases: ["gpt-*"], loadOptions: { lora } };
    await using server = await startApiServer({ engine: { models: [spec] } });
    await run(server, files);
    assertEquals(server.faults, []);
  });
}

async function written(folder: string): Promise<string[]> {
  const config = await configOf(MODEL);
  const files: string[] = [];
  for (const seed of [1, 2]) {
    const path = join(folder, `a${seed}.gguf`);
    writeFileSync(path, await (await adapterFile(config, madeAdapter(config, seed))).bytes());
    files.push(path);
  }
  return files;
}

async function answered(server: Server, path: string, body: object) {
  const response = await server.post(path, body);
  const text = await response.text();
  assertEquals(response.status, 200, text);
  return JSON.parse(text);
}

/** What a path says to a model's name and more fields. */
const SURFACES: Record<string, (server: Server, model: string, more?: object) => Promise<unknown>> =
  {
    "chat completions": async (server, model, more) =>
      (await answered(server, "/v1/chat/completions", {
        model,
        messages: MESSAGES,
        ...DRAWS,
        ...more,
      }))
        .choices[0].message.content,
    completions: async (server, model, more) =>
      (await answered(server, "/v1/completions", { model, prompt: "Why", ...DRAWS, ...more }))
        .choices[0].text,
    responses: async (server, model, more) => {
      const { max_tokens: max_output_tokens, ...draws } = DRAWS;
      const body = { model, input: "Why?", max_output_tokens, ...draws, ...more };
      return (await answered(server, "/v1/responses", body)).output[0].content[0].text;
    },
    embeddings: async (server, model, more) =>
      (await answered(server, "/v1/embeddings", { model, input: "Why", ...more })).data[0]
        .embedding,
    "llama-server's completion": async (server, model, more) =>
      (await answered(server, "/completion", {
        model,
        prompt: "Why",
        n_predict: 12,
        ...DRAWS,
        ...more,
      }))
        .content,
  };
/** Without a field for adapters. */
const OLLAMA: typeof SURFACES = {
  "Ollama's chat": async (server, model) => {
    const options = { num_predict: 12, seed: 4, temperature: 0.9 };
    const body = { model, messages: MESSAGES, stream: false, options };
    return (await answered(server, "/api/chat", body)).message.content;
  },
  "Ollama's embed": async (server, model) =>
    (await answered(server, "/api/embed", { model, input: "Why" })).embeddings[0],
};

Deno.test("api adapters: every surface takes them by MODEL:NAME, and by the lora field", () =>
  withServer(async (server) => {
    for (const [what, ask] of Object.entries({ ...SURFACES, ...OLLAMA })) {
      const [none, one, two] = [
        await ask(server, "tiny"),
        await ask(server, "tiny:one"),
        await ask(server, "tiny:two"),
      ];
      assertEquals(new Set([none, one, two].map(String)).size, 3, what);
      assertEquals(await ask(server, "gpt-4:one"), one, what);
      if (!(what in SURFACES)) continue;
      const lora = (...scales: number[]) => ({ lora: scales.map((scale, id) => ({ id, scale })) });
      assertEquals(await ask(server, "tiny", lora(1, 0)), one, what);
      assertEquals(await ask(server, "tiny:one", lora(0, 0.5)), two, what);
      assertEquals(await ask(server, "tiny:one", { lora: [] }), none, what);
      const both = await ask(server, "tiny", lora(1, 0.5));
      assert(![none, one, two].map(String).includes(String(both)), what);
    }
  }));

Deno.test("api adapters: answers are the library's, alone and beside those of others", () =>
  withServer(async (server, [one, two]) => {
    await using model = await loadModel(MODEL, {
      lora: [{ name: "one", from: one }, { name: "two", from: two, scale: 0.5 }],
    });
    const text = async (adapter: string | null) => {
      const options = { maxTokens: 12, seed: 4, temperature: 0.9, ignoreEnd: true, adapter };
      let text = "";
      for await (const event of model.chat(MESSAGES, options)) {
        if (event.type === "content") text += event.text;
      }
      return text;
    };
    const wanted = [await text(null), await text("one"), await text("two")];
    const names = ["tiny", "tiny:one", "tiny:two"];
    const asked = Array.from({ length: 18 }, (_, i) => i % 3);
    const ask = SURFACES["chat completions"];
    const told = await Promise.all(asked.map((i) => ask(server, names[i])));
    assertEquals(told, asked.map((i) => wanted[i]));
  }));

Deno.test("api adapters: lists of models have them, answers tell them, unknown ones are 404 or 400", () =>
  withServer(async (server) => {
    const get = async (path: string) => await (await fetch(server.url + path)).json();
    const { data } = await get("/v1/models");
    assertEquals(data.map(({ id, parent }: Record<string, unknown>) => [id, parent]), [
      ...[["tiny", undefined], ["tiny:one", "tiny"], ["tiny:two", "tiny"]],
    ]);
    assertEquals((await get("/v1/models/tiny:two")).parent, "tiny");
    const { models } = await get("/api/tags");
    assertEquals(
      models.map((
        model: { name: string; details: { parent_model: string } },
      ) => [model.name, model.details.parent_model]),
      [["tiny", ""], ["tiny:one", "tiny"], ["tiny:two", "tiny"]],
    );
    assertEquals(await get("/lora-adapters"), [
      { id: 0, path: "one", scale: 0 },
      { id: 1, path: "two", scale: 0 },
    ]);
    const body = { messages: MESSAGES, max_tokens: 1 };
    const path = "/v1/chat/completions";
    assertEquals((await answered(server, path, { ...body, model: "tiny:one" })).model, "tiny:one");
    const unknown = await server.post(path, { ...body, model: "tiny:three" });
    const { error } = await unknown.json();
    assertEquals([unknown.status, error.code], [404, "model_not_found"]);
    assertStringIncludes(error.message, "known are tiny, tiny:one, tiny:two");
    for (const lora of [[{ id: 2, scale: 1 }], [{ id: 0, scale: 1 }, { id: 0, scale: 1 }], "one"]) {
      const refused = await server.post(path, { ...body, lora });
      const { error } = await refused.json();
      assertEquals([refused.status, error.param], [400, "lora"], error.message);
    }
    const overflow = await server.post(path, { ...body, lora: [{ id: 0, scale: 1e300 }] });
    assertEquals(overflow.status, 400);
    await overflow.body?.cancel();
    assertEquals((await server.post("/lora-adapters", [{ id: 0, scale: 1 }])).status, 405);
  }));

Deno.test("aha serve: --lora is said at the start and answers by its name; without a name it applies unasked", () =>
  withFolder(async (folder) => {
    const [one, two] = await written(folder);
    const words = [`tiny=${MODEL}`, "--lora", `sql=${one}`, "--lora", two];
    const server = await startAhaServer(words);
    await server.ready();
    const ask = SURFACES["chat completions"];
    const plain = await ask(server, "tiny");
    assertNotEquals(await ask(server, "tiny:sql"), plain);
    assertEquals(await ask(server, "tiny:a2"), plain);
    assertNotEquals(await ask(server, "tiny", { lora: [] }), plain);
    server.signal("SIGTERM");
    const { code, error } = await server.ended;
    assertEquals(code, 0, error);
    assertStringIncludes(error, "Aha serves tiny, tiny:sql at");
  }));
