/** POST /completion: llama-server's own way to continue a prompt. Formats no answers. */
import type { AppContext } from "../../app_options.ts";
import type { Lease } from "../../engine/engine.ts";
import type { GenerationRequest, ServedEvent, ServedOptions } from "../../engine/served_model.ts";
import type { ParamNames } from "../../errors.ts";
import { jsonRoute } from "../../json_route.ts";
import { leaseModel, metered } from "../../lease_model.ts";
import { responses } from "../../openapi.ts";
import type { ApiApp, ApiContext } from "../../request_record.ts";
import { adapterOf, MAX_TOP_K, withoutNull } from "../../schema/sampling.ts";
import { sseForm, sseFrame } from "../../sse.ts";
import { streamedResponse, wholeResponse } from "../../streamed_response.ts";
import type { ConstraintSpec, JsonSchema } from "../../structured/constraint_spec.ts";
import { checkIds, rawPromptIds } from "../raw_prompt.ts";
import { CompletionText } from "./completion_answer.ts";
import {
  type CompletionAnswer,
  completionAnswer,
  type CompletionBody,
  completionBody,
} from "./completion_schema.ts";

const PARAM_NAMES: ParamNames = {
  ...{ maxTokens: "n_predict", topK: "top_k", topP: "top_p", minP: "min_p", seed: "seed" },
  ...{ repeatPenalty: "repeat_penalty", repeatLastTokens: "repeat_last_n" },
  ...{ presencePenalty: "presence_penalty", frequencyPenalty: "frequency_penalty" },
  ...{ logitBias: "logit_bias", topLogprobs: "n_probs", messages: "prompt", adapter: "lora" },
};

/** Adds the route. */
export function completionRoute(app: ApiApp, context: AppContext): void {
  const route = {
    paths: ["/completion", "/completions"],
    summary: "Continues a prompt as llama-server does; a thought is told apart from the content",
    body: completionBody,
    responses: responses(completionAnswer, "The continuation", "text/event-stream"),
    anyContentType: true,
    refused: { grammar: ["invalid", "grammar is not taken here"] as const },
  };
  jsonRoute(app, context, route, async (c, body) => {
    const record = c.get("record");
    record.paramNames = PARAM_NAMES;
    record.prompt = body.prompt;
    if (body.stream) {
      const frames = completionFrames(context, c, body);
      return await streamedResponse(c, frames, sseForm(record.id), context.options);
    }
    const lease = await leaseModel(context, c, body.model ?? undefined);
    return await wholeResponse(c, lease, async () => {
      const answer = completionEvents(context, c, body, lease);
      for (;;) {
        const { done, value } = await answer.next();
        if (done) return value(false);
      }
    }, context.options);
  });
}

async function* completionFrames(
  context: AppContext,
  c: ApiContext,
  body: CompletionBody,
): AsyncGenerator<string, void> {
  using lease = await leaseModel(context, c, body.model ?? undefined);
  const end = yield* completionEvents(context, c, body, lease);
  yield sseFrame(end(true));
}

/** Frames of the pieces; gives what makes the last object. */
async function* completionEvents(
  { options }: AppContext,
  c: ApiContext,
  body: CompletionBody,
  { model, entry }: Lease,
): AsyncGenerator<string, (wasStreamed: boolean) => CompletionAnswer> {
  const record = c.get("record");
  const prompt = typeof body.prompt === "string"
    ? body.prompt
    : await model.detokenize(checkIds(model, body.prompt, "prompt"));
  const { contextTokens } = model.facts;
  const text = new CompletionText(body, { model: entry.name, contextTokens, prompt });
  const ids = typeof body.prompt === "string" ? await rawPromptIds(model, prompt) : body.prompt;
  const request: GenerationRequest = {
    prompt: { kind: "ids", ids },
    options: servedOptions(body, options.maxTokens),
    ...(body.json_schema ? { constraint: schemaSpec(body.json_schema) } : {}),
  };
  const events = metered<ServedEvent>(record, model.generate(request, record.signal));
  for await (const event of events) {
    if (event.type === "end") return (wasStreamed) => text.end(event, wasStreamed);
    const piece = text.push(event);
    if (piece) yield sseFrame(piece);
  }
  throw new Error("The answer has no end");
}

function schemaSpec(schema: JsonSchema): ConstraintSpec {
  return { kind: "schema", schema, field: "json_schema" };
}

function servedOptions(body: CompletionBody, mostTokens = Infinity): ServedOptions {
  const { n_predict: asked, seed, top_k: topK, repeat_last_n: last, stop } = body;
  const limit = Math.min(asked === -1 ? Infinity : asked ?? Infinity, mostTokens);
  const words = stop?.filter((word) => word !== "") ?? [];
  return withoutNull({
    maxTokens: limit === Infinity ? undefined : limit,
    seed: typeof seed === "number" && seed >= 0 ? seed : undefined,
    temperature: body.temperature,
    topK: typeof topK === "number" ? Math.min(Math.max(topK, 0), MAX_TOP_K) : undefined,
    topP: body.top_p,
    minP: body.min_p,
    repeatPenalty: body.repeat_penalty,
    repeatLastTokens: last === -1 ? Infinity : last,
    presencePenalty: body.presence_penalty,
    frequencyPenalty: body.frequency_penalty,
    stop: words.length > 0 ? words : undefined,
    ignoreEnd: body.ignore_eos,
    logitBias: biasOf(body.logit_bias),
    topLogprobs: body.n_probs,
    reusePrefix: body.cache_prompt,
    adapter: adapterOf(body.lora),
  });
}

/** `false` bans a token. */
function biasOf(bias: CompletionBody["logit_bias"]): Record<number, number> | undefined {
  if (!bias) return undefined;
  const pairs = Array.isArray(bias) ? bias : Object.entries(bias);
  return Object.fromEntries(pairs.map(([id, value]) => [id, value === false ? -Infinity : value]));
}
