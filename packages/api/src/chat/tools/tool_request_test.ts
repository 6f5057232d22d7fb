/** Tests of tool_request.ts: choices among functions, and requests that make no sense. */
import { assertEquals, assertThrows } from "@std/assert";
import type { ChatRequest, FunctionTool } from "../chat_request.ts";
import { ChatRequestError } from "../chat_request_error.ts";
import { argumentsSchema, offeredTools } from "./tool_request.ts";

const A: FunctionTool = { name: "a" };
const B: FunctionTool = { name: "b-2.c_d", parameters: { type: "object" } };

function offered(request: Partial<ChatRequest>) {
  const { tools, required, parallel } = offeredTools({ messages: [], options: {}, ...request });
  return [tools.map(({ name }) => name), required.map(({ name }) => name), parallel];
}

Deno.test("offeredTools: none, auto, required and one by name", () => {
  const tools = [A, B];
  const all = ["a", "b-2.c_d"];
  assertEquals(offered({}), [[], [], true]);
  assertEquals(offered({ tools }), [all, [], true]);
  assertEquals(offered({ tools, parallelToolCalls: false }), [all, [], false]);
  assertEquals(offered({ tools, toolChoice: "none" }), [[], [], false]);
  assertEquals(offered({ tools, toolChoice: "required" }), [all, all, true]);
  assertEquals(
    offered({ tools, toolChoice: "required", parallelToolCalls: false }),
    [all, all, false],
  );
  assertEquals(offered({ tools, toolChoice: { name: "a" } }), [all, ["a"], false]);
});

Deno.test("offeredTools: what makes no sense is told by its field", () => {
  const cases: readonly (readonly [Partial<ChatRequest>, string])[] = [
    [{ toolChoice: "required" }, "tool_choice"],
    [{ toolChoice: { name: "a" } }, "tool_choice"],
    [{ tools: [A], toolChoice: { name: "b" } }, "tool_choice"],
    [{ tools: [A, A] }, "tools[1].function.name"],
    [{ tools: [{ name: "" }] }, "tools[0].function.name"],
    [{ tools: [{ name: 'a"}' }] }, "tools[0].function.name"],
    [{ tools: [{ name: "x".repeat(129) }] }, "tools[0].function.name"],
    [{ tools: [A, { name: "b", parameters: false }] }, "tools[1].function.parameters"],
    [{ tools: [{ name: "b", parameters: { type: "array" } }] }, "tools[0].function.parameters"],
  ];
  for (const [request, param] of cases) {
    const error = assertThrows(() => offered(request), ChatRequestError);
    assertEquals((error as ChatRequestError).param, param);
  }
});

Deno.test("argumentsSchema: arguments are objects", () => {
  assertEquals(argumentsSchema(A), { type: "object" });
  assertEquals(argumentsSchema({ name: "a", parameters: true }), { type: "object" });
  const properties = { x: { type: "string" } };
  assertEquals(
    argumentsSchema({ name: "a", parameters: { properties } }),
    { type: "object", properties },
  );
});
