/** Schemas that cannot be held: each surface answers 400 with the reason, where it stands and which field has it. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { startApiServer } from "../support/api_server.ts";

const messages = [{ role: "user", content: "hi" }];

/** A schema, and what is said of it. */
const WRONG: readonly [schema: Record<string, unknown>, reason: string, path: string][] = [
  [{ $ref: "#/nope" }, 'Nothing stands at "#/nope"', "/$ref"],
  [{ type: "array", uniqueItems: true }, "The keyword uniqueItems", "/uniqueItems"],
  [{ type: "object", properties: { a: { type: "foo" } } }, "type", "/properties/a/type"],
  [{ type: "integer", minimum: 5, maximum: 4 }, "No short text", ", at the root of the schema"],
];

function tool(parameters: object) {
  return { type: "function", function: { name: "f", parameters } };
}

/** Path, body and what the field is called there. */
function requestsOf(schema: Record<string, unknown>): readonly [string, object, string][] {
  const json_schema = { name: "x", schema };
  const format = { type: "json_schema", name: "x", schema };
  const object = { type: "object", properties: { a: { type: "string" } } };
  const tools = [tool(object), tool({ ...object, properties: { in: schema }, required: ["in"] })];
  tools[1].function.name = "g";
  const called = { type: "function", function: { name: "g" } };
  const model = "tiny";
  return [
    [
      "/v1/chat/completions",
      { messages, response_format: { type: "json_schema", json_schema } },
      "response_format",
    ],
    [
      "/v1/chat/completions",
      { messages, tools, tool_choice: called },
      "tools[1].function.parameters",
    ],
    ["/v1/responses", { input: "hi", text: { format } }, "text.format"],
    ["/api/chat", { model, messages, format: schema }, "format"],
    ["/api/generate", { model, prompt: "hi", format: schema }, "format"],
    ["/api/generate", { model, prompt: "hi", format: schema, raw: true }, "format"],
    ["/completion", { prompt: "hi", json_schema: schema }, "json_schema"],
  ];
}

Deno.test("api: schemas that cannot be held are refused with their reason by every surface", async () => {
  await using server = await startApiServer();
  for (const [schema, reason, place] of WRONG) {
    for (const [path, body, field] of requestsOf(schema)) {
      for (const stream of [false, true]) {
        const answer = await server.post(path, { ...body, stream });
        const text = await answer.text();
        assertEquals(answer.status, 400, `${path} ${text}`);
        const { error } = JSON.parse(text);
        const message = path.startsWith("/api/") ? error : error.message;
        assertStringIncludes(message, `${field} cannot be held: `);
        assertStringIncludes(message, reason);
        assertStringIncludes(message, place);
        if (error.param) assertEquals([error.param, error.code], [field, "invalid_schema"]);
      }
    }
  }
  assertEquals(server.faults, []);
});

Deno.test("api: functions whose parameters are no schema are refused where they must hold", async () => {
  await using server = await startApiServer();
  const tools = [tool({ type: "object", properties: [1] })];
  for (const tool_choice of ["auto", "required"]) {
    const body = { messages, tools, tool_choice, max_tokens: 4 };
    const answer = await server.post("/v1/chat/completions", body);
    const text = await answer.text();
    assertEquals(answer.status, tool_choice === "auto" ? 200 : 400, text);
  }
  assertEquals(server.faults, []);
});
