/** Checks which functions a request offers and which of them may be called. Writes no prompt. */
import type { JsonSchema } from "../../structured/constraint_spec.ts";
import type { ChatRequest, FunctionTool } from "../chat_request.ts";
import { ChatRequestError } from "../chat_request_error.ts";

/** What may be called in an answer. */
export interface OfferedTools {
  /** All that the model is told of; none where nothing may be called. */
  readonly tools: readonly FunctionTool[];
  /** Those that must be called, at least one of them once; none where the model chooses. */
  readonly required: readonly FunctionTool[];
  /** Whether there may be several calls. */
  readonly parallel: boolean;
}

/** Names stand within JSON and between control tokens. OpenAI allows 64 characters and no dots. */
const NAME = /^[\w.-]{1,128}$/;

/**
 * What a request offers.
 * @throws {ChatRequestError} when a tool or the choice among them makes no sense
 */
export function offeredTools(
  { tools = [], toolChoice = "auto", parallelToolCalls = true }: ChatRequest,
): OfferedTools {
  tools.forEach((tool, i) => checkTool(tool, i, tools));
  if (toolChoice === "none") return { tools: [], required: [], parallel: false };
  if (toolChoice === "auto") return { tools, required: [], parallel: parallelToolCalls };
  if (tools.length === 0) {
    throw new ChatRequestError("tool_choice", "A function must be called, but no tools are given");
  }
  if (toolChoice === "required") return { tools, required: tools, parallel: parallelToolCalls };
  const named = tools.filter(({ name }) => name === toolChoice.name);
  if (named.length === 1) return { tools, required: named, parallel: false };
  const name = JSON.stringify(toolChoice.name);
  throw new ChatRequestError("tool_choice", `The function ${name} is not among the tools`);
}

/** What the arguments of a tool must be: always an object. */
export function argumentsSchema({ parameters = true }: FunctionTool): JsonSchema {
  if (parameters === true) return { type: "object" };
  if (parameters === false) return false;
  return parameters.type === undefined ? { type: "object", ...parameters } : parameters;
}

function checkTool(tool: FunctionTool, i: number, tools: readonly FunctionTool[]): void {
  const { name } = tool;
  const refuse = (field: string, message: string): never => {
    throw new ChatRequestError(`tools[${i}].function.${field}`, message);
  };
  if (typeof name !== "string" || !NAME.test(name)) {
    refuse("name", "The name of a function is 1 to 128 letters, digits, _, - and dots");
  }
  if (tools.findIndex((other) => other.name === name) !== i) {
    refuse("name", `There are two functions of the name ${JSON.stringify(name)}`);
  }
  const schema = argumentsSchema(tool);
  if (schema === false || (schema !== true && schema.type !== "object")) {
    refuse("parameters", `The parameters of the function ${name} must describe an object`);
  }
}
