/** Tests of request_scope.ts. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { scriptedApp, until } from "../../../../tests/support/scripted_app.ts";
import type { AccessEntry } from "../app_options.ts";

const chat = { messages: [{ role: "user", content: "secret words" }] };

Deno.test("requestScope: a sane id of the client is kept, others are replaced", async () => {
  const app = scriptedApp({ content: ["a"] });
  const idOf = async (id?: string, path = "/v1/models") => {
    const headers = id === undefined ? undefined : { "x-request-id": id };
    return (await app.request(path, { headers })).headers.get("x-request-id") ?? "";
  };
  assertEquals(await idOf("my-id:1.2_3"), "my-id:1.2_3");
  assertEquals(await idOf("my-id", "/nowhere"), "my-id");
  for (const id of [undefined, "", "a b", "x".repeat(65), "<script>"]) {
    assertMatch(await idOf(id), /^req_[0-9a-f]{32}$/);
  }
  assert(await idOf() !== await idOf());
});

Deno.test("requestScope: one entry a request, without the prompt unless asked for", async () => {
  const entries: AccessEntry[] = [];
  const options = { onAccess: (entry: AccessEntry) => entries.push(entry) };
  const keys = { apiKeys: [{ name: "me", key: "k" }] };
  const headers = { authorization: "Bearer k" };
  const app = scriptedApp({ reasoning: ["x"], content: ["a", "b"] }, { ...options, ...keys });
  await app.post("/v1/chat/completions?api_key=k", chat, { headers });
  await (await app.post("/v1/chat/completions", { ...chat, stream: true }, { headers })).text();
  await app.post("/v1/chat/completions", chat);
  await app.request("/v1/models", { headers });
  assertEquals(entries.map(({ status }) => status), [200, 200, 401, 200]);
  for (const entry of entries.slice(0, 2)) {
    assertEquals(Object.keys(entry).sort(), [
      ...["client", "completionTokens", "durationMs", "method", "model", "path", "promptTokens"],
      ...["requestId", "status", "time"],
    ]);
    assertEquals([entry.client, entry.model, entry.path], [
      "me",
      "scripted",
      "/v1/chat/completions",
    ]);
    assertEquals([entry.promptTokens, entry.completionTokens, entry.method], [10, 3, "POST"]);
    assertMatch(entry.time, /^\d{4}-\d\d-\d\dT/);
  }
  assert(!JSON.stringify(entries).includes("secret"));
  const logged = scriptedApp({ content: [] }, { ...options, logPrompts: true });
  await logged.post("/v1/chat/completions", chat);
  assertEquals(entries.at(-1)?.prompt, chat.messages);
});

Deno.test("requestScope: tokens of calls count, and those of answers that were left", async () => {
  const entries: AccessEntry[] = [];
  const options = { onAccess: (entry: AccessEntry) => entries.push(entry) };
  const call = '<tool_call>\n{"name": "weather", "arguments": {}}\n</tool_call>';
  const tools = [{ type: "function", function: { name: "weather" } }];
  const calling = scriptedApp({ content: [...call] }, options);
  await calling.post("/v1/chat/completions", { ...chat, tools });
  assertEquals(entries[0].completionTokens, call.length);
  const long = scriptedApp({ content: Array(100).fill("a") }, options);
  const response = await long.post("/v1/chat/completions", { ...chat, stream: true });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  for (let i = 0; i < 4; i++) await reader.read();
  await reader.cancel();
  await until(() => entries.length === 2);
  const { completionTokens = 0, status } = entries[1];
  assert(completionTokens >= 3 && completionTokens < 20, `${completionTokens} tokens`);
  assertEquals(status, 499);
});

Deno.test("requestScope: no timer outlives its request", async () => {
  const { setTimeout, clearTimeout } = globalThis;
  const running = new Set<unknown>();
  try {
    globalThis.setTimeout = ((...all: Parameters<typeof setTimeout>) => {
      const id = setTimeout(...all);
      running.add(id);
      return id;
    }) as typeof setTimeout;
    globalThis.clearTimeout = (id) => {
      running.delete(id);
      clearTimeout(id);
    };
    const app = scriptedApp({ content: ["a"] });
    await app.post("/v1/chat/completions", chat);
    await (await app.post("/v1/chat/completions", { ...chat, stream: true })).text();
    await app.request("/nowhere");
    assertEquals(running.size, 0);
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
});

Deno.test("requestScope: faults are told to the owner and not to the client", async () => {
  const told: unknown[] = [];
  const error = new Error("Cannot read /home/me/model.gguf");
  const options = { onError: (...all: unknown[]) => told.push(all) };
  const app = scriptedApp({ content: [], error }, options);
  const headers = { "x-request-id": "mine" };
  const response = await app.post("/v1/chat/completions", chat, { headers });
  assertEquals(response.status, 500);
  assertEquals(await response.json(), {
    error: {
      ...{ message: "Internal error", type: "server_error", param: null, code: null },
      request_id: "mine",
    },
  });
  assertEquals(told, [[error, "mine"]]);
  const broken = scriptedApp({ content: [] }, {
    ...options,
    onAccess: () => {
      throw error;
    },
  });
  assertEquals((await broken.request("/v1/models")).status, 200);
  assertEquals(told.length, 2);
});

Deno.test("requestScope: a request that takes too long is ended", async () => {
  const entries: AccessEntry[] = [];
  const app = scriptedApp({ content: Array(100).fill("a"), pauseMs: 5 }, {
    ...{ requestTimeoutMs: 40, onAccess: (entry) => entries.push(entry) },
  });
  const response = await app.post("/v1/chat/completions", chat);
  assertEquals(response.status, 504);
  assertEquals((await response.json()).error.type, "timeout_error");
  const stream = await app.post("/v1/chat/completions", { ...chat, stream: true });
  const text = await stream.text();
  assert(text.trimEnd().split("\n\n").at(-1)?.includes("timeout_error"), text);
  await until(() => app.engine.open === 0);
  assertEquals([app.engine.aborted, entries.map(({ status }) => status)], [2, [504, 504]]);
});

Deno.test("requestScope: an abort of the request ends an answer that is not streamed", async () => {
  const app = scriptedApp({ content: Array(100).fill("a"), pauseMs: 5 });
  const controller = new AbortController();
  const { signal } = controller;
  const answer = app.post("/v1/chat/completions", chat, { signal });
  await until(() => app.engine.open === 1);
  controller.abort();
  assertEquals((await answer).status, 499);
  assertEquals([app.engine.open, app.engine.aborted], [0, 1]);
});

Deno.test("requestScope: the log tells models by their own names, never by what a client writes", async () => {
  const entries: AccessEntry[] = [];
  const app = scriptedApp({ content: ["a"] }, { onAccess: (entry) => void entries.push(entry) });
  const messages = [{ role: "user", content: "hi" }];
  for (const model of ["x".repeat(100_000), "scripted", undefined]) {
    await app.post("/v1/chat/completions", { model, messages });
  }
  await app.post("/api/chat", { model: "scripted:latest", messages, stream: false });
  const told = entries.map(({ status, model }) => [status, model]);
  assertEquals(told, [
    [404, undefined],
    ...Array(3).fill([200, "scripted"]),
  ]);
});
