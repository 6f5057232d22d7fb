/** Tests of tool_constraint.ts: whatever a constraint allows, the dialect reads as calls. */
import { assert, assertEquals } from "@std/assert";
import type { ConstraintSpec } from "../../structured/constraint_spec.ts";

import { toolTemplates } from "../../../../../tests/support/tool_templates.ts";
import { ToolCallStream } from "./tool_call_stream.ts";
import { templateAbilities } from "./template_abilities.ts";
import { callsConstraint } from "./tool_constraint.ts";
import { deepseek, dialects, hermes, llama, writeCalls, type WrittenCall } from "./tool_dialect.ts";

const ARGUMENTS = '{"city": "Paris"}';
const TOOLS = [
  { name: "weather", parameters: { type: "object", required: ["city"] } },
  { name: "now", strict: false },
];

/** Some of the texts that a constraint allows: each choice, one and two repetitions. */
function examples(spec: ConstraintSpec): string[] {
  switch (spec.kind) {
    case "json":
    case "schema":
      return [ARGUMENTS];
    case "literal":
      return [spec.text];
    case "choice":
      return spec.of.flatMap(examples);
    case "sequence":
      return spec.of.map(examples).reduce((heads, tails) =>
        heads.flatMap((head) => tails.map((tail) => head + tail))
      );
    case "repeat": {
      const once = examples(spec.of);
      return [...once, ...once.flatMap((a) => once.map((b) => a + spec.separator + b))];
    }
  }
}

function readCalls(dialect: typeof hermes, text: string): readonly WrittenCall[] {
  const stream = new ToolCallStream(dialect, () => true);
  return [...stream.push(text, []), ...stream.end()].map((part) => {
    assert(part.type === "call", `${JSON.stringify(part)} of ${text}`);
    return part.call;
  });
}

Deno.test("callsConstraint: each text that it allows is calls, one or several", () => {
  const call = (name: string) => ({ name, arguments: ARGUMENTS });
  const [w, n] = [call("weather"), call("now")];
  for (const dialect of dialects) {
    const read = (parallel: boolean) =>
      examples(callsConstraint(dialect, TOOLS, parallel)).map((text) => readCalls(dialect, text));
    assertEquals(read(false), [[w], [n]], dialect.name);
    const two = dialect === llama ? [] : [[w, w], [w, n], [n, w], [n, n]];
    assertEquals(read(true), [[w], [n], ...two], dialect.name);
  }
});

Deno.test("callsConstraint: is the form in which templates write calls", () => {
  for (const template of Object.values(toolTemplates)) {
    const { dialect } = templateAbilities(template);
    const [text] = examples(callsConstraint(dialect, TOOLS.slice(0, 1), false));
    assertEquals(text, writeCalls(dialect, [{ name: "weather", arguments: ARGUMENTS }]));
  }
});

Deno.test("callsConstraint: arguments are held to the schema, but where strict is off", () => {
  assertEquals(callsConstraint(hermes, TOOLS.slice(0, 1), false), {
    kind: "sequence",
    of: [
      { kind: "literal", text: '<tool_call>\n{"name": "weather", "arguments": ' },
      {
        ...{ kind: "schema", schema: { type: "object", required: ["city"] } },
        field: "tools[0].function.parameters",
      },
      { kind: "literal", text: "}\n</tool_call>" },
    ],
  });
  const spec = callsConstraint(deepseek, TOOLS.slice(1), false);
  assertEquals(JSON.stringify(spec).includes('"schema"'), false);
});
