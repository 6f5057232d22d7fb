/** Tests of messages.ts: OpenAI's forms of messages, thoughts, and messages that make no sense. */
import { assertEquals, assertThrows } from "@std/assert";
import type { ChatMessage } from "@aha/runtime";
import { ChatRequestError } from "./chat_request_error.ts";
import { historyOf } from "./messages.ts";

const USER = { role: "user", content: "Hi" };
const called = (fields: object = {}) => ({
  role: "assistant",
  content: null,
  tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: '{"a":1}' } }],
  ...fields,
});
const RESULT = { role: "tool", tool_call_id: "c1", content: "1" };

Deno.test("historyOf: roles, parts, calls and results become simple", () => {
  const text = (type: string, field = "text") => ({ type, [field]: type });
  assertEquals(
    historyOf([
      { role: "developer", content: "Be brief.", name: "dev", more: 1 },
      { role: "user", content: [text("text"), text("input_text")] },
      { role: "assistant", content: [text("output_text"), text("refusal", "refusal")] },
      { role: "user", content: [] },
      called(),
      RESULT,
      { role: "tool", content: "2" },
      { role: "assistant", tool_calls: null },
    ]),
    [
      { role: "system", content: "Be brief.", name: "dev" },
      { role: "user", content: "text\ninput_text" },
      { role: "assistant", content: "output_text\nrefusal" },
      { role: "user", content: "" },
      {
        role: "assistant",
        content: "",
        calls: [{ id: "c1", name: "f", arguments: '{"a":1}' }],
      },
      { role: "tool", content: "1", name: "f", tool_call_id: "c1" },
      { role: "tool", content: "2" },
      { role: "assistant", content: "" },
    ],
  );
});

Deno.test("historyOf: calls without id or arguments", () => {
  const [{ calls }] = historyOf([
    called({
      tool_calls: [{ function: { name: "f" } }, { function: { name: "g", arguments: "" } }],
    }),
  ]);
  assertEquals(calls, [{ name: "f", arguments: "{}" }, { name: "g", arguments: "{}" }]);
});

/** What is left of the thoughts "t0", "t1", ... of the assistant's messages. */
function thoughts(...messages: readonly ChatMessage[]): readonly unknown[] {
  const thinking = messages.map((message, i) =>
    message.role === "assistant" ? { ...message, reasoning_content: `t${i}` } : message
  );
  return historyOf(thinking).filter(({ role }) => role === "assistant")
    .map(({ reasoning_content }) => reasoning_content);
}

Deno.test("historyOf: thoughts are dropped, but those of a running turn with tools", () => {
  const said = { role: "assistant", content: "Hello" };
  const [none, call] = [undefined, called()];
  assertEquals(thoughts(USER, said, USER), [none]);
  assertEquals(thoughts(USER, said), [none]);
  assertEquals(thoughts(USER, call, RESULT), ["t1"]);
  assertEquals(thoughts(USER, call, RESULT, call, RESULT), ["t1", "t3"]);
  assertEquals(thoughts(USER, call, RESULT, said, USER, call, RESULT), [none, none, "t5"]);
  assertEquals(thoughts(USER, call, RESULT, said, USER), [none, none]);
});

Deno.test("historyOf: what makes no sense is told by message and field", () => {
  const user = (content: unknown) => ({ role: "user", content });
  const image = { type: "image_url", image_url: { url: "data:," } };
  const audio = { type: "input_audio", input_audio: {} };
  const calls = (tool_calls: unknown) => called({ tool_calls });
  const cases: readonly (readonly [ChatMessage, string])[] = [
    [{ role: "function", content: "x" }, "messages[1].role"],
    [{ role: "constructor", content: "x" }, "messages[1].role"],
    [{ role: 5 as unknown as string, content: "x" }, "messages[1].role"],
    [user(null), "messages[1].content"],
    [user(undefined), "messages[1].content"],
    [user({ type: "text", text: "x" }), "messages[1].content"],
    [user(5), "messages[1].content"],
    [{ role: "system" }, "messages[1].content"],
    [{ role: "tool", content: null }, "messages[1].content"],
    [user([{ type: "text", text: "x" }, image]), "messages[1].content[1]"],
    [user([audio]), "messages[1].content[0]"],
    [user([{ type: "text" }]), "messages[1].content[0]"],
    [user([{ type: "toString" }]), "messages[1].content[0]"],
    [user(["x"]), "messages[1].content[0]"],
    [user([null]), "messages[1].content[0]"],
    [calls({}), "messages[1].tool_calls"],
    [calls([null]), "messages[1].tool_calls[0].function.name"],
    [
      calls([{ function: { name: "f", arguments: {} } }]),
      "messages[1].tool_calls[0].function.arguments",
    ],
    [calls([{ id: 1, function: { name: "f" } }]), "messages[1].tool_calls[0].id"],
    [{ ...RESULT, tool_call_id: 1 }, "messages[1].tool_call_id"],
    [{ role: "assistant", content: "", reasoning_content: [] }, "messages[1].reasoning_content"],
  ];
  for (const [message, param] of cases) {
    const error = assertThrows(() => historyOf([USER, message]), ChatRequestError);
    assertEquals((error as ChatRequestError).param, param, JSON.stringify(message));
  }
  assertThrows(() => historyOf([]), ChatRequestError, "no messages");
});
