/** Tests of Ollama's routes about models, and of what is not built. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fixturePath } from "../../../../../tests/support/fixture.ts";
import { keysOf, OLLAMA_FIELDS as FIELDS } from "../../../../../tests/support/ollama_fields.ts";
import { scriptedApp } from "../../../../../tests/support/scripted_app.ts";
import { createApp } from "../../app.ts";
import { createEngine } from "../../engine/create_engine.ts";
import { parameterSize } from "./model_routes.ts";

const app = () => scriptedApp({ content: [] }, { version: "1.2.3" });

/** What its file says of a model that is not loaded. */
const KNOWN = {
  ...{ architecture: "qwen2", contextTokens: 8192, vocabulary: 100, width: 64, layers: 2 },
  ...{ parameters: 1_500_000, sizeBytes: 900_000, quantization: "Q4_K_M", isReasoning: true },
  chatTemplate: "{{ known }}",
};

/** The scripted model and two that are not loaded: nothing, or what its file says, is known of them. */
function appOfTwo() {
  return scriptedApp({ content: [] }, {}, ({ models }) => ({
    models: () => [
      { ...models()[0], expiresAt: 1_800_000_000_000 },
      { name: "cold", created: 1_700_000_000, state: "cold" },
      { name: "known", created: 1_700_000_000, state: "cold", head: KNOWN },
    ],
  }));
}

Deno.test("tags: all models, with what is known of them", async () => {
  const { models } = await (await appOfTwo().request("/api/tags")).json();
  for (const model of models) {
    assertEquals(keysOf(model), [...FIELDS.tag].sort());
    assertEquals(keysOf(model.details), [...FIELDS.details].sort());
    assertMatch(model.digest, /^[0-9a-f]{64}$/);
    assertEquals(model.modified_at, "2023-11-14T22:13:20.000Z");
  }
  const [ready, cold, known] = models;
  assertEquals([ready.name, ready.model, ready.size], ["scripted", "scripted", 1_100_000]);
  assertEquals(ready.details, {
    ...{ parent_model: "", format: "gguf", family: "llama", families: ["llama"] },
    ...{ parameter_size: "1M", quantization_level: "Q8_0" },
  });
  assertEquals([cold.size, cold.details.family, cold.details.families], [0, "", []]);
  assertEquals([known.size, known.details.family], [900_000, "qwen2"]);
  assertEquals(
    [known.details.parameter_size, known.details.quantization_level],
    ["1.50M", "Q4_K_M"],
  );
  assert(ready.digest !== cold.digest);
});

Deno.test("ps: loaded models, until when, and never", async () => {
  const { models } = await (await appOfTwo().request("/api/ps")).json();
  assertEquals(models.length, 1);
  assertEquals(keysOf(models[0]), [...FIELDS.running].sort());
  const { expires_at, size, size_vram, context_length } = models[0];
  assertEquals(expires_at, "2027-01-15T08:00:00.000Z");
  assertEquals([size, size_vram, context_length], [2_000_000, 0, 512]);
  const forever = await (await app().request("/api/ps")).json();
  assert(Date.parse(forever.models[0].expires_at) > Date.now() + 200 * 365 * 86_400_000);
});

Deno.test("ps: an end beyond all dates breaks nothing", async () => {
  for (const expiresAt of [1e300, Number.MAX_SAFE_INTEGER]) {
    const odd = scriptedApp({ content: [] }, {}, ({ models }) => ({
      models: () => [{ ...models()[0], expiresAt }],
    }));
    const { models } = await (await odd.request("/api/ps")).json();
    assert(Date.parse(models[0].expires_at) > Date.now() + 200 * 365 * 86_400_000);
  }
});

