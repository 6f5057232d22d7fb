/** POST /api/generate: a prompt is answered as a user's message, raw, or after the ids of earlier turns. Formats no lines. */
import type { AppContext } from "../../app_options.ts";
import { runChat } from "../../chat/run_chat.ts";
import type { ServedModel } from "../../engine/served_model.ts";
import { ApiError } from "../../errors.ts";
import { jsonRoute } from "../../json_route.ts";
import type { ApiApp } from "../../request_record.ts";
import type { ConstraintSpec } from "../../structured/constraint_spec.ts";
import { bosOf, checkIds, rawPromptIds } from "../raw_prompt.ts";
import type { AnswerPart } from "./answer_lines.ts";
import { type AnswerEvents, sendAnswer, type StartedAnswer } from "./answer_route.ts";
import { withoutImages } from "./chat_route.ts";
import { type GenerateBody, generateBody } from "./request_schema.ts";
import { generateAnswers } from "./response_schema.ts";
import { formatOf, servedOptions, thinkOf } from "./served_options.ts";

/** Adds the route. */
export function generateRoute(app: ApiApp, context: AppContext): void {
  const route = {
    paths: ["/api/generate"],
    summary: "Answers a prompt; without one loads the model, or unloads it",
    body: generateBody,
    responses: generateAnswers,
    anyContentType: true,
  };
  jsonRoute(app, context, route, async (c, body) => {
    refuse(body);
    c.get("record").prompt = body.prompt;
    return await sendAnswer(c, context, body, {
      fields: responseFields,
      isEmpty: !body.prompt,
      start: (model, signal) => startAnswer(model, body, signal, context.options.maxTokens),
    });
  });
}

function refuse(body: GenerateBody): void {
  if (body.images?.length) throw withoutImages();
  if (body.suffix) {
    const message = "suffix is not taken: the models here do not fill in the middle";
    throw new ApiError("invalid", message, { param: "suffix" });
  }
  if (body.template) {
    const message =
      "template is not taken: the model's own is used, or send the whole prompt with raw: true";
    throw new ApiError("invalid", message, { param: "template" });
  }
  if (body.raw && (body.system || body.context?.length)) {
    throw new ApiError("invalid", "A raw prompt takes neither system nor context");
  }
}

async function startAnswer(
  model: ServedModel,
  body: GenerateBody,
  signal: AbortSignal,
  maxTokens?: number,
): Promise<StartedAnswer> {
  const begun = () => promptIds(model, body);
  if (body.raw) return { events: continued(model, await begun(), body, signal, maxTokens) };
  const answerIds: number[] = [];
  if (body.context?.length) {
    const ids = await begun();
    const events = continued(model, ids, body, signal, maxTokens);
    const lastFields = () => ({ context: [...ids, ...answerIds] });
    return { events: noted(events, answerIds), lastFields };
  }
  const options = servedOptions(body, maxTokens);
  const question = { messages: messagesOf(body), think: thinkOf(body), format: formatOf(body) };
  const events = runChat(model, { ...question, options }, signal);
  const lastFields = async () => ({ context: [...await begun(), ...answerIds] });
  return { events: noted(events, answerIds), lastFields };
}

/** Ids are continued as they are; a budget of thoughts holds for them too. */
function continued(
  model: ServedModel,
  ids: readonly number[],
  body: GenerateBody,
  signal: AbortSignal,
  maxTokens?: number,
): AnswerEvents {
  const think = thinkOf(body);
  const options = { ...servedOptions(body, maxTokens), ...(think === undefined ? {} : { think }) };
  const constraint = constraintOf(body);
  return model.generate({ prompt: { kind: "ids", ids }, options, constraint }, signal);
}

function constraintOf(body: GenerateBody): ConstraintSpec | undefined {
  const format = formatOf(body);
  if (format === undefined) return undefined;
  return format === "json"
    ? { kind: "json" }
    : { kind: "schema", schema: format.schema, field: "format" };
}

/**
 * The whole prompt as it is fed, and as the next request's `context` begins. As at Ollama it is cut from the template's
 * text, so that control tokens that a client writes in a continued prompt count; without a context they do not.
 */
async function promptIds(model: ServedModel, body: GenerateBody): Promise<readonly number[]> {
  if (body.raw) return await rawPromptIds(model, body.prompt ?? "");
  const text = await model.applyTemplate({ messages: messagesOf(body), think: thinkOf(body) });
  const ids = await model.tokenize(text, { special: true });
  const { context } = body;
  if (!context?.length) return ids;
  checkIds(model, context, "context");
  return [...context, ...(ids[0] === await bosOf(model) ? ids.slice(1) : ids)];
}

function messagesOf({ system, prompt }: GenerateBody): { role: string; content: string }[] {
  const question = { role: "user", content: prompt ?? "" };
  return system ? [{ role: "system", content: system }, question] : [question];
}

/** The same events; the ids of their tokens are collected. */
async function* noted(events: AnswerEvents, ids: number[]): AnswerEvents {
  for await (const event of events) {
    if ("tokens" in event) ids.push(...event.tokens.map(({ id }) => id));
    yield event;
  }
}

function responseFields({ thinking, content }: AnswerPart): Record<string, unknown> {
  return { response: content, ...(thinking === "" ? {} : { thinking }) };
}
