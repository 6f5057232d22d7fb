/** Tests of tool_prompt.ts: conversations with calls and results, rendered by templates. */
import { assert, assertEquals } from "@std/assert";
import { renderChat } from "@aha/runtime/tokenizer";
import { toolTemplates } from "../../../../../tests/support/tool_templates.ts";
import type { FunctionTool } from "../chat_request.ts";
import { historyOf } from "../messages.ts";
import { templateAbilities } from "./template_abilities.ts";
import { toolPrompt } from "./tool_prompt.ts";

const WEATHER: FunctionTool = {
  name: "weather",
  description: "The weather of a city",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const TOOLS: readonly FunctionTool[] = [WEATHER, { name: "now" }];

const called = (
  content: string | null,
  ...calls: readonly [id: string, name: string, text: string][]
) => ({
  role: "assistant",
  content,
  tool_calls: calls.map(([id, name, text]) => ({
    ...{ id, type: "function", function: { name, arguments: text } },
  })),
});
const result = (id: string, content: string) => ({ role: "tool", tool_call_id: id, content });

const QUESTION = { role: "user", content: "Weather?" };
const PARIS = '{"city": "Paris"}';

/** The text that a template makes of the conversation. */
function render(
  template: string,
  messages: Parameters<typeof historyOf>[0],
  tools: readonly FunctionTool[] = TOOLS,
): string {
  const prompt = toolPrompt(templateAbilities(template), historyOf(messages), tools);
  return renderChat(template, prompt.messages, { tools: prompt.tools, addGenerationPrompt: true });
}

/** The parts stand in the text in this order. */
function assertOrder(text: string, parts: readonly string[], message: string): void {
  let at = 0;
  for (const part of parts) {
    const next = text.indexOf(part, at);
    assert(next >= 0, `${message}: no ${JSON.stringify(part)} after ${at} in ${text}`);
    at = next + part.length;
  }
}

Deno.test("toolPrompt: each template tells of tools, text, calls and results, in order and once", () => {
  const messages = [
    { role: "system", content: "Be brief." },
    QUESTION,
    called("Let me look.", ["c1", "weather", PARIS], ["c2", "now", "{}"]),
    result("c1", "Rain"),
    result("c2", "Noon"),
    { role: "assistant", content: "It rains." },
    { role: "user", content: "And now?" },
  ];
  for (const [name, template] of Object.entries(toolTemplates)) {
    const text = render(template, messages);
    const told = ["Weather?", "Let me look.", "weather", PARIS, "now", "Rain", "Noon", "It rains."];
    assertOrder(text, [...told, "And now?"], name);
    for (const once of ["Be brief.", "The weather of a city", PARIS, "Rain", "Let me look."]) {
      assertEquals(text.split(once).length, 2, `${name}: ${once} in ${text}`);
    }
    assert(text.indexOf("The weather of a city") < text.indexOf("Let me look."), name);
  }
});

Deno.test("toolPrompt: Qwen3 and DeepSeek-V3 are given what they have been trained on", () => {
  const messages = [QUESTION, called(null, ["c1", "weather", PARIS]), result("c1", "Rain")];
  assertOrder(render(toolTemplates.qwen3, messages), [
    '<tools>\n{"type": "function", "function": {"name": "weather", "description": "The weather',
    '<|im_start|>assistant\n<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call><|im_end|>',
    "<|im_start|>user\n<tool_response>\nRain\n</tool_response><|im_end|>\n<|im_start|>assistant\n",
  ], "qwen3");
  assertOrder(render(toolTemplates.deepseekV3, messages), [
    "<tools>\n",
    '"name":"weather"',
    "<｜tool▁call▁begin｜>function<｜tool▁sep｜>FUNCTION_NAME\n```json\n",
    "<｜User｜>Weather?<｜Assistant｜><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>" +
    'function<｜tool▁sep｜>weather\n```json\n{"city": "Paris"}\n```<｜tool▁call▁end｜>',
    "<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>Rain<｜tool▁output▁end｜><｜tool▁outputs▁end｜>",
  ], "deepseekV3");
  const smollm2 = render(toolTemplates.smollm2, messages);
  assertOrder(smollm2, [
    "<|im_start|>system\n# Tools",
    '<tool_call>\n{"name": "FUNCTION_NAME", "arguments": {"ARGUMENT_NAME": "VALUE"}}\n</tool_call><|im_end|>',
    '<|im_start|>assistant\n<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call><|im_end|>',
    "<|im_start|>user\n<tool_response>\nRain\n</tool_response><|im_end|>\n<|im_start|>assistant\n",
  ], "smollm2");
});

Deno.test("toolPrompt: a template of one call a message gets several messages", () => {
  const text = render(toolTemplates.llama31, [
    QUESTION,
    called("Both:", ["c1", "weather", PARIS], ["c2", "now", "{}"]),
  ]);
  const head = "<|start_header_id|>assistant<|end_header_id|>\n\n";
  assertOrder(text, [
    `${head}Both:<|eot_id|>`,
    `${head}{"name": "weather", "parameters": {"city": "Paris"}}<|eot_id|>`,
    `${head}{"name": "now", "parameters": {}}<|eot_id|>`,
  ], "llama31");
});

Deno.test("toolPrompt: a thought stays with the first of the messages that one becomes", () => {
  const call = {
    ...called("Both:", ["c1", "weather", PARIS], ["c2", "now", "{}"]),
    reasoning_content: "Hm.",
  };
  for (const [name, template] of Object.entries(toolTemplates)) {
    const { messages } = toolPrompt(templateAbilities(template), historyOf([QUESTION, call]), []);
    const thoughts = messages.map(({ reasoning_content }) => reasoning_content);
    assertEquals(thoughts, [undefined, "Hm.", ...thoughts.slice(2).map(() => undefined)], name);
  }
});

Deno.test("toolPrompt: without tools nothing is told of them, and arguments that are no JSON stay", () => {
  for (const [name, template] of Object.entries(toolTemplates)) {
    const messages = [QUESTION, called("", ["c1", "weather", "{city"]), result("c1", "Bad")];
    const text = render(template, messages, []);
    assertOrder(text, ["Weather?", "{city", "Bad"], name);
    assertEquals(text.includes("The weather of a city"), false, name);
  }
});

Deno.test("toolPrompt: results side by side are one message of the user, texts of the system one too", () => {
  const { messages } = toolPrompt(
    templateAbilities(undefined),
    historyOf([
      { role: "system", content: "One." },
      { role: "developer", content: "Two." },
      QUESTION,
      called("", ["c1", "now", "{}"], ["c2", "now", "{}"]),
      result("c1", "1"),
      result("c2", "2"),
    ]),
    [{ name: "now" }],
  );
  assertEquals(messages.map(({ role }) => role), ["system", "user", "assistant", "user"]);
  assertOrder(String(messages[0].content), ["One.\n\nTwo.\n\n# Tools", '"name":"now"'], "system");
  assertEquals(
    messages[3].content,
    "<tool_response>\n1\n</tool_response>\n<tool_response>\n2\n</tool_response>",
  );
});
