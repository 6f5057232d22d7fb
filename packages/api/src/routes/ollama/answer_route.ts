/** Leases a model for an Ollama request and sends what it answers, as a stream of lines or one object. Makes no prompts. */
import type { AppContext } from "../../app_options.ts";
import type { ChatEvent } from "../../chat/chat_event.ts";
import type { Lease } from "../../engine/engine.ts";
import type { ServedEvent, ServedModel } from "../../engine/served_model.ts";
import { ApiError, type ParamNames } from "../../errors.ts";
import { leaseModel, metered } from "../../lease_model.ts";
import type { ApiContext } from "../../request_record.ts";
import { streamedResponse, type StreamForm, wholeResponse } from "../../streamed_response.ts";
import {
  type AnswerForm,
  answerLines,
  emptyLine,
  type OllamaLine,
  type PartFields,
  wholeAnswer,
} from "./answer_lines.ts";
import { keepAliveMs } from "./keep_alive.ts";
import { servedName } from "./model_name.ts";
import type { AnswerBody } from "./request_schema.ts";

/** How a route answers. */
export interface AnswerPlan {
  readonly fields: PartFields;
  /** There is nothing to answer: the model is loaded, or unloaded where it shall not stay. */
  readonly isEmpty: boolean;
  readonly start: (model: ServedModel, signal: AbortSignal) => Promise<StartedAnswer>;
}

/** The events of an answer, and fields that its last object has besides. */
export interface StartedAnswer extends Pick<AnswerForm, "lastFields"> {
  readonly events: AnswerEvents;
}

export type AnswerEvents = AsyncIterable<ChatEvent | ServedEvent>;

/** Ollama's names of the options that the runtime's errors may name. */
const PARAM_NAMES: ParamNames = {
  ...{
    messages: "messages",
    response_format: "format",
    maxTokens: "options.num_predict",
    temperature: "options.temperature",
  },
  ...{ topK: "options.top_k", topP: "options.top_p", minP: "options.min_p", seed: "options.seed" },
  ...{ repeatPenalty: "options.repeat_penalty", repeatLastTokens: "options.repeat_last_n" },
  ...{ presencePenalty: "options.presence_penalty", topLogprobs: "top_logprobs", think: "think" },
  ...{ frequencyPenalty: "options.frequency_penalty", keepTokens: "options.num_keep" },
};

/** A client's decoder skips space before an object, and would fail at an empty line. */
const NDJSON: StreamForm = {
  contentType: "application/x-ndjson",
  keepAlive: " ",
  error: ({ message }) => lineText({ error: message }),
};

/** Answers as the plan says. */
export async function sendAnswer(
  c: ApiContext,
  context: AppContext,
  body: AnswerBody,
  plan: AnswerPlan,
): Promise<Response> {
  const record = c.get("record");
  record.paramNames = PARAM_NAMES;
  if (plan.isEmpty) return await sendEmpty(c, context, body, plan.fields);
  const startMs = performance.now();
  const begin = async ({ model, loadMs }: Lease): Promise<[AnswerEvents, AnswerForm]> => {
    const { events, lastFields } = await plan.start(model, record.signal);
    const { fields } = plan;
    const hasLogprobs = body.logprobs ?? false;
    const form = { model: body.model, fields, hasLogprobs, startMs, loadMs, lastFields };
    return [metered(record, events), form];
  };
  if (body.stream === false) {
    const lease = await leaseFor(c, context, body);
    const make = async () => await wholeAnswer(...await begin(lease));
    return await wholeResponse(c, lease, make, context.options);
  }
  const frames = async function* (): AsyncGenerator<string, void> {
    using lease = await leaseFor(c, context, body);
    for await (const line of answerLines(...await begin(lease))) yield lineText(line);
  };
  return await streamedResponse(c, frames(), NDJSON, context.options);
}

async function sendEmpty(
  c: ApiContext,
  context: AppContext,
  body: AnswerBody,
  fields: PartFields,
): Promise<Response> {
  const isUnload = stayMs(body) === 0;
  const name = servedName(context.engine, body.model);
  if (isUnload && context.engine.find(name)) {
    // as soon as nobody uses it; what its users still get is not waited for
    context.engine.unload(name).catch((error) => c.get("record").failure(error));
  } else {
    using _lease = await leaseFor(c, context, body); // also says that a name is not known
  }
  return c.json(emptyLine(body.model, fields, isUnload ? "unload" : "load"));
}

/** What a lease needs to know of a request. */
export type LeaseBody = Pick<AnswerBody, "model" | "keep_alive" | "options" | "think">;

/**
 * A place with the model of the request.
 * @throws {ApiError} 400 where the model cannot do what is asked for
 */
export async function leaseFor(
  c: ApiContext,
  context: AppContext,
  body: LeaseBody,
): Promise<Lease> {
  const name = servedName(context.engine, body.model);
  const lease = await leaseModel(context, c, name, { keepAliveMs: stayMs(body) });
  try {
    checkModel(lease.model, body);
    return lease;
  } catch (error) {
    lease[Symbol.dispose]();
    throw error;
  }
}

function stayMs({ keep_alive: stay }: LeaseBody): number | undefined {
  return stay === undefined || stay === null ? undefined : keepAliveMs(stay);
}

function checkModel({ facts }: ServedModel, { model, options, think }: LeaseBody): void {
  const asked = options?.num_ctx ?? 0;
  if (asked > facts.contextTokens) {
    const message =
      `options.num_ctx is ${asked}, the model is loaded with a context of ${facts.contextTokens} tokens`;
    throw new ApiError("invalid", message, { param: "options.num_ctx" });
  }
  if (think && !facts.isReasoning) {
    throw new ApiError("invalid", `${JSON.stringify(model)} does not support thinking`, {
      param: "think",
    });
  }
}

function lineText(line: OllamaLine): string {
  return `${JSON.stringify(line)}\n`;
}
