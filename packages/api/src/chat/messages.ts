/** Checks the messages of a conversation in OpenAI's form and makes them simple. Knows no template. */
import type { ChatMessage } from "@aha/runtime";
import { ChatRequestError } from "./chat_request_error.ts";
import type { WrittenCall } from "./tools/tool_dialect.ts";

/** A message with one text and its calls apart. */
export interface HistoryMessage extends ChatMessage {
  readonly role: Role;
  /** "" where a message has calls alone. */
  readonly content: string;
  readonly calls?: readonly (WrittenCall & { readonly id?: string })[];
  /** Of a result: the function that gave it, and the call's id. */
  readonly name?: string;
  readonly tool_call_id?: string;
  /** Kept where the rules say so, see `historyOf`. */
  readonly reasoning_content?: string;
}

type Role = "system" | "user" | "assistant" | "tool";

const ROLES: Readonly<Record<string, Role | undefined>> = {
  ...{ system: "system", developer: "system", user: "user", assistant: "assistant", tool: "tool" },
};
/** Parts that are text: of requests, of answers, of the Responses API; a refusal was an answer too. */
const TEXT_FIELDS: Readonly<Record<string, string | undefined>> = {
  ...{ text: "text", input_text: "text", output_text: "text", refusal: "refusal" },
};

/**
 * The messages with text parts joined by line breaks and developers as system.
 *
 * Thoughts (`reasoning_content`) are not sent back to the model, as DeepSeek has it for R1; those of the running turn
 * (after the last message of the user) stay if it has called functions, as DeepSeek asks for since V4, for templates
 * that know the field.
 * @throws {ChatRequestError} naming the message and the field
 */
export function historyOf(messages: readonly ChatMessage[]): HistoryMessage[] {
  if (messages.length === 0) throw new ChatRequestError("messages", "There are no messages");
  const history = messages.map((message, i) => checked(message, `messages[${i}]`));
  const lastUser = history.findLastIndex(({ role }) => role === "user");
  const usesTools = history.slice(lastUser + 1).some(({ calls }) => calls);
  const names = new Map<string, string>();
  for (const { id, name } of history.flatMap(({ calls = [] }) => calls)) {
    if (id) names.set(id, name);
  }
  return history.map(({ reasoning_content, ...message }, i) => {
    const keepsThought = usesTools && i > lastUser && reasoning_content !== undefined;
    const caller = names.get(message.tool_call_id ?? "");
    return {
      ...(caller === undefined ? {} : { name: caller }),
      ...message,
      ...(keepsThought ? { reasoning_content } : {}),
    };
  });
}

function checked(message: ChatMessage, param: string): HistoryMessage {
  const { role, name } = message;
  const known = typeof role === "string" && Object.hasOwn(ROLES, role) ? ROLES[role] : undefined;
  if (!known) {
    const roles = Object.keys(ROLES).join(", ");
    throw new ChatRequestError(
      `${param}.role`,
      `The role ${JSON.stringify(role)} is not known, it must be one of ${roles}`,
    );
  }
  const own = (field: "tool_call_id" | "reasoning_content", owner: Role): object => {
    const value = known === owner ? optionalText(message[field], `${param}.${field}`) : undefined;
    return value === undefined ? {} : { [field]: value };
  };
  const calls = known === "assistant" ? callsOf(message.tool_calls, `${param}.tool_calls`) : [];
  return {
    role: known,
    content: contentOf(message.content, known, `${param}.content`),
    ...(typeof name === "string" ? { name } : {}),
    ...(calls.length > 0 ? { calls } : {}),
    ...own("tool_call_id", "tool"),
    ...own("reasoning_content", "assistant"),
  };
}

function contentOf(content: unknown, role: Role, param: string): string {
  if (typeof content === "string") return content;
  if (Array.isArray(content)) {
    return content.map((part, i) => textOfPart(part, `${param}[${i}]`)).join("\n");
  }
  const isMissing = content === undefined || content === null;
  if (isMissing && role === "assistant") return "";
  throw new ChatRequestError(
    param,
    isMissing
      ? `A message of the role ${role} has no content`
      : `Content must be a text or a list of parts, it is of type ${typeof content}`,
  );
}

function textOfPart(part: unknown, param: string): string {
  const { type, ...fields } = (part ?? {}) as Readonly<Record<string, unknown>>;
  const isKnown = typeof type === "string" && Object.hasOwn(TEXT_FIELDS, type);
  const field = isKnown ? TEXT_FIELDS[type] as string : "";
  if (typeof fields[field] === "string") return fields[field];
  throw new ChatRequestError(
    param,
    isKnown
      ? `The part has no ${field}`
      : `Parts of the type ${JSON.stringify(type)} are not supported, only text is`,
  );
}

function callsOf(value: unknown, param: string): NonNullable<HistoryMessage["calls"]> {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new ChatRequestError(param, "The calls are no list");
  return value.map((call, i) => {
    const { id, function: called } = (call ?? {}) as Readonly<Record<string, unknown>>;
    const { name, arguments: text = "{}" } = (called ?? {}) as Readonly<Record<string, unknown>>;
    const at = `${param}[${i}]`;
    if (typeof name !== "string") {
      throw new ChatRequestError(`${at}.function.name`, "The call has no function's name");
    }
    if (typeof text !== "string") {
      throw new ChatRequestError(`${at}.function.arguments`, "The arguments are no text");
    }
    const known = optionalText(id, `${at}.id`);
    return { name, arguments: text || "{}", ...(known === undefined ? {} : { id: known }) };
  });
}

function optionalText(value: unknown, param: string): string | undefined {
  if (value === undefined || value === null || typeof value === "string") return value ?? undefined;
  throw new ChatRequestError(param, `The field must be a text, it is of type ${typeof value}`);
}
