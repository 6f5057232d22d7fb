/** Tests of llama-server's routes about the server's state, and of what is not built. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { EngineStatus } from "../../engine/engine.ts";
import { keysOf } from "../../../../../tests/support/ollama_fields.ts";
import { scriptedApp } from "../../../../../tests/support/scripted_app.ts";

function appWith(status: Partial<EngineStatus>) {
  const options = { apiKeys: [{ name: "me", key: "secret" }], version: "1" };
  const app = scriptedApp({ content: [] }, options, (engine) => ({
    state: () => status.state ?? engine.state(),
    status: async () => ({ ...await engine.status(), ...status }),
  }));
  const get = async (path: string) => {
    const response = await app.request(path, { headers: { authorization: "Bearer secret" } });
    return [response.status, await response.json()];
  };
  return { app, get };
}

Deno.test("health: ready, loading, closing, without a key", async () => {
  for (const path of ["/health", "/v1/health"]) {
    const of = async (state: EngineStatus["state"]) => {
      const response = await appWith({ state }).app.request(path);
      return [response.status, await response.json()];
    };
    const failed = (message: string) => [
      503,
      { error: { code: 503, message, type: "unavailable_error" } },
    ];
    assertEquals(await of("ready"), [200, { status: "ok" }]);
    assertEquals(await of("loading"), failed("Loading model"));
    assertEquals(await of("closing"), failed("Shutting down"));
  }
});

Deno.test("health: answers at once, whatever models are about", async () => {
  const app = scriptedApp({ content: [] }, {}, () => ({ status: () => new Promise(() => {}) }));
  assertEquals((await app.request("/health")).status, 200);
});

Deno.test("slots: each place, and 503 where none is free and that is asked for", async () => {
  const slots = [{ id: 0, model: "scripted", sinceMs: 5 }, { id: 1 }];
  const [status, listed] = await appWith({ slots }).get("/slots?fail_on_no_slot=1");
  const slot = { id_task: -1, n_ctx: 512, speculative: false };
  assertEquals(status, 200);
  assertEquals(listed, [
    { id: 0, ...slot, is_processing: true, model: "scripted" },
    { id: 1, ...slot, is_processing: false },
  ]);
  const busy = appWith({ slots: slots.slice(0, 1) });
  assertEquals((await busy.get("/slots"))[0], 200);
  const [refused, { error }] = await busy.get("/slots?fail_on_no_slot=1");
  assertEquals([refused, error.type], [503, "unavailable_error"]);
});

Deno.test("props: what is served, by name; unknown models are", async () => {
  const { get } = appWith({});
  const [status, props] = await get("/props");
  assertEquals(status, 200);
  assertEquals(keysOf(props), [
    ...["build_info", "chat_template", "chat_template_caps", "default_generation_settings"],
    ...["is_sleeping", "modalities", "model_alias", "model_path", "total_slots"],
  ]);
  assertEquals([props.model_alias, props.total_slots, props.build_info], ["scripted", 1, "aha-1"]);
  assertEquals(props.default_generation_settings.n_ctx, 512);
  assertEquals((await get("/props?model=scripted"))[0], 200);
  assertEquals((await get("/props?model=x"))[0], 404);
});

Deno.test("metrics: Prometheus' text, for those who have a key", async () => {
  const { app } = appWith({});
  const headers = { authorization: "Bearer secret" };
  const response = await app.request("/metrics", { headers });
  assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assertStringIncludes(await response.text(), "# TYPE llamacpp:requests_processing gauge\n");
  assertEquals((await app.request("/metrics")).status, 401);
});

Deno.test("adapters: by their places, with the factor of requests that choose none", async () => {
  assertEquals(await appWith({}).get("/lora-adapters"), [200, []]);
  const adapters = [
    { name: "sql", isDefault: false, scale: 2 },
    { name: "style", isDefault: true, scale: 0.5 },
  ];
  const { request } = scriptedApp({ content: [] }, {}, ({ models }) => ({
    models: () => models().map((entry) => ({ ...entry, adapters })),
  }));
  const listed = await (await request("/lora-adapters")).json();
  assertEquals(listed, [{ id: 0, path: "sql", scale: 0 }, { id: 1, path: "style", scale: 0.5 }]);
  assertEquals((await request("/lora-adapters?model=x")).status, 404);
});

Deno.test("what is not built answers 501 with a sentence", async () => {
  const app = scriptedApp({ content: [] });
  const paths = ["infill", "rerank", "reranking", "v1/rerank", "v1/reranking", "embedding"];
  for (const path of [...paths, "slots/0?action=save"]) {
    const response = await app.post(`/${path}`, {});
    const { error } = await response.json();
    assertEquals([response.status, error.type], [501, "not_implemented_error"], path);
  }
  for (const path of ["/lora-adapters", "/props"]) {
    assertEquals((await app.post(path, {})).status, 405, path); // others' servers set things so
  }
});
