/** Answers a conversation: several choices at once, calls of functions told from text. Knows no wire format. */
import type { ServedEvent, ServedModel } from "../engine/served_model.ts";
import type { JsonSchema } from "../structured/constraint_spec.ts";
import { UnsupportedSchemaError } from "../structured/unsupported_schema_error.ts";
import { validate } from "../structured/validation/validate.ts";
import type { ChatEvent, ToolCall } from "./chat_event.ts";
import { type ChatPlan, planChat } from "./chat_plan.ts";
import type { ChatRequest } from "./chat_request.ts";
import { interleave } from "./interleave.ts";
import { ToolCallStream } from "./tools/tool_call_stream.ts";
import type { WrittenCall } from "./tools/tool_dialect.ts";
import { argumentsSchema, type OfferedTools } from "./tools/tool_request.ts";

/** Whether a value is what a schema describes. */
export type SchemaCheck = (schema: JsonSchema, value: unknown) => boolean;

/**
 * Answers a conversation; the events of choices come as they are made, each choice ends with its `end`.
 *
 * Functions that may be called (`auto`) are called in free text in the form of the model's template: arguments are not
 * held to their schema while they are drawn, but a call that does not fit it, or is none, is told as content. Functions
 * that must be called are drawn under a constraint. An answer that has calls ends with `tool_calls`, but with `length`
 * where it was cut, since the last call may then be poorer than the model meant it.
 *
 * Leaving the loop, aborting or the failure of one choice ends all.
 * @throws {ChatRequestError} at once, before anything is generated, when the request makes no sense
 */
export function runChat(
  model: ServedModel,
  request: ChatRequest,
  signal?: AbortSignal,
  check: SchemaCheck = holds,
): AsyncGenerator<ChatEvent> {
  return choiceEvents(model, planChat(model.facts.chatTemplate, request), check, signal);
}

async function* choiceEvents(
  model: ServedModel,
  { generation, choices, calls }: ChatPlan,
  check: SchemaCheck,
  signal: AbortSignal | undefined,
): AsyncGenerator<ChatEvent> {
  const left = new AbortController();
  const ends = AbortSignal.any([left.signal, ...(signal ? [signal] : [])]);
  const answers = Array.from({ length: choices }, (_, choice) => {
    const options = { ...generation.options, choice };
    const events = model.generate({ ...generation, options }, ends);
    if (!calls) return plainAnswer(events, choice);
    const offers = callCheck(calls.offered, check);
    return calledAnswer(events, choice, new ToolCallStream(calls.dialect, offers));
  });
  yield* interleave(answers, () => left.abort());
}

async function* plainAnswer(
  events: AsyncIterable<ServedEvent>,
  choice: number,
): AsyncGenerator<ChatEvent> {
  for await (const event of events) yield { choice, ...event };
}

async function* calledAnswer(
  events: AsyncIterable<ServedEvent>,
  choice: number,
  stream: ToolCallStream,
): AsyncGenerator<ChatEvent> {
  let index = 0;
  const told = function* (parts: ReturnType<ToolCallStream["push"]>): Generator<ChatEvent> {
    for (const part of parts) {
      if (part.type === "content") yield { choice, ...part };
      else yield { choice, type: "tool_call", index: index++, call: toolCall(part.call) };
    }
  };
  for await (const event of events) {
    if (event.type === "end") {
      yield* told(stream.end());
      const hasCalled = index > 0 && event.finishReason === "stop";
      yield { choice, ...event, finishReason: hasCalled ? "tool_calls" : event.finishReason };
    } else if (event.type === "content") yield* told(stream.push(event.text, event.tokens));
    else yield { choice, ...event };
  }
}

/** Where nobody can tell, the arguments are taken as the model wrote them. */
function holds(schema: JsonSchema, value: unknown): boolean {
  try {
    return validate(schema, value).length === 0;
  } catch (error) {
    if (error instanceof UnsupportedSchemaError) return true;
    throw error;
  }
}

/** Whether a call is of a function that is offered, with arguments that fit. */
function callCheck(
  { tools, parallel }: OfferedTools,
  check: SchemaCheck,
): (call: WrittenCall) => boolean {
  let calls = 0;
  return ({ name, arguments: text }) => {
    const tool = tools.find((offered) => offered.name === name);
    if (!tool || (calls > 0 && !parallel)) return false;
    if (tool.strict !== false && !check(argumentsSchema(tool), JSON.parse(text))) return false;
    calls++;
    return true;
  };
}

const ID_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

function toolCall(call: WrittenCall): ToolCall {
  const random = crypto.getRandomValues(new Uint32Array(24));
  const letters = Array.from(random, (value) => ID_CHARACTERS[value % ID_CHARACTERS.length]);
  return { id: `call_${letters.join("")}`, ...call };
}
