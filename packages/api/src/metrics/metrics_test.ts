/** Tests of metrics.ts, and of how the app counts its requests. */
import { assert, assertEquals } from "@std/assert";
import { scriptedApp } from "../../../../tests/support/scripted_app.ts";

/** A sample's value by its name with labels, as it stands in the text. */
async function valuesOf(app: ReturnType<typeof scriptedApp>): Promise<Map<string, number>> {
  const text = await (await app.request("/metrics")).text();
  const lines = text.trim().split("\n").filter((line) => !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const [, name, value] = /^([a-z_]+(?::[a-z_]+)?(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    assert(name !== undefined, `no sample: ${line}`);
    return [name, Number(value)];
  }));
}

const CHAT = { model: "scripted", messages: [{ role: "user", content: "Hi" }] };

Deno.test("metrics: tokens and seconds of all surfaces together", async () => {
  const app = scriptedApp({ reasoning: ["Hm"], content: ["a", "b"] });
  await (await app.post("/api/chat", CHAT)).text();
  await (await app.post("/v1/chat/completions", CHAT)).text();
  await (await app.post("/completion", { prompt: "Hi" })).text();
  const values = await valuesOf(app);
  const seconds = (name: string) => Math.round((values.get(name) ?? NaN) * 1_000) / 1_000;
  assertEquals(values.get("llamacpp:prompt_tokens_total"), 18); // 3 times 10, of which 4 were cached
  assertEquals(values.get("aha_prompt_tokens_cached_total"), 12);
  assertEquals(values.get("llamacpp:tokens_predicted_total"), 9);
  assertEquals(values.get("aha_reasoning_tokens_total"), 3);
  assertEquals(seconds("llamacpp:prompt_seconds_total"), 0.18);
  assertEquals(seconds("llamacpp:tokens_predicted_seconds_total"), 0.18);
  assertEquals(seconds("llamacpp:prompt_tokens_seconds"), 100);
  assertEquals(seconds("llamacpp:predicted_tokens_seconds"), 50);
  assertEquals(values.get("aha_time_to_first_token_seconds_count"), 3);
});

Deno.test("metrics: requests by route and status; paths that match none are one", async () => {
  const app = scriptedApp({ content: ["a"] });
  await (await app.post("/api/chat", CHAT)).text();
  await (await app.post("/api/chat", { ...CHAT, stream: false })).text();
  await app.post("/api/chat", {});
  await app.request("/v1/models/scripted");
  await app.request("/nothing/here");
  await app.request("/nothing/there", { method: "BREW" });
  const values = await valuesOf(app);
  const of = (route: string, method: string, status: number) =>
    values.get(`aha_http_requests_total{route="${route}",method="${method}",status="${status}"}`);
  assertEquals([of("/api/chat", "POST", 200), of("/api/chat", "POST", 400)], [2, 1]);
  assertEquals(of("/v1/models/:model", "GET", 200), 1);
  assertEquals([of("/*", "GET", 404), of("/*", "other", 404)], [1, 1]);
  assertEquals(values.get('aha_http_request_duration_seconds_count{route="/api/chat"}'), 3);
  assertEquals([...values.keys()].filter((name) => name.includes("nothing")), []);
});

Deno.test("metrics: a stream counts when it is over, also where its reader leaves", async () => {
  const app = scriptedApp({ content: new Array(50).fill("a"), pauseMs: 2 });
  const response = await app.post("/api/chat", CHAT);
  const reader = response.body!.getReader();
  await reader.read();
  const during = await valuesOf(app);
  assertEquals([...during.keys()].filter((name) => name.includes("/api/chat")), []);
  await reader.cancel();
  const values = await valuesOf(app);
  const gone = 'aha_http_requests_total{route="/api/chat",method="POST",status="499"}';
  assertEquals(values.get(gone), 1);
});

Deno.test("metrics: places, queue, models and pages as the engine tells them", async () => {
  const load = { running: 2, usedPages: 3, keptPages: 4, maxPages: 16 };
  const app = scriptedApp({ content: [] }, {}, ({ models }) => ({
    status: () =>
      Promise.resolve({
        state: "ready",
        slots: [{ id: 0, model: "scripted" }, { id: 1 }],
        ...{ queued: 5, maxQueued: 7 },
        models: [{ ...models()[0], load }, { name: "cold", created: 0, state: "cold" }],
      }),
  }));
  const values = await valuesOf(app);
  const expected = {
    "llamacpp:requests_processing": 1,
    "llamacpp:requests_deferred": 5,
    "aha_slots": 2,
    "aha_queue_limit": 7,
    'aha_model_ready{model="scripted"}': 1,
    'aha_model_ready{model="cold"}': 0,
    'aha_model_memory_bytes{model="scripted"}': 2_000_000,
    'aha_model_answers{model="scripted"}': 2,
    'aha_kv_pages{model="scripted",state="used"}': 3,
    'aha_kv_pages{model="scripted",state="kept"}': 4,
    'aha_kv_pages{model="scripted",state="all"}': 16,
  };
  for (const [name, value] of Object.entries(expected)) assertEquals(values.get(name), value, name);
});
