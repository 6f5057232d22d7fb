/** Tests of responses.ts. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { framesOf, scriptedApp } from "../../../../../tests/support/scripted_app.ts";
import type { Script } from "../../../../../tests/support/scripted_engine.ts";
import type { ChatPrompt } from "../../engine/served_model.ts";

const PATH = "/v1/responses";
const CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Bonn"}}\n</tool_call>';
const weather = { type: "function", name: "weather", parameters: { type: "object" }, strict: true };

// deno-lint-ignore no-explicit-any
type Json = any;

async function answered(body: object, script: Script = { content: ["a"] }) {
  const app = scriptedApp(script);
  const response = await app.post(PATH, { input: "hi", ...body });
  const answer: Json = await response.json();
  assertEquals([response.status, app.engine.open], [200, 0], JSON.stringify(answer));
  const [{ prompt, options, constraint }] = app.engine.requests;
  return { answer, prompt: prompt as ChatPrompt, options, constraint };
}

async function streamed(body: object, script: Script): Promise<Json[]> {
  const app = scriptedApp(script, { onError: () => {} });
  const text = await (await app.post(PATH, { input: "hi", stream: true, ...body })).text();
  const events = framesOf(text) as Json[];
  for (const [i, { type, sequence_number }] of events.entries()) {
    assertEquals(sequence_number, i);
    assert(text.includes(`event: ${type}\ndata: {"type":"${type}"`));
  }
  assertEquals(app.engine.open, 0);
  return events;
}

Deno.test("responses: every field of a whole answer", async () => {
  const script = { reasoning: ["hm"], content: ["Hel", "lo"] };
  const { answer: { id, created_at, completed_at, output, ...rest } } = await answered({}, script);
  assertMatch(id, /^resp_/);
  assert(completed_at >= created_at);
  const [thought, message] = output;
  assertMatch(thought.id, /^rs_/);
  assertMatch(message.id, /^msg_/);
  assertEquals(output, [
    {
      ...{ type: "reasoning", id: thought.id, status: "completed", summary: [] },
      content: [{ type: "reasoning_text", text: "hm" }],
    },
    {
      ...{ type: "message", id: message.id, status: "completed", role: "assistant" },
      content: [{ type: "output_text", text: "Hello", annotations: [], logprobs: [] }],
    },
  ]);
  assertEquals(rest, {
    ...{ object: "response", status: "completed", background: false, error: null },
    ...{ incomplete_details: null, instructions: null, max_output_tokens: null },
    ...{ max_tool_calls: null, metadata: {}, model: "scripted", parallel_tool_calls: true },
    ...{ previous_response_id: null, reasoning: { effort: null, summary: null } },
    ...{ service_tier: "default", store: false, temperature: null },
    ...{ text: { format: { type: "text" } }, tool_choice: "auto", tools: [], top_logprobs: 0 },
    ...{ top_p: null, truncation: "disabled", user: null },
    usage: {
      ...{ input_tokens: 10, output_tokens: 3, total_tokens: 13 },
      input_tokens_details: { cached_tokens: 4, cache_write_tokens: 6 },
      output_tokens_details: { reasoning_tokens: 1 },
    },
  });
});

Deno.test("responses: what was asked is told again and becomes the model's options", async () => {
  const schema = { type: "object" };
  const format = { type: "json_schema", name: "x", schema };
  const { answer, options, constraint, prompt } = await answered({
    ...{ instructions: "be kind", temperature: 0.5, top_p: 0.9, max_output_tokens: 20 },
    ...{ text: { format }, reasoning: { effort: "low" }, metadata: { a: "b" }, user: "me" },
  });
  assertEquals([answer.instructions, answer.max_output_tokens, answer.user], ["be kind", 20, "me"]);
  assertEquals([answer.reasoning.effort, answer.text.format, answer.metadata], [
    ...["low", format, { a: "b" }],
  ]);
  assertEquals([options.temperature, options.topP, options.maxTokens], [0.5, 0.9, 20]);
  assertEquals([constraint, prompt.think], [
    { kind: "schema", schema, field: "response_format" },
    512,
  ]);
  assertEquals(prompt.messages, [
    { role: "system", content: "be kind" },
    { role: "user", content: "hi" },
  ]);
});

Deno.test("responses: input items become messages", async () => {
  const { prompt } = await answered({
    tools: [weather],
    input: [
      { role: "developer", content: "be kind" },
      { type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] },
      {
        type: "reasoning",
        id: "rs_1",
        summary: [],
        content: [{ type: "reasoning_text", text: "hm" }],
      },
      { type: "function_call", id: "fc_1", call_id: "call_1", name: "weather", arguments: "{}" },
      { type: "function_call", call_id: "call_2", name: "weather", arguments: "{}" },
      { type: "function_call_output", call_id: "call_1", output: "sunny" },
      {
        type: "function_call_output",
        call_id: "call_2",
        output: [{ type: "input_text", text: "wet" }],
      },
      { role: "assistant", content: [{ type: "output_text", text: "well", annotations: [] }] },
      { role: "user", content: "thanks" },
    ],
  });
  const text = JSON.stringify(prompt.messages);
  for (const part of ["be kind", "hi", "weather", "sunny", "wet", "well", "thanks"]) {
    assert(text.includes(part), `${part} is missing in ${text}`);
  }
  assert(text.indexOf("sunny") < text.indexOf("wet"));
});

Deno.test("responses: a thought and the message after it are one message", async () => {
  const thought = { type: "reasoning", content: [{ type: "reasoning_text", text: "hm" }] };
  const { prompt } = await answered({
    input: [{ role: "user", content: "a" }, thought, { role: "assistant", content: "b" }, {
      ...{ role: "user", content: "c" },
    }],
  });
  assertEquals(prompt.messages.map(({ role, content }) => [role, content]), [
    ...[["user", "a"], ["assistant", "b"], ["user", "c"]],
  ]);
});

Deno.test("responses: calls of functions", async () => {
  const { answer } = await answered({ tools: [weather] }, { content: ["Wait. ", ...CALL] });
  const [message, call] = answer.output;
  assertEquals(message.content[0].text.trim(), "Wait.");
  assertMatch(call.call_id, /^call_/);
  assertEquals(call, {
    ...{ type: "function_call", id: call.id, status: "completed", call_id: call.call_id },
    ...{ name: "weather", arguments: '{"city": "Bonn"}' },
  });
  assertEquals(answer.tools, [weather]);
});

Deno.test("responses: a stream's events in their order", async () => {
  const script = { reasoning: ["hm"], content: ["Wait. ", CALL] };
  const events = await streamed({ tools: [weather] }, script);
  const part = (...inner: string[]) => [
    ...["response.output_item.added", "response.content_part.added", ...inner],
    ...["response.content_part.done", "response.output_item.done"],
  ];
  assertEquals(events.map(({ type }) => type), [
    ...["response.created", "response.in_progress"],
    ...part("response.reasoning_text.delta", "response.reasoning_text.done"),
    ...part("response.output_text.delta", "response.output_text.done"),
    ...["response.output_item.added", "response.function_call_arguments.delta"],
    ...["response.function_call_arguments.done", "response.output_item.done"],
    "response.completed",
  ]);
  assertEquals(events.slice(2, -1).map(({ output_index }) => output_index), [
    ...[0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2],
  ]);
});

Deno.test("responses: exact fields of each kind of event", async () => {
  const script = { reasoning: ["hm"], content: ["Wait. ", CALL] };
  const events = await streamed({ tools: [weather] }, script);
  const common = ["sequence_number", "type"];
  const inItem = [...common, "item_id", "output_index"];
  const inPart = [...inItem, "content_index"];
  const fields: Record<string, readonly string[]> = {
    created: [...common, "response"],
    in_progress: [...common, "response"],
    completed: [...common, "response"],
    "output_item.added": [...common, "item", "output_index"],
    "output_item.done": [...common, "item", "output_index"],
    "content_part.added": [...inPart, "part"],
    "content_part.done": [...inPart, "part"],
    "reasoning_text.delta": [...inPart, "delta"],
    "reasoning_text.done": [...inPart, "text"],
    "output_text.delta": [...inPart, "delta", "logprobs"],
    "output_text.done": [...inPart, "logprobs", "text"],
    "function_call_arguments.delta": [...inItem, "delta"],
    "function_call_arguments.done": [...inItem, "arguments", "name"],
  };
  for (const event of events) {
    const wanted = fields[event.type.replace("response.", "")];
    assertEquals(Object.keys(event).sort(), [...wanted].sort(), event.type);
  }
  const added = events.filter(({ type }) => type === "response.output_item.added");
  assertEquals(added.map(({ item }) => [item.status, item.content ?? item.arguments]), [
    ...[["in_progress", []], ["in_progress", []], ["in_progress", ""]],
  ]);
  assertEquals([events[0].response.status, events[0].response.output], ["in_progress", []]);
  assertEquals(events.at(-1).response.output.length, 3);
});

Deno.test("responses: an answer that is cut is incomplete", async () => {
  const script = { content: ["a"], finishReason: "length" as const };
  const { answer } = await answered({}, script);
  assertEquals([answer.status, answer.incomplete_details, answer.completed_at], [
    ...["incomplete", { reason: "max_output_tokens" }, null],
  ]);
  assertEquals(answer.output[0].status, "incomplete");
  const events = await streamed({}, script);
  assertEquals(events.at(-1).type, "response.incomplete");
});

Deno.test("responses: an error in the midst is response.failed", async () => {
  const events = await streamed({}, { content: ["a"], error: new Error("secret") });
  const { type, response } = events.at(-1);
  assertEquals([type, response.status], ["response.failed", "failed"]);
  assertEquals(response.error, { code: "server_error", message: "Internal error" });
});

Deno.test("responses: log-probabilities where they are asked for", async () => {
  const include = ["message.output_text.logprobs"];
  const script = { content: ["é"] };
  const told = { token: "é", logprob: -0.5, bytes: [0xc3, 0xa9] };
  const { answer } = await answered({ include, top_logprobs: 1 }, script);
  assertEquals(answer.output[0].content[0].logprobs, [{ ...told, top_logprobs: [told] }]);
  const events = await streamed({ include }, script);
  const delta = events.find(({ type }) => type === "response.output_text.delta");
  assertEquals(delta.logprobs, [{ ...told, top_logprobs: [] }]);
});

Deno.test("responses: what is refused, with the field that is to blame", async () => {
  const TABLE: readonly [object, string][] = [
    [{ store: true }, "store"],
    [{ background: true }, "background"],
    [{ previous_response_id: "resp_1" }, "previous_response_id"],
    [{ conversation: "conv_1" }, "conversation"],
    [{ prompt: { id: "x" } }, "prompt"],
    [{ input: [{ type: "item_reference", id: "x" }] }, "input[0].type"],
    [{ input: [{ role: "user", content: [{ type: "input_image" }] }] }, "input[0].content[0].type"],
    [{ tools: [{ type: "web_search" }] }, "tools[0].type"],
    [{ tool_choice: "required" }, "tool_choice"],
  ];
  for (const [body, wanted] of TABLE) {
    const response = await scriptedApp({ content: [] }).post(PATH, { input: "hi", ...body });
    const { error } = await response.json();
    assertEquals([response.status, error.param], [400, wanted], error.message);
  }
  await answered({ store: false, previous_response_id: null, background: false });
});
