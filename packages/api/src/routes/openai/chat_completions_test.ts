/** Tests of chat_completions.ts. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  framesOf,
  type ScriptedApp,
  scriptedApp,
} from "../../../../../tests/support/scripted_app.ts";
import type { ChatPrompt } from "../../engine/served_model.ts";

const PATH = "/v1/chat/completions";
const messages = [{ role: "user", content: "hi" }];
const weather = { type: "function", function: { name: "weather", parameters: { type: "object" } } };
const CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Bonn"}}\n</tool_call>';

// deno-lint-ignore no-explicit-any
type Json = any;

const keysOf = (value: object) => Object.keys(value).sort();

async function answered(app: ScriptedApp, body: object): Promise<Json> {
  const response = await app.post(PATH, { messages, ...body });
  const text = await response.text();
  assertEquals(response.status, 200, text);
  return JSON.parse(text);
}

async function streamed(app: ScriptedApp, body: object): Promise<Json[]> {
  const response = await app.post(PATH, { messages, stream: true, ...body });
  assertEquals(response.status, 200);
  return framesOf(await response.text());
}

/** What the model was asked for. */
async function askedFor(body: object, options = {}) {
  const app = scriptedApp({ content: ["a"] }, options);
  await answered(app, body);
  const [{ prompt, ...request }] = app.engine.requests;
  return { prompt: prompt as ChatPrompt, ...request, acquired: app.engine.acquired[0] };
}

async function refused(body: object, options = {}): Promise<Json> {
  const app = scriptedApp({ content: ["a"] }, options);
  const response = await app.post(PATH, { messages, ...body });
  assertEquals(app.engine.open, 0);
  return { status: response.status, ...(await response.json()).error };
}

const USAGE = {
  ...{ prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 },
  prompt_tokens_details: { cached_tokens: 4 },
  completion_tokens_details: { reasoning_tokens: 1 },
  ...{ prompt_cache_hit_tokens: 4, prompt_cache_miss_tokens: 6 },
};
const TIMINGS = {
  ...{ cache_n: 4, prompt_n: 6, prompt_ms: 60, prompt_per_token_ms: 10, prompt_per_second: 100 },
  ...{ predicted_n: 3, predicted_ms: 60, predicted_per_token_ms: 20, predicted_per_second: 50 },
};

Deno.test("chat completions: every field of a whole answer, on all three paths", async () => {
  for (const path of [PATH, "/chat/completions", "/beta/chat/completions"]) {
    const app = scriptedApp({ reasoning: ["hm"], content: ["Hel", "lo"] });
    const answer = await (await app.post(path, { messages })).json();
    const { id, created, ...rest } = answer;
    assertMatch(id, /^chatcmpl-[0-9a-f]{32}$/);
    assert(Math.abs(created - Date.now() / 1000) < 5);
    assertEquals(rest, {
      ...{ object: "chat.completion", model: "scripted" },
      system_fingerprint: "fp_wasm_simd_Q8_0_1100000",
      choices: [{
        index: 0,
        message: { role: "assistant", content: "Hello", reasoning_content: "hm", refusal: null },
        ...{ logprobs: null, finish_reason: "stop" },
      }],
      ...{ usage: USAGE, timings: TIMINGS },
    });
    assertEquals(app.engine.open, 0);
  }
});

Deno.test("chat completions: a stream frame by frame", async () => {
  const app = scriptedApp({ reasoning: ["hm"], content: ["Hel", "lo"] });
  const frames = await streamed(app, {});
  assertEquals(frames.pop(), "[DONE]");
  for (const frame of frames) {
    const { choices: _, timings: __, ...head } = frame;
    assertEquals(keysOf(head), ["created", "id", "model", "object", "system_fingerprint"]);
    assertEquals(head.object, "chat.completion.chunk");
    assertEquals(head.id, frames[0].id);
  }
  const choice = (delta: object, finish_reason: string | null = null) => [
    { index: 0, delta, logprobs: null, finish_reason },
  ];
  assertEquals(frames.map(({ choices }) => choices), [
    choice({ role: "assistant", content: "" }),
    choice({ reasoning_content: "hm" }),
    choice({ content: "Hel" }),
    choice({ content: "lo" }),
    choice({}, "stop"),
  ]);
  assertEquals(frames.map(({ timings }) => timings), [...Array(4).fill(undefined), TIMINGS]);
});

