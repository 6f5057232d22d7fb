/** Tests of template_abilities.ts with templates as published and shaped like published ones. */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { toolTemplates } from "../../../../../tests/support/tool_templates.ts";
import { templateAbilities } from "./template_abilities.ts";

/** Dialect, whether tools are told of, and how calls are wanted. */
const EXPECTED: Readonly<Record<keyof typeof toolTemplates, readonly unknown[]>> = {
  qwen3: ["hermes", true, "text", "", true, true],
  qwen25: ["hermes", true, "object", "", true, true],
  deepseekV3: ["deepseek-fenced", false, "text", null, false, true],
  deepseek31: ["deepseek", false, "text", "", true, true],
  llama31: ["llama", true, "object", "", false, false],
  smollm2: ["hermes", false],
  qwenCoder: ["hermes", false],
};

Deno.test("templateAbilities: what each template makes of tools", () => {
  for (const [name, template] of Object.entries(toolTemplates)) {
    const { dialect, describesTools, calls } = templateAbilities(template);
    const style = calls
      ? [calls.arguments, calls.emptyContent, calls.joinsContent, calls.joinsCalls]
      : [];
    const expected = EXPECTED[name as keyof typeof toolTemplates];
    assertEquals([dialect.name, describesTools, ...style], expected, name);
  }
});

Deno.test("templateAbilities: templates that fail or are not there know nothing", () => {
  for (const template of [undefined, "", "{% if %}", "{{ raise_exception('no') }}"]) {
    const { dialect, describesTools, calls } = templateAbilities(template);
    assertEquals([dialect.name, describesTools, calls], ["hermes", false, undefined]);
  }
});

Deno.test("templateAbilities: are found out once", () => {
  const { qwen3 } = toolTemplates;
  assertStrictEquals(templateAbilities(qwen3), templateAbilities(qwen3));
});
