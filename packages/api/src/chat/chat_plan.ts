/** What a conversation asks of a model: prompt, constraint and how calls are read. Runs nothing. */
import type { ChatPrompt, GenerationRequest } from "../engine/served_model.ts";
import type { ConstraintSpec, JsonSchema } from "../structured/constraint_spec.ts";
import type { ChatRequest } from "./chat_request.ts";
import { ChatRequestError } from "./chat_request_error.ts";
import { historyOf } from "./messages.ts";
import { templateAbilities } from "./tools/template_abilities.ts";
import { callsConstraint } from "./tools/tool_constraint.ts";
import type { ToolDialect } from "./tools/tool_dialect.ts";
import { toolPrompt } from "./tools/tool_prompt.ts";
import { type OfferedTools, offeredTools } from "./tools/tool_request.ts";

/** A conversation ready to be generated. */
export interface ChatPlan {
  /** The same for each choice, but for `choice`. */
  readonly generation: GenerationRequest;
  readonly choices: number;
  /** How calls are found in the answer; missing where there are none to find. */
  readonly calls?: { readonly dialect: ToolDialect; readonly offered: OfferedTools };
}

/**
 * Plans a conversation for a model with this chat template.
 * @throws {ChatRequestError} when the request makes no sense
 */
export function planChat(template: string | undefined, request: ChatRequest): ChatPlan {
  const { messages, think, templateVariables, prefix, format, choices = 1, options } = request;
  if (!(Number.isSafeInteger(choices) && choices >= 1)) {
    throw new ChatRequestError("n", `n is ${choices}, it must be a whole number of at least 1`);
  }
  if (prefix !== undefined && format !== undefined) {
    throw new ChatRequestError("response_format", "An answer with a prefix can have no format");
  }
  const history = historyOf(messages);
  const offered = offeredTools(request);
  const usesTools = offered.tools.length > 0 ||
    history.some(({ role, calls }) => calls !== undefined || role === "tool");
  const abilities = templateAbilities(usesTools ? template : undefined);
  const { dialect } = abilities;
  const prompt: ChatPrompt = {
    ...(usesTools ? toolPrompt(abilities, history, offered.tools) : { messages: history }),
    ...(think === undefined ? {} : { think }),
    ...(templateVariables ? { variables: templateVariables } : {}),
    ...(prefix === undefined ? {} : { prefix }),
  };
  const constraint = constraintOf(format, dialect, offered);
  // where one call is asked for, the model is not left to write another
  const { closing } = dialect;
  const isLast = offered.tools.length > 0 && !offered.parallel && !constraint && closing;
  return {
    generation: {
      prompt: { kind: "chat", ...prompt },
      options: {
        ...options,
        ...(think === undefined ? {} : { think }),
        ...(isLast ? { stop: [...options.stop ?? [], closing] } : {}),
        seed: options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0],
      },
      ...(constraint ? { constraint } : {}),
    },
    choices,
    ...(offered.tools.length > 0 ? { calls: { dialect, offered } } : {}),
  };
}

/** Calls where they are required; else the format, beside which a model with tools may call. */
function constraintOf(
  format: ChatRequest["format"],
  dialect: ToolDialect,
  { tools, required, parallel }: OfferedTools,
): ConstraintSpec | undefined {
  if (required.length > 0) return callsConstraint(dialect, required, parallel, tools);
  if (format === undefined) return undefined;
  const answer = formatConstraint(format);
  if (tools.length === 0) return answer;
  return { kind: "choice", of: [answer, callsConstraint(dialect, tools, parallel)] };
}

function formatConstraint(format: "json" | { readonly schema: JsonSchema }): ConstraintSpec {
  return format === "json"
    ? { kind: "json" }
    : { kind: "schema", schema: format.schema, field: "response_format" };
}