Deno.test("chat completions: include_usage adds a chunk and null to the others", async () => {
  const app = scriptedApp({ reasoning: ["hm"], content: ["Hel", "lo"] });
  const frames = await streamed(app, { stream_options: { include_usage: true } });
  assertEquals(frames.pop(), "[DONE]");
  const last = frames.pop();
  assertEquals([last.choices, last.usage], [[], USAGE]);
  for (const frame of frames) assertEquals(frame.usage, null);
});

Deno.test("chat completions: several choices, the prompt counted once", async () => {
  const app = scriptedApp(({ options }) => ({ content: [`${options.choice}`] }));
  const answer = await answered(app, { n: 3, seed: 7 });
  assertEquals(answer.choices.map((one: Json) => [one.index, one.message.content]), [
    ...[[0, "0"], [1, "1"], [2, "2"]],
  ]);
  assertEquals(answer.usage.prompt_tokens, 10);
  assertEquals(answer.usage.completion_tokens, 3);
  assertEquals(app.engine.acquired[0]?.places, 3);
  assertEquals(app.engine.requests.map(({ options }) => options.seed), [7, 7, 7]);
  const frames = await streamed(app, { n: 2 });
  for (const index of [0, 1]) {
    const own = frames.filter((frame) => frame.choices?.[0].index === index);
    assertEquals(own[0].choices[0].delta.role, "assistant");
    assertEquals(own.at(-1).choices[0].finish_reason, "stop");
  }
});

Deno.test("chat completions: log-probabilities of content and thoughts", async () => {
  const app = scriptedApp({ reasoning: ["hm"], content: ["é"] });
  const { choices: [{ logprobs }] } = await answered(app, { logprobs: true, top_logprobs: 2 });
  const alternative = { token: "é", logprob: -0.5, bytes: [0xc3, 0xa9] };
  assertEquals(logprobs.content, [{ ...alternative, top_logprobs: [alternative] }]);
  assertEquals(logprobs.reasoning_content[0].token, "hm");
  assertEquals(keysOf(logprobs), ["content", "reasoning_content", "refusal"]);
  assertEquals(app.engine.requests[0].options.topLogprobs, 2);
  const plain = await answered(app, { logprobs: true });
  assertEquals(plain.choices[0].logprobs.content[0].top_logprobs, []);
  const frames = await streamed(app, { logprobs: true });
  assertEquals(frames[2].choices[0].logprobs, {
    content: [{ ...alternative, top_logprobs: [] }],
    refusal: null,
  });
});

Deno.test("chat completions: calls, whole and streamed", async () => {
  const app = scriptedApp({ content: ["Wait. ", ...CALL] });
  const { choices: [{ message, finish_reason }] } = await answered(app, { tools: [weather] });
  assertEquals([finish_reason, message.content?.trim()], ["tool_calls", "Wait."]);
  const [call] = message.tool_calls;
  assertMatch(call.id, /^call_[A-Za-z0-9]{24}$/);
  const wanted = { name: "weather", arguments: '{"city": "Bonn"}' };
  assertEquals(call, { id: call.id, type: "function", function: wanted });
  const frames = await streamed(app, { tools: [weather] });
  const deltas = frames.filter(({ choices }) => choices?.[0].delta.tool_calls);
  assertEquals(deltas.length, 1);
  const [{ index, id, type, function: called }] = deltas[0].choices[0].delta.tool_calls;
  assertEquals([index, type, called], [0, "function", wanted]);
  assertMatch(id, /^call_/);
  assertEquals(frames.at(-2).choices[0].finish_reason, "tool_calls");
  const bare = scriptedApp({ content: [CALL] });
  const alone = await answered(bare, { tools: [weather] });
  assertEquals(alone.choices[0].message.content, null);
  const [begin] = await streamed(bare, { tools: [weather] });
  assertEquals(begin.choices[0].delta, { role: "assistant", content: null });
});

