/** Tests of chat_plan.ts: what each kind of request becomes for the model. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { toolTemplates } from "../../../../tests/support/tool_templates.ts";
import { planChat } from "./chat_plan.ts";
import type { ChatRequest } from "./chat_request.ts";
import { ChatRequestError } from "./chat_request_error.ts";

const { qwen3, deepseek31, llama31 } = toolTemplates;
const USER = { role: "user", content: "Hi" };
const TOOL = { name: "now", description: "The time", parameters: { type: "object" } };
const OTHER = { name: "then" };

function plan(request: Partial<ChatRequest>, template: string | undefined = qwen3) {
  return planChat(template, { messages: [USER], options: { seed: 1 }, ...request });
}

const fieldOf = (name: string) =>
  `tools[${[TOOL, OTHER].findIndex((tool) => tool.name === name)}].function.parameters`;

function callsFor(...names: string[]) {
  const one = names.map((name) => ({
    kind: "sequence",
    of: [
      { kind: "literal", text: `<tool_call>\n{"name": "${name}", "arguments": ` },
      { kind: "schema", schema: { type: "object" }, field: fieldOf(name) },
      { kind: "literal", text: "}\n</tool_call>" },
    ],
  }));
  return one.length === 1 ? one[0] : { kind: "choice", of: one };
}
const severalOf = (of: unknown) => ({ kind: "repeat", of, min: 1, max: 16, separator: "\n" });

Deno.test("planChat: a plain conversation is passed on, with a seed in any case", () => {
  assertEquals(plan({}), {
    generation: { prompt: { kind: "chat", messages: [USER] }, options: { seed: 1 } },
    choices: 1,
  });
  const options = { maxTokens: 5, stop: ["x"], topLogprobs: 2 };
  const seeds = [1, 2].map(() => {
    const { generation, choices } = plan({ options, choices: 3 }, undefined);
    const { seed, ...rest } = generation.options;
    assertEquals([rest, choices], [options, 3]);
    return seed;
  });
  assert(seeds.every((seed) => Number.isSafeInteger(seed)) && seeds[0] !== seeds[1]);
});

Deno.test("planChat: thinking, variables and a prefix reach prompt and options", () => {
  const { generation } = plan({ think: 20, templateVariables: { a: 1 }, prefix: "Once" });
  assertEquals(generation, {
    prompt: {
      ...{ kind: "chat", messages: [USER], think: 20 },
      ...{ variables: { a: 1 }, prefix: "Once" },
    },
    options: { seed: 1, think: 20 },
  });
});

Deno.test("planChat: formats are constraints; beside tools calls are allowed too", () => {
  const schema = { type: "object" };
  const constraintOf = (request: Partial<ChatRequest>) => plan(request).generation.constraint;
  assertEquals(constraintOf({}), undefined);
  assertEquals(constraintOf({ format: "json" }), { kind: "json" });
  assertEquals(constraintOf({ format: { schema } }), {
    ...{ kind: "schema", schema, field: "response_format" },
  });
  const tools = [TOOL];
  assertEquals<unknown>(constraintOf({ format: "json", tools }), {
    kind: "choice",
    of: [{ kind: "json" }, severalOf(callsFor("now"))],
  });
  assertEquals(constraintOf({ format: "json", tools, toolChoice: "none" }), { kind: "json" });
});

Deno.test("planChat: functions that must be called are a constraint", () => {
  const tools = [TOOL, OTHER];
  const constraintOf = (request: Partial<ChatRequest>) =>
    plan({ tools, format: "json", ...request }).generation.constraint;
  assertEquals<unknown>(
    constraintOf({ toolChoice: "required" }),
    severalOf(callsFor("now", "then")),
  );
  assertEquals<unknown>(
    constraintOf({ toolChoice: "required", parallelToolCalls: false }),
    callsFor("now", "then"),
  );
  assertEquals<unknown>(constraintOf({ toolChoice: { name: "then" } }), callsFor("then"));
  assertEquals(plan({ tools }).generation.constraint, undefined);
});

Deno.test("planChat: templates get tools where they tell of them, else a message does", () => {
  const functions = [{ type: "function", function: TOOL }];
  const promptOf = (template: string, toolChoice?: "none") => {
    const { prompt } = plan({ tools: [TOOL], toolChoice }, template).generation;
    assert(prompt.kind === "chat");
    return [prompt.tools, prompt.messages.map(({ role }) => role)];
  };
  assertEquals(promptOf(qwen3), [functions, ["user"]]);
  assertEquals(promptOf(deepseek31), [undefined, ["system", "user"]]);
  assertEquals(promptOf("{{ messages }}"), [undefined, ["system", "user"]]);
  for (const template of [qwen3, deepseek31]) {
    assertEquals(promptOf(template, "none"), [undefined, ["user"]]);
  }
});

Deno.test("planChat: where calls are not parallel the first one's end stops the answer", () => {
  const stopOf = (template: string, request: Partial<ChatRequest> = {}) =>
    plan({ tools: [TOOL], parallelToolCalls: false, ...request }, template).generation.options.stop;
  assertEquals(stopOf(qwen3), ["</tool_call>"]);
  assertEquals(stopOf(deepseek31, { options: { stop: ["x"] } }), ["x", "<｜tool▁call▁end｜>"]);
  assertEquals(stopOf(llama31), undefined);
  assertEquals(stopOf(qwen3, { parallelToolCalls: true }), undefined);
  assertEquals(stopOf(qwen3, { toolChoice: "required" }), undefined);
  assertEquals(stopOf(qwen3, { toolChoice: "none" }), undefined);
});

Deno.test("planChat: calls are looked for where functions are offered", () => {
  assertEquals(plan({ tools: [TOOL] }).calls?.dialect.name, "hermes");
  assertEquals(plan({ tools: [TOOL] }, deepseek31).calls?.dialect.name, "deepseek");
  assertEquals(plan({ tools: [TOOL], toolChoice: "none" }).calls, undefined);
  assertEquals(plan({ tools: [] }).calls, undefined);
});

Deno.test("planChat: what makes no sense is told by its field", () => {
  const cases: readonly (readonly [Partial<ChatRequest>, string])[] = [
    [{ choices: 0 }, "n"],
    [{ choices: 1.5 }, "n"],
    [{ prefix: "x", format: "json" }, "response_format"],
    [{ messages: [] }, "messages"],
    [{ toolChoice: "required" }, "tool_choice"],
  ];
  for (const [request, param] of cases) {
    const error = assertThrows(() => plan(request), ChatRequestError);
    assertEquals((error as ChatRequestError).param, param);
  }
});
