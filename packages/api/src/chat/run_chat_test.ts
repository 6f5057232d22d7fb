/** Tests of run_chat.ts with models that say what is written down. */
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import {
  type Script,
  type ScriptedEngine,
  scriptedEngine,
} from "../../../../tests/support/scripted_engine.ts";
import { toolTemplates } from "../../../../tests/support/tool_templates.ts";
import type { GenerationRequest, ServedModel } from "../engine/served_model.ts";
import type { ChatEvent } from "./chat_event.ts";
import type { ChatRequest, FunctionTool } from "./chat_request.ts";
import { ChatRequestError } from "./chat_request_error.ts";
import { runChat, type SchemaCheck } from "./run_chat.ts";
import { templateAbilities } from "./tools/template_abilities.ts";
import { writeCalls } from "./tools/tool_dialect.ts";

const USER = { role: "user", content: "Hi" };
const WEATHER: FunctionTool = {
  name: "weather",
  parameters: { type: "object", required: ["city"] },
};
const TOOLS = [WEATHER, { name: "now", strict: false }];

async function scripted(
  script: Script | ((request: GenerationRequest) => Script),
  chatTemplate: string | undefined = toolTemplates.qwen3,
): Promise<{ readonly model: ServedModel; readonly engine: ScriptedEngine }> {
  const engine = scriptedEngine(script);
  const { model } = await engine.acquire(undefined);
  return { engine, model: { ...model, facts: { ...model.facts, chatTemplate } } };
}

async function answer(
  script: Script,
  request: Partial<ChatRequest> = {},
  template?: string,
  check?: SchemaCheck,
): Promise<ChatEvent[]> {
  const { model } = await scripted(script, template);
  const all: ChatRequest = { messages: [USER], options: {}, ...request };
  return await Array.fromAsync(runChat(model, all, undefined, check));
}

/** Texts joined, calls by name and arguments, and why it ended. */
function summary(events: readonly ChatEvent[]): readonly string[] {
  const parts: string[] = [];
  let isText = false;
  for (const event of events) {
    if (event.type === "tool_call") {
      parts.push(`${event.index}: ${event.call.name}(${event.call.arguments})`);
    } else if (event.type === "end") parts.push(event.finishReason);
    else if (isText) parts[parts.length - 1] += event.text;
    else parts.push(event.text);
    isText = event.type === "content";
  }
  return parts;
}

Deno.test("runChat: thoughts, content and the end are passed on as they are", async () => {
  const script = {
    reasoning: ["Hm", "."],
    content: ["A", "", "b"],
    finishReason: "length",
  } as const;
  const events = await answer(script, { options: { topLogprobs: 1, seed: 5 } });
  const { engine, model } = await scripted(script);
  const request = { prompt: { kind: "text", text: "" }, options: { topLogprobs: 1 } } as const;
  const made = await Array.fromAsync(model.generate(request));
  assertEquals(events, made.map((event) => ({ choice: 0, ...event })));
  assertEquals(engine.aborted, 0);
});

Deno.test("runChat: choices are made at once, under one seed, and told as they come", async () => {
  const { engine, model } = await scripted(({ options }) => ({
    content: [`${options.choice}a`, `${options.choice}b`],
    pauseMs: options.choice === 1 ? 30 : 1,
  }));
  const request: ChatRequest = { messages: [USER], options: {}, choices: 3 };
  const events = await Array.fromAsync(runChat(model, request));
  for (const choice of [0, 1, 2]) {
    const own = events.filter((event) => event.choice === choice);
    assertEquals(summary(own), [`${choice}a${choice}b`, "stop"]);
  }
  const order = events.filter(({ type }) => type === "end").map(({ choice }) => choice);
  assertEquals(order.at(-1), 1);
  assertEquals(engine.requests.map(({ options }) => options.choice), [0, 1, 2]);
  const seeds = new Set(engine.requests.map(({ options }) => options.seed));
  assertEquals([seeds.size, typeof [...seeds][0]], [1, "number"]);
});

Deno.test("runChat: leaving, aborting and the failure of one close all", async () => {
  const request: ChatRequest = { messages: [USER], options: {}, choices: 3 };
  const endless = { content: Array.from({ length: 10_000 }, () => "x"), pauseMs: 1 };
  {
    const { engine, model } = await scripted(endless);
    for await (const _ of runChat(model, request)) break;
    assertEquals(engine.aborted, 3);
  }
  {
    const { engine, model } = await scripted(endless);
    const controller = new AbortController();
    await assertRejects(
      async () => {
        for await (const _ of runChat(model, request, controller.signal)) {
          controller.abort(new DOMException("gone", "AbortError"));
        }
      },
      DOMException as never,
      "gone",
    );
    assertEquals(engine.aborted, 3);
  }
  {
    const { engine, model } = await scripted(({ options }) =>
      options.choice === 2 ? { content: ["y"], error: new RangeError("broken") } : endless
    );
    await assertRejects(() => Array.fromAsync(runChat(model, request)), RangeError, "broken");
    assertEquals(engine.aborted, 3);
  }
});

