/** Tests of streamed_response.ts. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { framesOf, scriptedApp, until } from "../../../tests/support/scripted_app.ts";
import { ApiError } from "./errors.ts";
import { QueueFullError } from "./engine/engine_errors.ts";
import type { ScriptedEngine } from "../../../tests/support/scripted_engine.ts";
import type { AccessEntry } from "./app_options.ts";
import type { Engine, Lease } from "./engine/engine.ts";

const chat = { messages: [{ role: "user", content: "hi" }], stream: true };
const PATH = "/v1/chat/completions";
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("streamedResponse: what fails before the first frame has a status of its own", async () => {
  const full = scriptedApp({ content: [] }, {}, () => ({
    acquire: () => Promise.reject(new QueueFullError(4, 7)),
  }));
  const busy = await full.post(PATH, chat);
  assertEquals([busy.status, busy.headers.get("retry-after")], [429, "7"]);
  assertEquals((await busy.json()).error.code, "server_busy");
  const error = new RangeError("topK is 1.5, it must be a whole number");
  const app = scriptedApp({ content: [], error });
  const wrong = await app.post(PATH, chat);
  assertEquals([wrong.status, (await wrong.json()).error.param], [400, "top_k"]);
  assertEquals(app.engine.open, 0);
});

Deno.test("streamedResponse: an error in the midst is the last frame", async () => {
  const app = scriptedApp({ content: ["a"], error: new Error("secret") }, { onError: () => {} });
  const response = await app.post(PATH, chat, { headers: { "x-request-id": "mine" } });
  assertEquals(response.status, 200);
  const frames = framesOf(await response.text());
  assertEquals(frames.length, 3);
  assertEquals(frames[2], {
    error: {
      ...{ message: "Internal error", type: "server_error", param: null, code: null },
      request_id: "mine",
    },
  });
  assertEquals(app.engine.open, 0);
});

Deno.test("streamedResponse: signs of life while waiting for a place and between tokens", async () => {
  const app = scriptedApp({ content: ["a", "b"], pauseMs: 60 }, { keepAliveMs: 20 }, (engine) => ({
    acquire: async (...asked): Promise<Lease> => {
      await wait(60);
      return await engine.acquire(...asked);
    },
  }));
  const response = await app.post(PATH, chat);
  assertEquals(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assertEquals(response.headers.get("cache-control"), "no-cache");
  const text = await response.text();
  const comments = (part: string) => part.split(": keep-alive\n\n").length - 1;
  const [waiting, between] = text.split('"content":"a"');
  assert(waiting.startsWith(": keep-alive\n\n"), text);
  assert(comments(waiting) >= 3 && comments(waiting) <= 8, text);
  assert(comments(between) >= 1 && comments(between) <= 3, text);
  assertEquals(framesOf(text).length, 5);
  assertEquals(app.engine.open, 0);
});

Deno.test("streamedResponse: fast streams have no comments", async () => {
  const app = scriptedApp({ content: ["a", "b"] });
  assert(!(await (await app.post(PATH, chat)).text()).includes(": keep-alive"));
});

Deno.test("streamedResponse: nothing is made that nobody reads", async () => {
  let made = 0;
  const content = {
    *[Symbol.iterator]() {
      for (let i = 0; i < 1000; i++) {
        made++;
        yield "a";
      }
    },
  };
  // The script spreads its pieces at the start, so the model is counted by its own generator here.
  const app = scriptedApp({ content: [] }, {}, (engine) => ({
    acquire: async (...asked): Promise<Lease> => {
      const lease = await engine.acquire(...asked);
      const generate = async function* () {
        for (const text of content) yield { type: "content" as const, text, tokens: [] };
      };
      return { ...lease, model: { ...lease.model, generate } };
    },
  }));
  const response = await app.post(PATH, chat);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  await reader.read();
  await wait(30);
  assert(made <= 8, `${made} pieces were made for 2 that were read`);
  await reader.cancel();
  assertEquals(app.engine.open, 0);
});

Deno.test("streamedResponse: a reader that leaves ends the answer and gives the place back", async () => {
  const app = scriptedApp({ content: Array(1000).fill("a"), pauseMs: 2 });
  const response = await app.post(PATH, chat);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  assertEquals(app.engine.open, 1);
  await reader.cancel();
  assertEquals([app.engine.open, app.engine.aborted], [0, 1]);
});

Deno.test("streamedResponse: an abort gives the place back though nobody reads or cancels", async () => {
  const statuses: number[] = [];
  const app = scriptedApp({ content: Array(1000).fill("a"), pauseMs: 2 }, {
    onAccess: ({ status }) => statuses.push(status),
  });
  const controller = new AbortController();
  const { signal } = controller;
  await app.post(PATH, chat, { signal });
  assertEquals(app.engine.open, 1);
  controller.abort();
  await until(() => app.engine.open === 0);
  assertEquals([app.engine.aborted, statuses], [1, [499]]);
});

Deno.test("streamedResponse: who has gone as the answer begins ends its record too", async () => {
  const statuses: number[] = [];
  const controller = new AbortController();
  const leaving = (engine: ScriptedEngine) => ({
    acquire: async (...asked: Parameters<Engine["acquire"]>): Promise<Lease> => {
      const lease = await engine.acquire(...asked);
      const generate = async function* () {
        controller.abort();
        yield { type: "content" as const, text: "a", tokens: [] };
      };
      return { ...lease, model: { ...lease.model, generate } };
    },
  });
  const onAccess = ({ status }: AccessEntry) => void statuses.push(status);
  const app = scriptedApp({ content: [] }, { onAccess }, leaving);
  const { signal } = controller;
  const response = await app.post(PATH, chat, { signal });
  await until(() => statuses.length > 0);
  await response.body?.cancel();
  assertEquals([app.engine.open, statuses], [0, [499]]);
});

Deno.test("streamedResponse: a reader that comes back after the time limit is told of it", async () => {
  const app = scriptedApp({ content: Array(1000).fill("a") }, { requestTimeoutMs: 30 });
  const response = await app.post(PATH, chat);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  await until(() => app.engine.open === 0);
  const { value } = await reader.read();
  assert(new TextDecoder().decode(value).includes("timeout_error"));
  assertEquals((await reader.read()).done, true);
});

Deno.test("streamedResponse: who reads nothing more loses the place and the answer", async () => {
  for (const reads of [0, 2]) {
    const statuses: number[] = [];
    const onAccess = ({ status }: AccessEntry) => void statuses.push(status);
    const app = scriptedApp({ content: Array(1000).fill("a") }, { stallTimeoutMs: 40, onAccess });
    const response = await app.post(PATH, chat);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (let i = 0; i < reads; i++) {
      await wait(25);
      await reader.read();
    }
    assertEquals(app.engine.open, 1);
    await until(() => app.engine.open === 0);
    assertEquals([app.engine.aborted, statuses], [1, [499]]);
    await assertRejects(() => reader.read(), ApiError, "The client has read nothing for 0.04 s");
  }
});

Deno.test("streamedResponse: a slow model is no reader that stalls", async () => {
  const app = scriptedApp({ content: ["a", "b"], pauseMs: 60 }, { stallTimeoutMs: 20 });
  assertEquals(framesOf(await (await app.post(PATH, chat)).text()).at(-1), "[DONE]");
});

Deno.test("streamedResponse: who leaves while waiting for a place gets none", async () => {
  const app = scriptedApp({ content: [] }, { keepAliveMs: 10 }, () => ({
    acquire: (_name, options) =>
      new Promise((_, reject) => {
        options?.signal?.addEventListener("abort", () => reject(options.signal?.reason));
      }),
  }));
  const response = await app.post(PATH, chat);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  await reader.cancel();
});

/** A model that takes its time, asked for answers that are not streamed. */
const slow = { content: ["a", "b"], pauseMs: 40 };
const PATHS = [PATH, "/v1/completions", "/v1/responses", "/api/chat", "/completion"];
const whole = { model: "scripted", messages: chat.messages, prompt: "hi", stream: false };
const wholeFor = (path: string) =>
  path === "/v1/responses" ? { ...whole, prompt: undefined, input: "hi" } : whole;

