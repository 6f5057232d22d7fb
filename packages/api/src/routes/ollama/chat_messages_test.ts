/** Tests of chat_messages.ts. */
import { assertEquals } from "@std/assert";
import { conversationOf, toolsOf } from "./chat_messages.ts";

Deno.test("conversationOf: calls, results and thoughts in OpenAI's form", () => {
  const called = { function: { name: "add", arguments: { a: 1, b: [2] } } };
  const { messages, prefix } = conversationOf([
    { role: "system", content: "Be brief." },
    { role: "assistant", content: null, thinking: "Hm.", tool_calls: [called] },
    { role: "tool", content: "3", tool_name: "add", tool_call_id: "call_1" },
    { role: "user" },
  ]);
  const sent = { type: "function", function: { name: "add", arguments: '{"a":1,"b":[2]}' } };
  assertEquals(prefix, undefined);
  assertEquals(messages, [
    { role: "system", content: "Be brief." },
    { role: "assistant", content: "", reasoning_content: "Hm.", tool_calls: [sent] },
    { role: "tool", content: "3", name: "add", tool_call_id: "call_1" },
    { role: "user", content: "" },
  ]);
});

Deno.test("conversationOf: an answer at the end is gone on with, a call is not", () => {
  const question = { role: "user" as const, content: "Hi" };
  const begun = conversationOf([question, { role: "assistant", content: "Hello, " }]);
  assertEquals(begun, { messages: [question], prefix: "Hello, " });
  const alone = conversationOf([{ role: "assistant", content: "Hello, " }]);
  assertEquals([alone.messages.length, alone.prefix], [1, undefined]);
  const tool_calls = [{ id: "call_1", function: { name: "f", arguments: {} } }];
  const called = conversationOf([question, { role: "assistant", content: "So:", tool_calls }]);
  assertEquals([called.messages.length, called.prefix], [2, undefined]);
});

Deno.test("toolsOf: OpenAI's functions", () => {
  const parameters = { type: "object", properties: {} };
  const tools = toolsOf([
    { type: "function", function: { name: "f", description: "F.", parameters } },
    { function: { name: "g", description: null } },
  ]);
  assertEquals(tools, [{ name: "f", description: "F.", parameters }, { name: "g" }]);
});