Deno.test("runChat: a request that makes no sense is refused before anything runs", async () => {
  const { engine, model } = await scripted({ content: [] });
  const bad: ChatRequest = { messages: [], options: {} };
  assertThrows(() => runChat(model, bad), ChatRequestError);
  assertEquals(engine.requests.length, 0);
});

Deno.test("runChat: calls in the form of each template, whatever the cuts", async () => {
  const calls = [
    { name: "weather", arguments: '{"city": "Paris"}' },
    { name: "now", arguments: "{}" },
  ];
  for (const [name, template] of Object.entries(toolTemplates)) {
    const { dialect } = templateAbilities(template);
    const written = calls.slice(0, dialect.mostCalls);
    const head = dialect.onlyAtStart ? "" : "Let me look.\n";
    const text = head + writeCalls(dialect, written);
    const expected = [
      ...head.trimEnd() ? [head.trimEnd()] : [],
      ...written.map((call, i) => `${i}: ${call.name}(${call.arguments})`),
      "tool_calls",
    ];
    for (let at = 0; at < text.length; at++) {
      const content = at === 0 ? [...text] : [text.slice(0, at), text.slice(at)];
      const events = await answer({ content }, { tools: TOOLS }, template);
      assertEquals(summary(events), expected, `${name}, cut at ${at}`);
    }
  }
});

Deno.test("runChat: calls have ids of their own, thoughts are no calls", async () => {
  const text = '<tool_call>{"name": "now", "arguments": {}}</tool_call>';
  const events = await answer({ reasoning: [text], content: [text, text] }, { tools: TOOLS });
  const ids = events.flatMap((event) => event.type === "tool_call" ? [event.call.id] : []);
  assertEquals([ids.length, new Set(ids).size], [2, 2]);
  for (const id of ids) assertMatch(id, /^call_[a-zA-Z0-9]{24}$/);
  const [thought] = events;
  assert(thought.type === "reasoning" && thought.text === text);
});

Deno.test("runChat: what is no call is content, and the end is told apart", async () => {
  const call = (name: string, text: string) =>
    `<tool_call>{"name": "${name}", "arguments": ${text}}</tool_call>`;
  const now = call("now", "{}");
  const cases: readonly (readonly [Script, Partial<ChatRequest>, readonly string[]])[] = [
    [{ content: [call("other", "{}")] }, {}, [call("other", "{}"), "stop"]],
    [{ content: ["Hi"] }, {}, ["Hi", "stop"]],
    [{ content: [] }, {}, ["stop"]],
    [{ content: ["Hi <tool"] }, {}, ["Hi <tool", "stop"]],
    [{ content: [now], finishReason: "length" }, {}, ["0: now({})", "length"]],
    [{ content: [now] }, { toolChoice: "none" }, [now, "stop"]],
    [{ content: [now, now] }, { parallelToolCalls: false }, ["0: now({})", now, "tool_calls"]],
  ];
  for (const [script, request, expected] of cases) {
    const events = await answer(script, { tools: TOOLS, ...request });
    assertEquals(summary(events), expected);
  }
});

Deno.test("runChat: arguments are checked against the schema where strict is on", async () => {
  const bad = (name: string) => `<tool_call>{"name": "${name}", "arguments": {"x": 1}}</tool_call>`;
  const asked: unknown[] = [];
  const check: SchemaCheck = (schema, value) => {
    asked.push(schema, value);
    return false;
  };
  const script = { content: [bad("weather"), bad("now")] };
  const events = await answer(script, { tools: TOOLS }, undefined, check);
  assertEquals(summary(events), [bad("weather"), '0: now({"x": 1})', "tool_calls"]);
  assertEquals<unknown>(asked, [WEATHER.parameters, { x: 1 }]);
});

Deno.test("runChat: every token of content is told, with its alternatives", async () => {
  const content = ["Let", " me", "\n", "<tool", '_call>{"name":"now","arguments":{}}'];
  const events = await answer({ content }, { tools: TOOLS, options: { topLogprobs: 1 } });
  const told = events.flatMap((event) => event.type === "content" ? event.tokens : []);
  const texts = told.map(({ bytes, top }) => [new TextDecoder().decode(bytes), top?.length]);
  assertEquals(texts, [["Let", 1], [" me", 1]]);
});
