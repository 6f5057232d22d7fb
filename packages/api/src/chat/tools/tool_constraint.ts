/** What an answer must be that has to call functions, in a dialect's own form. Compiles nothing. */
import type { ConstraintSpec } from "../../structured/constraint_spec.ts";
import type { FunctionTool } from "../chat_request.ts";
import type { ToolDialect } from "./tool_dialect.ts";
import { argumentsSchema } from "./tool_request.ts";

/** At least one call of the tools, one alone unless `parallel`; `offered` are all that the request has. */
export function callsConstraint(
  dialect: ToolDialect,
  tools: readonly FunctionTool[],
  parallel: boolean,
  offered: readonly FunctionTool[] = tools,
): ConstraintSpec {
  const { begin, separator, end, mostCalls } = dialect;
  const one = choice(tools.map((tool) => callConstraint(dialect, tool, offered.indexOf(tool))));
  const calls: ConstraintSpec = parallel && mostCalls > 1
    ? { kind: "repeat", of: one, min: 1, max: mostCalls, separator }
    : one;
  return sequence([literal(begin), calls, literal(end)]);
}

function callConstraint(dialect: ToolDialect, tool: FunctionTool, index: number): ConstraintSpec {
  const field = `tools[${index}].function.parameters`;
  return sequence([
    literal(dialect.before(tool.name)),
    tool.strict === false
      ? { kind: "json" }
      : { kind: "schema", schema: argumentsSchema(tool), field },
    literal(dialect.after),
  ]);
}

const literal = (text: string): ConstraintSpec => ({ kind: "literal", text });

function sequence(of: readonly ConstraintSpec[]): ConstraintSpec {
  const parts = of.filter((part) => part.kind !== "literal" || part.text !== "");
  return parts.length === 1 ? parts[0] : { kind: "sequence", of: parts };
}

function choice(of: readonly ConstraintSpec[]): ConstraintSpec {
  return of.length === 1 ? of[0] : { kind: "choice", of };
}