Deno.test("chat completions: keys of logit_bias are ids, names of functions are plain", async () => {
  for (const key of ["", " 5", "0x10", "1.0", "-1", "x"]) {
    const { status, message } = await refused({ logit_bias: { [key]: 1 } });
    assertEquals([status, message], [400, `logit_bias.${key} is no token id`]);
  }
  const proto = JSON.parse('{"logit_bias": {"__proto__": 1, "5": 2}}'); // left out
  assertEquals((await askedFor(proto)).options.logitBias, { 5: 2 });
  const tools = [{ type: "function", function: { name: "a b" } }];
  const { message } = await refused({ tools });
  assertEquals(message, "tools[0].function.name must be 1 to 64 letters, digits, _ and -");
  const { message: long } = await refused({ stop: Array(17).fill("a") });
  assertEquals(long, "stop must be at most 16 long");
});

Deno.test("chat completions: calls and results of the past, parts of content, developers", async () => {
  const call = { id: "call_1", type: "function", function: { name: "weather", arguments: "{}" } };
  const { prompt } = await askedFor({
    messages: [
      {
        role: "developer",
        content: [{ type: "text", text: "be" }, { type: "text", text: "kind" }],
      },
      { role: "user", content: "hi", name: "me" },
      { role: "assistant", content: null, tool_calls: [call], reasoning_content: "hm" },
      { role: "tool", tool_call_id: "call_1", content: "sunny" },
    ],
  });
  assertEquals(prompt.messages.map(({ role }) => role).slice(0, 2), ["system", "user"]);
  assertEquals(prompt.messages[0].content, "be\nkind");
  assert(JSON.stringify(prompt.messages).includes("sunny"));
});

Deno.test("chat completions: sampling and limits become the model's options", async () => {
  const { options } = await askedFor({
    ...{ temperature: 0.3, top_p: 0.9, top_k: 5, min_p: 0.1, repetition_penalty: 1.1, seed: 3 },
    ...{ presence_penalty: 1, frequency_penalty: -1, logit_bias: { 5: 10 }, stop: "x" },
    ...{ max_tokens: 50, min_tokens: 2, ignore_eos: true },
  });
  assertEquals(options, {
    ...{ temperature: 0.3, topP: 0.9, topK: 5, minP: 0.1, repeatPenalty: 1.1, seed: 3, choice: 0 },
    ...{ presencePenalty: 1, frequencyPenalty: -1, logitBias: { 5: 10 }, stop: ["x"] },
    ...{ maxTokens: 50, minTokens: 2, ignoreEnd: true },
  });
  const optionsOf = async (body: object, more = {}) => (await askedFor(body, more)).options;
  assertEquals((await optionsOf({ stop: ["a", "b", "c", "d", "e"] })).stop?.length, 5);
  assertEquals((await optionsOf({ max_tokens: 5, max_completion_tokens: 7 })).maxTokens, 7);
  assertEquals((await optionsOf({ max_tokens: 50 }, { maxTokens: 20 })).maxTokens, 20);
  assertEquals((await optionsOf({}, { maxTokens: 20 })).maxTokens, 20);
  assertEquals((await optionsOf({ max_tokens: null, stop: null })).maxTokens, undefined);
  assertEquals((await optionsOf({ top_k: -1 })).topK, 0);
});

Deno.test("chat completions: thinking and effort become a budget", async () => {
  const thinkOf = async (body: object) => (await askedFor(body)).prompt.think;
  assertEquals(await thinkOf({}), undefined);
  assertEquals(await thinkOf({ thinking: { type: "enabled" } }), "on");
  assertEquals(await thinkOf({ thinking: { type: "disabled" }, reasoning_effort: "high" }), "off");
  assertEquals(await thinkOf({ thinking: { type: "enabled", budget_tokens: 77 } }), 77);
  const budgets = { none: "off", minimal: 128, low: 512, medium: 2048, high: 8192, xhigh: "on" };
  for (const [reasoning_effort, budget] of Object.entries(budgets)) {
    assertEquals(await thinkOf({ reasoning_effort }), budget as number);
  }
  assertEquals(await thinkOf({ model: "deepseek-reasoner" }), "on");
  assertEquals(await thinkOf({ model: "deepseek-chat" }), "off");
  assertEquals(await thinkOf({ model: "deepseek-chat", reasoning_effort: "low" }), 512);
});

