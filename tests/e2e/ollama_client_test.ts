/** The official `ollama` client of npm against the app, over its `fetch`: what it reads is what it was made for. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Ollama, type Tool } from "ollama/browser";
import { scriptedApp } from "../support/scripted_app.ts";
import type { Script } from "../support/scripted_engine.ts";

const MODEL = "scripted";
const SCRIPT = { reasoning: ["Hm", "."], content: ["Hello", " you"] };
const MESSAGES = [{ role: "user", content: "Hi" }];

function client(script: Script) {
  const app = scriptedApp(script, { onError: () => {} });
  return {
    ollama: new Ollama({ host: "http://127.0.0.1:8787", fetch: app.fetch as typeof fetch }),
    ...app,
  };
}

Deno.test("ollama client: chat, with thinking", async () => {
  const { ollama, engine } = client(SCRIPT);
  const options = { temperature: 0, seed: 1, num_predict: 20 };
  const answer = await ollama.chat({ model: MODEL, messages: MESSAGES, think: true, options });
  assertEquals(answer.message, { role: "assistant", content: "Hello you", thinking: "Hm." });
  assertEquals([answer.done, answer.done_reason, answer.eval_count], [true, "stop", 4]);
  assert(answer.total_duration > 0 && answer.eval_duration > 0);
  assertEquals(engine.requests[0].options.maxTokens, 20);
});

Deno.test("ollama client: a streamed chat", async () => {
  const { ollama } = client(SCRIPT);
  const parts = [];
  const stream = await ollama.chat({ model: MODEL, messages: MESSAGES, stream: true });
  for await (const part of stream) parts.push(part);
  const texts = parts.map(({ message }) => message.thinking ?? message.content);
  assertEquals(texts, ["Hm", ".", "Hello", " you", ""]);
  assertEquals(parts.map(({ done }) => done), [false, false, false, false, true]);
});

Deno.test("ollama client: functions are called with objects and their results go back", async () => {
  const call = '<tool_call>\n{"name": "add", "arguments": {"a": 1, "b": 2}}\n</tool_call>';
  const { ollama } = client({ content: [call] });
  const number = { type: "number" };
  const parameters = { type: "object", required: ["a"], properties: { a: number, b: number } };
  const tools: Tool[] = [{ type: "function", function: { name: "add", parameters } }];
  const { message } = await ollama.chat({ model: MODEL, messages: MESSAGES, tools });
  assertEquals(message.tool_calls?.[0].function.arguments, { a: 1, b: 2 });
  const messages = [...MESSAGES, message, { role: "tool", content: "3", tool_name: "add" }];
  const next = await ollama.chat({ model: MODEL, messages, tools });
  assertEquals(next.message.role, "assistant");
});

Deno.test("ollama client: a JSON schema as the format", async () => {
  const { ollama, engine } = client({ content: ['{"a":1}'] });
  const format = { type: "object", properties: { a: { type: "number" } } };
  const { message } = await ollama.chat({ model: MODEL, messages: MESSAGES, format });
  assertEquals(JSON.parse(message.content), { a: 1 });
  assertEquals(engine.requests[0].constraint, {
    ...{ kind: "schema", schema: format, field: "response_format" },
  });
});

Deno.test("ollama client: generate, whole, streamed and continued; load and unload", async () => {
  const { ollama } = client(SCRIPT);
  const whole = await ollama.generate({ model: MODEL, prompt: "Hi", think: true });
  assertEquals([whole.response, whole.thinking], ["Hello you", "Hm."]);
  const { context } = whole;
  const texts = [];
  const stream = await ollama.generate({ model: MODEL, prompt: "And?", context, stream: true });
  for await (const { response } of stream) texts.push(response);
  assertEquals(texts.join(""), "Hello you");
  const loaded = await ollama.generate({ model: MODEL, prompt: "", keep_alive: "10m" });
  assertEquals(loaded.done_reason, "load");
  const unloaded = await ollama.generate({ model: MODEL, prompt: "", keep_alive: 0 });
  assertEquals(unloaded.done_reason, "unload");
});

Deno.test("ollama client: embeddings, models, version", async () => {
  const { ollama } = client(SCRIPT);
  const { embeddings } = await ollama.embed({ model: MODEL, input: ["a", "b"] });
  assertEquals(embeddings, [[1, 0], [1, 0]]);
  assertEquals((await ollama.embeddings({ model: MODEL, prompt: "a" })).embedding, [1, 0]);
  assertEquals((await ollama.list()).models.map(({ name }) => name), [MODEL]);
  assertEquals((await ollama.ps()).models[0].size_vram, 0);
  assertEquals((await ollama.show({ model: MODEL })).details.family, "llama");
  assertEquals((await ollama.version()).version, "0");
});

Deno.test("ollama client: errors, before and in a stream", async () => {
  const { ollama } = client({ content: ["Hel"], error: new Error("boom") });
  const unknown = () => ollama.chat({ model: "other", messages: MESSAGES });
  const error = await assertRejects(unknown, Error, "is not served here");
  assertEquals((error as Error & { status_code: number }).status_code, 404);
  await assertRejects(() => ollama.pull({ model: "other" }), Error, "aha serve");
  const read = async () => {
    const stream = await ollama.chat({ model: MODEL, messages: MESSAGES, stream: true });
    for await (const { message } of stream) assertStringIncludes("Hel", message.content);
  };
  await assertRejects(read, Error, "Internal error");
});

Deno.test("ollama client: an aborted stream frees its place", async () => {
  const { ollama, engine } = client({ content: new Array(200).fill("word "), pauseMs: 2 });
  const stream = await ollama.chat({ model: MODEL, messages: MESSAGES, stream: true });
  const read = async () => {
    for await (const _part of stream) stream.abort();
  };
  await assertRejects(read, Error);
  const started = performance.now();
  while (engine.open > 0 && performance.now() - started < 1_000) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assertEquals([engine.open, engine.aborted], [0, 1]);
});
