/** Tests of /api/chat on the wire. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { changedModel } from "../../../../../tests/support/changed_model.ts";
import {
  keysOf,
  linesOf,
  OLLAMA_FIELDS as FIELDS,
} from "../../../../../tests/support/ollama_fields.ts";
import { scriptedApp } from "../../../../../tests/support/scripted_app.ts";

const MESSAGES = [{ role: "user", content: "Hi" }];
const SCRIPT = { reasoning: ["Hm", "."], content: ["Hello", " you"] };
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

type Line = Record<string, unknown> & { message: Record<string, unknown> };

async function chat(app: ReturnType<typeof scriptedApp>, body: object): Promise<Line[]> {
  const response = await app.post("/api/chat", { model: "scripted", messages: MESSAGES, ...body });
  assertEquals(response.status, 200);
  return linesOf(await response.text()) as Line[];
}

Deno.test("chat: a stream has a line for each piece and one for the end, with exact fields", async () => {
  const app = scriptedApp(SCRIPT);
  const response = await app.post("/api/chat", { model: "scripted", messages: MESSAGES });
  assertEquals(response.headers.get("content-type"), "application/x-ndjson");
  const lines = linesOf(await response.text()) as Line[];
  const last = lines.pop()!;
  assertEquals(lines.map(({ message }) => message), [
    { role: "assistant", content: "", thinking: "Hm" },
    { role: "assistant", content: "", thinking: "." },
    { role: "assistant", content: "Hello" },
    { role: "assistant", content: " you" },
  ]);
  for (const line of lines) {
    assertEquals(keysOf(line), [...FIELDS.chatLine].sort());
    assertMatch(line.created_at as string, RFC_3339);
    assertEquals([line.model, line.done], ["scripted", false]);
  }
  assertEquals(keysOf(last), [...FIELDS.chatEnd].sort());
  assertEquals(last.message, { role: "assistant", content: "" });
  assertEquals([last.done, last.done_reason], [true, "stop"]);
  assertEquals([last.prompt_eval_count, last.eval_count], [10, 4]);
  assertEquals([last.prompt_eval_duration, last.eval_duration], [60e6, 80e6]);
  assertEquals(app.engine.open, 0);
});

Deno.test("chat: whole answers", async () => {
  const [answer, ...more] = await chat(scriptedApp(SCRIPT), { stream: false });
  assertEquals(more, []);
  assertEquals(keysOf(answer), [...FIELDS.chatEnd].sort());
  assertEquals(answer.message, { role: "assistant", content: "Hello you", thinking: "Hm." });
  const cut = scriptedApp({ content: ["Hello"], finishReason: "length" });
  assertEquals((await chat(cut, { stream: false }))[0].done_reason, "length");
  assertEquals((await chat(cut, {})).at(-1)?.done_reason, "length");
});

Deno.test("chat: log-probabilities only where asked for", async () => {
  const app = scriptedApp({ content: ["é"] });
  const token = { token: "é", logprob: -0.5, bytes: [195, 169] };
  const [line] = await chat(app, { logprobs: true, top_logprobs: 1 });
  assertEquals(line.logprobs, [{ ...token, top_logprobs: [token] }]);
  const [whole] = await chat(app, { logprobs: true, stream: false });
  assertEquals(whole.logprobs, [token]);
  const [without] = await chat(app, { top_logprobs: 1 });
  assertEquals("logprobs" in without, false);
});

Deno.test("chat: options, format, think and history reach the model", async () => {
  const app = scriptedApp(SCRIPT, { maxTokens: 100 });
  const schema = { type: "object", properties: {} };
  await chat(app, {
    messages: [{ role: "system", content: "Be brief." }, ...MESSAGES],
    options: { seed: 3, temperature: 0, num_predict: 500, num_ctx: 512, stop: ["\n"] },
    ...{ format: schema, think: "low", shift: true },
  });
  const { prompt, options, constraint } = app.engine.requests[0];
  assert(prompt.kind === "chat");
  assertEquals(prompt.messages.map(({ role }) => role), ["system", "user"]);
  const { seed, temperature, maxTokens, stop, onFullContext } = options;
  assertEquals([seed, temperature, maxTokens, stop], [3, 0, 100, ["\n"]]);
  assertEquals([onFullContext, options.think ?? prompt.think], ["slide", 512]);
  assertEquals(constraint, { kind: "schema", schema, field: "response_format" });
});

Deno.test("chat: a function is called with an object, and its result goes back", async () => {
  const call = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>';
  const app = scriptedApp({ content: [call] });
  const parameters = { type: "object", properties: { a: { type: "number" } } };
  const tools = [{ type: "function", function: { name: "add", parameters } }];
  const lines = await chat(app, { tools });
  const [made] = lines[0].message.tool_calls as { id: string; function: unknown }[];
  assertEquals(lines[0].message.content, "");
  assertEquals(made.function, { index: 0, name: "add", arguments: { a: 1 } });
  assertEquals(lines.at(-1)?.done_reason, "stop");
  const [whole] = await chat(app, { tools, stream: false });
  assertEquals((whole.message.tool_calls as unknown[]).length, 1);
  const messages = [...MESSAGES, lines[0].message, {
    role: "tool",
    content: "2",
    tool_name: "add",
  }];
  await chat(app, { tools, messages });
  const { prompt } = app.engine.requests.at(-1)!;
  assertStringIncludes(JSON.stringify(prompt), "add");
});

Deno.test("chat: without messages the model is loaded, or unloaded", async () => {
  const unloaded: string[] = [];
  const unload = (name: string) => Promise.resolve(void unloaded.push(name));
  const app = scriptedApp(SCRIPT, {}, () => ({ unload }));
  const fields = ["model", "created_at", "message", "done", "done_reason"].sort();
  const [loaded] = await chat(app, { messages: [], keep_alive: "10m" });
  assertEquals([keysOf(loaded), loaded.done_reason], [fields, "load"]);
  const [gone] = await chat(app, { model: "scripted:latest", messages: [], keep_alive: 0 });
  assertEquals([gone.done_reason, gone.model, unloaded], ["unload", "scripted:latest", [
    "scripted",
  ]]);
  assertEquals(app.engine.acquired.map((options) => options?.keepAliveMs), [600_000]);
  assertEquals([app.engine.open, app.engine.requests.length], [0, 0]);
  const aliased = scriptedApp(SCRIPT, {}, ({ find }) => ({
    unload,
    find: (asked) => find(asked === "alias" ? "scripted" : asked),
  }));
  await chat(aliased, { model: "alias", messages: [], keep_alive: 0 });
  assertEquals([unloaded.at(-1), aliased.engine.acquired.length], ["scripted", 0]);
  const unknown = await app.post("/api/chat", { model: "other", messages: [], keep_alive: 0 });
  assertEquals(unknown.status, 404);
});

Deno.test("chat: how long the model stays", async () => {
  const app = scriptedApp(SCRIPT);
  for (const keep_alive of [undefined, "1h", 90, 0, -1, "-1s"]) await chat(app, { keep_alive });
  const kept = app.engine.acquired.map((options) => options?.keepAliveMs);
  assertEquals(kept, [undefined, 3_600_000, 90_000, 0, Infinity, Infinity]);
});

Deno.test("chat: what is wrong is told in a sentence", async () => {
  const app = scriptedApp(SCRIPT);
  const wrong: readonly (readonly [object, string])[] = [
    [{ model: undefined }, "model is missing"],
    [{ model: 7 }, "model must be a string"],
    [{ messages: "Hi" }, "messages must be an array"],
    [{ messages: [{ role: "robot", content: "" }] }, 'messages[0].role must be "system" or'],
    [{ messages: [{ role: "user", content: ["Hi"] }] }, "messages[0].content must be a string"],
    [{ messages: [{ ...MESSAGES[0], images: ["iVBO"] }] }, "Images are not taken"],
    [{ options: [] }, "options must be an object"],
    [{ options: { temperature: "warm" } }, "options.temperature must be a number"],
    [{ options: { top_p: 2 } }, "options.top_p must be at most 1"],
    [{ options: { seed: 1.5 } }, "options.seed must be"],
    [{ options: { num_predict: -3 } }, "options.num_predict must be at least -2"],
    [{ options: { typical_p: 0.5 } }, "options.typical_p must be 1"],
    [{ options: { num_ctx: 513 } }, "options.num_ctx is 513"],
    [{ keep_alive: "soon" }, "keep_alive must be"],
    [{ keep_alive: true }, "keep_alive must be"],
    [{ think: "deeply" }, "think must be"],
    [{ format: "xml" }, "format must be"],
    [{ top_logprobs: 21 }, "top_logprobs must be at most 20"],
    [{ tools: [{ type: "function", function: {} }] }, "tools[0].function.name is missing"],
    [{ stream: "yes" }, "stream must be true or false"],
  ];
  for (const [body, sentence] of wrong) {
    const response = await app.post("/api/chat", {
      model: "scripted",
      messages: MESSAGES,
      ...body,
    });
    const text = await response.text();
    assertEquals([response.status, keysOf(JSON.parse(text))], [400, ["error"]], text);
    assertStringIncludes(JSON.parse(text).error, sentence);
  }
  assertEquals([app.engine.open, app.engine.requests.length], [0, 0]);
});

Deno.test("chat: thinking is refused where the model cannot", async () => {
  const unthinking = changedModel(({ facts }) => ({ facts: { ...facts, isReasoning: false } }));
  const app = scriptedApp(SCRIPT, {}, unthinking);
  const ask = (think: unknown) =>
    app.post("/api/chat", { model: "scripted", messages: MESSAGES, think });
  for (const think of [true, "high"]) {
    const response = await ask(think);
    assertEquals(response.status, 400);
    assertStringIncludes((await response.json()).error, "does not support thinking");
  }
  assertEquals((await ask(false)).status, 200);
});

Deno.test("chat: errors before the stream have a status, later ones are its last line", async () => {
  const unknown = await scriptedApp(SCRIPT).post("/api/chat", { model: "x", messages: MESSAGES });
  assertEquals([unknown.status, unknown.headers.get("content-type")], [404, "application/json"]);
  assertStringIncludes((await unknown.json()).error, '"x" is not served here');
  const seen: unknown[] = [];
  const error = new Error("disk /home/me is on fire");
  const broken = scriptedApp({ content: ["Hel"], error }, {
    onError: (seenError) => seen.push(seenError),
  });
  const [piece, last] = await chat(broken, {});
  assertEquals(piece.message.content, "Hel");
  assertEquals(last as unknown, { error: "Internal error" });
  assertEquals([seen, broken.engine.open], [[error], 0]);
  const whole = await broken.post("/api/chat", {
    model: "scripted",
    messages: MESSAGES,
    stream: false,
  });
  assertEquals([whole.status, await whole.json()], [500, { error: "Internal error" }]);
});

Deno.test("chat: a reader that leaves ends the answer and gives the place back", async () => {
  const app = scriptedApp({ content: new Array(50).fill("word "), pauseMs: 2 });
  const response = await app.post("/api/chat", { model: "scripted", messages: MESSAGES });
  const reader = response.body!.getReader();
  await reader.read();
  assertEquals(app.engine.open, 1);
  await reader.cancel();
  assertEquals([app.engine.open, app.engine.aborted], [0, 1]);
});

Deno.test("chat: signs of life are space before an object, which parsers skip", async () => {
  const app = scriptedApp({ content: ["slow"], pauseMs: 60 }, { keepAliveMs: 10 });
  const response = await app.post("/api/chat", { model: "scripted", messages: MESSAGES });
  const text = await response.text();
  assertMatch(text, /^ +\{/);
  assertEquals(linesOf(text).length, 2);
});

Deno.test("chat: curl's content type is taken", async () => {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const app = scriptedApp(SCRIPT);
  const body = { model: "scripted", messages: MESSAGES, stream: false };
  assertEquals((await app.post("/api/chat", body, { headers })).status, 200);
});