Deno.test("wholeResponse: spaces before the JSON of an answer that takes its time", async () => {
  for (const path of PATHS) {
    const statuses: number[] = [];
    const onAccess = ({ status }: AccessEntry) => void statuses.push(status);
    const app = scriptedApp(slow, { keepAliveMs: 15, onAccess });
    const response = await app.post(path, wholeFor(path));
    assertEquals([response.status, statuses.length], [200, 0], path);
    assertEquals(response.headers.get("content-type"), "application/json");
    const text = await response.text();
    assert(text.startsWith("  ") && text.trimStart().startsWith("{"), text);
    assert(JSON.stringify(JSON.parse(text)).includes("ab"), text);
    assertEquals([app.engine.open, statuses], [0, [200]]);
    const fast = await scriptedApp(slow).post(path, wholeFor(path));
    assert((await fast.text()).startsWith("{"));
  }
});

Deno.test("wholeResponse: a fault after the head is told in the surface's form", async () => {
  for (const path of [PATH, "/api/chat"]) {
    const statuses: number[] = [];
    const onAccess = ({ status }: AccessEntry) => void statuses.push(status);
    const options = { keepAliveMs: 15, onAccess, onError: () => {} };
    const app = scriptedApp({ ...slow, error: new Error("secret") }, options);
    const { error } = await (await app.post(path, whole)).json();
    assertEquals(path === PATH ? error.message : error, "Internal error");
    assertEquals([app.engine.open, statuses], [0, [500]]);
  }
});

Deno.test("wholeResponse: the wait for a place and what fails at once keep their status", async () => {
  const queue = () => ({
    acquire: async () => {
      await wait(40);
      throw new QueueFullError(4, 7);
    },
  });
  const busy = await scriptedApp(slow, { keepAliveMs: 5 }, queue).post(PATH, whole);
  assertEquals([busy.status, busy.headers.get("retry-after")], [429, "7"]);
  const error = new RangeError("topK is 1.5, it must be a whole number");
  assertEquals((await scriptedApp({ content: [], error }).post(PATH, whole)).status, 400);
});

Deno.test("wholeResponse: nobody needs to read for the place to be free", async () => {
  const app = scriptedApp(slow, { keepAliveMs: 15 });
  const response = await app.post(PATH, whole);
  assertEquals(app.engine.open, 1);
  await until(() => app.engine.open === 0);
  assertEquals((await response.json()).choices[0].message.content, "ab");
  const leaving = scriptedApp({ ...slow, content: Array(1000).fill("a") }, { keepAliveMs: 15 });
  await (await leaving.post(PATH, whole)).body?.cancel();
  assertEquals([leaving.engine.open, leaving.engine.aborted], [0, 1]);
});