Deno.test("show: a model's facts, by either name of the field", async () => {
  const two = appOfTwo();
  const shown = async (body: object) => (await two.post("/api/show", body)).json();
  const ready = await shown({ model: "scripted:latest" });
  assertEquals(keysOf(ready), [...FIELDS.show].sort());
  assertEquals(ready.template, "{{ messages }}");
  assertEquals(ready.capabilities, ["completion", "tools", "thinking"]);
  assertEquals(ready.model_info["general.architecture"], "llama");
  assertEquals(ready.model_info["llama.context_length"], 512);
  const cold = await shown({ name: "cold" });
  assertEquals(keysOf(cold), [...FIELDS.show].sort());
  assertEquals([cold.capabilities, cold.model_info], [["completion"], {}]);
  const known = await shown({ name: "known" });
  assertEquals([known.template, known.capabilities], ["{{ known }}", ready.capabilities]);
  assertEquals(known.model_info["qwen2.context_length"], 8192);
  assertEquals((await two.post("/api/show", { model: "x" })).status, 404);
  assertEquals((await two.post("/api/show", {})).status, 400);
});

Deno.test("a model that was never loaded is told by its file, by all surfaces", async () => {
  const source = fixturePath("models/llama_untied/gguf/model-Q8_0.gguf");
  const fresh = async (path: string, init?: RequestInit) => {
    const engine = await createEngine({ models: [{ name: "tiny", source }] });
    const response = await createApp(engine).request(path, init);
    assertEquals(engine.models()[0].state, "cold", path);
    await engine.close();
    return await response.json();
  };
  const { size } = Deno.statSync(source);
  const [tag] = (await fresh("/api/tags")).models;
  assertEquals([tag.size, tag.details.family], [size, "llama"]);
  assertEquals([tag.details.quantization_level, tag.details.parameter_size], ["Q8_0", "131K"]);
  const body = { method: "POST", body: '{"model": "tiny"}' };
  const shown = await fresh("/api/show", body);
  assertEquals(shown.model_info["llama.vocab_size"], 384);
  assert(shown.template.length > 10);
  const [listed] = (await fresh("/v1/models")).data;
  assertEquals([listed.meta.size, listed.meta.n_vocab], [size, 384]);
  assertEquals((await fresh("/v1/models/tiny")).meta, listed.meta);
  assertEquals((await fresh("/props")).chat_template, shown.template);
  assertEquals((await fresh("/api/ps")).models, []);
});

Deno.test("show: a model by its alias", async () => {
  const aliased = scriptedApp({ content: [] }, {}, ({ find }) => ({
    find: (asked) => find(asked === "alias" ? "scripted" : asked),
  }));
  for (const model of ["alias", "alias:latest"]) {
    const response = await aliased.post("/api/show", { model });
    assertEquals([response.status, (await response.json()).modelfile], [200, "FROM scripted\n"]);
  }
  assertEquals((await aliased.request("/v1/models/alias")).status, 200);
});

Deno.test("version, and the text that probes look for", async () => {
  assertEquals(await (await app().request("/api/version")).json(), { version: "1.2.3" });
  assertEquals(await (await app().request("/")).text(), "Ollama is running");
  const head = await app().request("/", { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
  const locked = scriptedApp({ content: [] }, { apiKeys: [{ name: "me", key: "secret" }] });
  assertEquals((await locked.request("/")).status, 200);
  assertEquals((await locked.request("/api/tags")).status, 401);
  assertEquals(keysOf(await (await locked.request("/api/tags")).json()), ["error"]);
});

Deno.test("what Ollama does with its store answers 501 with a sentence", async () => {
  const paths = ["pull", "push", "create", "copy", "blobs/sha256:00"].map((path) => `/api/${path}`);
  const asked = [
    ...paths.map((path) => app().post(path, { model: "x" })),
    app().request("/api/delete", { method: "DELETE" }),
  ];
  for (const response of await Promise.all(asked)) {
    assertEquals(response.status, 501);
    assertStringIncludes((await response.json()).error, "aha serve");
  }
});

Deno.test("parameterSize: as Ollama writes it", () => {
  const sizes = [999, 12_000, 1_000_000, 134_515_008, 1_543_714_304, 8_000_000_000];
  assertEquals(sizes.map(parameterSize), ["999", "12K", "1M", "134.52M", "1.5B", "8B"]);
});
