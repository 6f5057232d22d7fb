/** The official client of OpenAI against the app: what it sends is understood and what it gets it can read. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import OpenAI from "openai";
import type { AppOptions } from "../../app_options.ts";
import { scriptedApp, until } from "../../../../../tests/support/scripted_app.ts";
import type { Script } from "../../../../../tests/support/scripted_engine.ts";

const messages = [{ role: "user" as const, content: "hi" }];
const parameters = { type: "object", properties: { city: { type: "string" } } };
const CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Bonn"}}\n</tool_call>';
const model = "scripted";

function clientOf(script: Script, options: AppOptions = {}) {
  const app = scriptedApp(script, options);
  const client = new OpenAI({
    ...{ apiKey: "k", baseURL: "http://localhost/v1", fetch: app.fetch, maxRetries: 0 },
  });
  return { app, client };
}

Deno.test("openai client: chat", async () => {
  const { client } = clientOf({ reasoning: ["hm"], content: ["Hel", "lo"] });
  const answer = await client.chat.completions.create({ model, messages });
  const [{ message, finish_reason }] = answer.choices;
  assertEquals([message.content, finish_reason], ["Hello", "stop"]);
  assertEquals((message as unknown as Record<string, unknown>).reasoning_content, "hm");
  assertEquals(answer.usage?.completion_tokens_details?.reasoning_tokens, 1);
});

Deno.test("openai client: a stream, and leaving it", async () => {
  const { app, client } = clientOf({ content: ["Hel", "lo"] });
  const stream = await client.chat.completions.create({
    ...{ model, messages, stream: true, stream_options: { include_usage: true } },
  });
  let text = "";
  let total: number | undefined;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    total = chunk.usage?.total_tokens ?? total;
  }
  assertEquals([text, total, app.engine.open], ["Hello", 12, 0]);
  const long = clientOf({ content: Array(500).fill("a"), pauseMs: 1 });
  for await (
    const _ of await long.client.chat.completions.create({ model, messages, stream: true })
  ) {
    break;
  }
  await until(() => long.app.engine.open === 0);
  assertEquals(long.app.engine.aborted, 1);
});

Deno.test("openai client: the stream's own collector, with a call of a function", async () => {
  const { client } = clientOf({ content: ["Wait. ", CALL] });
  const tool = { type: "function" as const, function: { name: "weather", parameters } };
  const stream = client.chat.completions.stream({ model, messages, tools: [tool] });
  const { choices: [{ message, finish_reason }] } = await stream.finalChatCompletion();
  const [call] = message.tool_calls ?? [];
  assert(call.type === "function");
  assertEquals([call.function.name, JSON.parse(call.function.arguments), finish_reason], [
    ...["weather", { city: "Bonn" }, "tool_calls"],
  ]);
});

Deno.test("openai client: a whole turn with the result of a call", async () => {
  const { app, client } = clientOf({ content: ["sunny"] });
  const call = {
    id: "call_1",
    type: "function" as const,
    function: { name: "weather", arguments: "{}" },
  };
  await client.chat.completions.create({
    model,
    messages: [...messages, { role: "assistant", tool_calls: [call] }, {
      ...{ role: "tool" as const, tool_call_id: "call_1", content: "sunny" },
    }],
  });
  assert(JSON.stringify(app.engine.requests[0].prompt).includes("sunny"));
});

Deno.test("openai client: a JSON schema, parsed", async () => {
  const { app, client } = clientOf({ content: ['{"city":', '"Bonn"}'] });
  const answer = await client.chat.completions.parse({
    ...{ model, messages },
    response_format: {
      type: "json_schema",
      json_schema: { name: "c", strict: true, schema: parameters },
    },
  });
  assertEquals(JSON.parse(answer.choices[0].message.content ?? ""), { city: "Bonn" });
  assertEquals(app.engine.requests[0].constraint, {
    ...{ kind: "schema", schema: parameters, field: "response_format" },
  });
});

Deno.test("openai client: responses, whole and streamed", async () => {
  const { client } = clientOf({ reasoning: ["hm"], content: ["Hel", "lo"] });
  const answer = await client.responses.create({ model, input: "hi", instructions: "be kind" });
  assertEquals([answer.output_text, answer.status], ["Hello", "completed"]);
  const stream = client.responses.stream({ model, input: "hi" });
  const kinds = new Set<string>();
  for await (const event of stream) kinds.add(event.type);
  const last = await stream.finalResponse();
  assertEquals(last.output_text, "Hello");
  assertEquals(last.output.map(({ type }) => type), ["reasoning", "message"]);
  assert(kinds.has("response.reasoning_text.delta"));
});

Deno.test("openai client: responses with a call of a function", async () => {
  const { client } = clientOf({ content: [CALL] });
  const tools = [{ type: "function" as const, name: "weather", parameters, strict: true }];
  const first = await client.responses.create({ model, input: "hi", tools });
  const [call] = first.output;
  assert(call.type === "function_call");
  assertEquals(JSON.parse(call.arguments), { city: "Bonn" });
  const input: OpenAI.Responses.ResponseInput = [
    { role: "user", content: "hi" },
    call,
    { type: "function_call_output", call_id: call.call_id, output: "sunny" },
  ];
  assertEquals((await client.responses.create({ model, input, tools })).status, "completed");
  const stream = client.responses.stream({ model, input: "hi", tools });
  const [streamed] = (await stream.finalResponse()).output;
  assertEquals(streamed.type, "function_call");
});

Deno.test("openai client: completions, embeddings and models", async () => {
  const { client } = clientOf({ content: ["Hel", "lo"] });
  const text = await client.completions.create({ model, prompt: "a" });
  assertEquals(text.choices[0].text, "Hello");
  const vectors = await client.embeddings.create({ model, input: ["a", "b"] });
  assertEquals(vectors.data.map(({ embedding }) => embedding), [[1, 0], [1, 0]]);
  assertEquals((await client.models.list()).data.map(({ id }) => id), ["scripted"]);
  assertEquals((await client.models.retrieve("scripted")).id, "scripted");
});

Deno.test("openai client: errors are of its own classes", async () => {
  const { client } = clientOf({ content: [] }, { apiKeys: [{ name: "me", key: "other" }] });
  await assertRejects(() => client.models.list(), OpenAI.AuthenticationError);
  const open = clientOf({ content: ["a"], error: new Error("x") }, { onError: () => {} }).client;
  const create = (more: object) => open.chat.completions.create({ model, messages, ...more });
  const wrong = await assertRejects(() => create({ n: 99 }), OpenAI.BadRequestError);
  assertEquals((wrong as InstanceType<typeof OpenAI.BadRequestError>).param, "n");
  await assertRejects(() => create({ model: "gpt" }), OpenAI.NotFoundError);
  await assertRejects(() => create({}), OpenAI.InternalServerError);
  await assertRejects(async () => {
    const stream = await open.chat.completions.create({ model, messages, stream: true });
    for await (const _ of stream);
  }, OpenAI.APIError);
});

Deno.test("openai client: limits of a key", async () => {
  const keys = [{ name: "me", key: "k", requestsPerMinute: 1 }];
  const { client } = clientOf({ content: ["a"] }, { apiKeys: keys });
  const { response } = await client.models.list().withResponse();
  assertEquals(response.headers.get("x-ratelimit-remaining-requests"), "0");
  const error = await assertRejects(() => client.models.list(), OpenAI.RateLimitError);
  const { headers } = error as InstanceType<typeof OpenAI.RateLimitError>;
  assertEquals(headers?.get("retry-after"), "60");
});