Deno.test("chat completions: response_format becomes a constraint", async () => {
  const constraintOf = async (response_format: object) =>
    (await askedFor({ response_format })).constraint;
  const schema = { type: "object", properties: { a: { type: "integer" } } };
  assertEquals(await constraintOf({ type: "text" }), undefined);
  assertEquals(await constraintOf({ type: "json_object" }), { kind: "json" });
  const named = { type: "json_schema", json_schema: { name: "x", strict: true, schema } };
  assertEquals(await constraintOf(named), { kind: "schema", schema, field: "response_format" });
});

Deno.test("chat completions: DeepSeek's prefix completion", async () => {
  const prefixed = { role: "assistant", content: "```py\n", prefix: true };
  const { prompt } = await askedFor({ messages: [...messages, prefixed] });
  assertEquals([prompt.prefix, prompt.messages.length], ["```py\n", 1]);
  for (
    const wrong of [
      [prefixed],
      [prefixed, ...messages],
      [{ role: "user", content: "a", prefix: true }],
      [...messages, { ...prefixed, reasoning_content: "hm" }],
    ]
  ) {
    const { status, param } = await refused({ messages: wrong });
    assertEquals([status, /^messages\[\d\]\.prefix$/.test(param)], [400, true]);
  }
});

Deno.test("chat completions: cost from the model's prices", async () => {
  const prices = { currency: "EUR", cacheHit: 1, cacheMiss: 10, output: 100 };
  const app = scriptedApp({ reasoning: ["hm"], content: ["a", "b"] }, {}, (engine) => ({
    acquire: async (...asked) => {
      const lease = await engine.acquire(...asked);
      return { ...lease, entry: { ...lease.entry, prices } };
    },
  }));
  const { usage } = await answered(app, {});
  assertEquals([usage.cost, usage.cost_currency], [(4 * 1 + 6 * 10 + 3 * 100) / 1e6, "EUR"]);
});

Deno.test("chat completions: who asks and for which model", async () => {
  const keys = { apiKeys: [{ name: "me", key: "k" }] };
  const app = scriptedApp({ content: ["a"] }, keys);
  const headers = { authorization: "Bearer k" };
  await app.post(PATH, { messages, model: "scripted", user: "x", service_tier: "flex", odd: 1 }, {
    headers,
  });
  assertEquals(app.engine.acquired[0]?.client, "me");
  const { status, code, param } = await refused({ model: "gpt-4o" });
  assertEquals([status, code, param], [404, "model_not_found", "model"]);
});

Deno.test("chat completions: what is refused, with the field that is to blame", async () => {
  const TABLE: readonly [object, number, string][] = [
    [{ n: 9 }, 400, "n"],
    [{ top_logprobs: 2 }, 400, "top_logprobs"],
    [{ lora: "x" }, 400, "lora"],
    [{ lora: [{ id: 0 }] }, 400, "lora[0].scale"],
    [{ functions: [] }, 400, "functions"],
    [{ tool_choice: "required" }, 400, "tool_choice"],
    [{ tools: [weather, weather] }, 400, "tools[1].function.name"],
    [{ messages: [] }, 400, "messages"],
    [{ messages: [{ role: "user" }] }, 400, "messages[0].content"],
  ];
  for (const [body, wantedStatus, wantedParam] of TABLE) {
    const { status, param, message } = await refused(body);
    assertEquals([status, param], [wantedStatus, wantedParam], message);
  }
  assertEquals((await refused({ n: 9 }, { maxChoices: 9 })).status, 200);
});
