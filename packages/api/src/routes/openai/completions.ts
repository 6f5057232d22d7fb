/** POST /v1/completions, and DeepSeek's path of it: prompts continued as they stand, by no template. */
import type { AppContext } from "../../app_options.ts";
import { interleave } from "../../chat/interleave.ts";
import type { Lease } from "../../engine/engine.ts";
import type {
  GenerationRequest,
  Prompt,
  ServedEvent,
  ServedModel,
} from "../../engine/served_model.ts";
import { ApiError } from "../../errors.ts";
import { jsonRoute } from "../../json_route.ts";
import { leaseModel, metered } from "../../lease_model.ts";
import { responses } from "../../openapi.ts";
import type { ApiApp, ApiContext, RequestRecord } from "../../request_record.ts";
import { completion, type CompletionRequest, completionRequest } from "../../schema/completion.ts";
import { choicesOf, SAMPLING_PARAMS, samplingOptions } from "../../schema/sampling.ts";
import { DONE_FRAME, sseForm, sseFrame } from "../../sse.ts";
import { streamedResponse, wholeResponse } from "../../streamed_response.ts";
import { checkIds, rawPromptIds } from "../raw_prompt.ts";
import { answerHead } from "./answer_facts.ts";
import { CompletionChunks, completionOf, type CompletionOptions } from "./completion_answer.ts";
import { aliasOf } from "./model_alias.ts";

const PATHS = ["/v1/completions", "/beta/completions"];
/** OpenAI's. */
const DEFAULT_MAX_TOKENS = 16;

/** An event of the choice of that number. */
export type ChoiceEvent = ServedEvent & { readonly choice: number };

export function completionsRoute(app: ApiApp, context: AppContext): void {
  const route = {
    paths: PATHS,
    summary: "Continues a text",
    body: completionRequest,
    responses: responses(completion, "The continuation", "text/event-stream"),
    refused: {
      suffix: ["invalid", "suffix is not supported: nothing is filled in here"] as const,
    },
  };
  jsonRoute(app, context, route, async (c, body) => {
    const record = c.get("record");
    record.paramNames = { ...SAMPLING_PARAMS, topLogprobs: "logprobs", messages: "prompt" };
    record.prompt = body.prompt;
    const requests = generationRequests(body, context);
    const { model } = aliasOf(context.engine, body.model);
    if (body.stream) {
      const frames = completionFrames(context, c, model, body, requests);
      return await streamedResponse(c, frames, sseForm(record.id), context.options);
    }
    const lease = await leaseModel(context, c, model, { places: requests.flat().length });
    return await wholeResponse(c, lease, async () => {
      const head = answerHead("cmpl-", "text_completion", lease);
      const options = await answerOptions(body, requests, lease);
      return await completionOf(head, choiceEvents(lease, requests, record), options);
    }, context.options);
  });
}

async function* completionFrames(
  context: AppContext,
  c: ApiContext,
  model: string | undefined,
  body: CompletionRequest,
  requests: readonly GenerationRequest[][],
): AsyncGenerator<string, void> {
  using lease = await leaseModel(context, c, model, { places: requests.flat().length });
  const head = answerHead("cmpl-", "text_completion", lease);
  const chunks = new CompletionChunks(head, await answerOptions(body, requests, lease));
  for await (const event of choiceEvents(lease, requests, c.get("record"))) {
    for (const chunk of chunks.push(event)) yield sseFrame(chunk);
  }
  if (body.stream_options?.include_usage) yield sseFrame(chunks.usageChunk());
  yield DONE_FRAME;
}

/** For each prompt its choices. */
function generationRequests(
  body: CompletionRequest,
  { options }: AppContext,
): readonly GenerationRequest[][] {
  const { n, best_of: bestOf, echo, logprobs } = body;
  if ((bestOf ?? 1) > (n ?? 1)) {
    throw new ApiError("invalid", "best_of is not supported: ask for n answers", {
      param: "best_of",
    });
  }
  if (echo && typeof logprobs === "number") {
    throw new ApiError("invalid", "echo is not supported together with logprobs", {
      param: "echo",
    });
  }
  const prompts = promptsOf(body.prompt);
  const choices = choicesOf(n, options);
  const { maxChoices = 8 } = options;
  if (prompts.length * choices > maxChoices) {
    const asked = `${prompts.length} prompts with ${choices} answers each`;
    throw new ApiError(
      "invalid",
      `${asked} are asked for, at most ${maxChoices} answers are given`,
      {
        param: "prompt",
      },
    );
  }
  const sampling = samplingOptions(body, body.max_tokens ?? DEFAULT_MAX_TOKENS, options);
  const drawn = logprobs ? { ...sampling, topLogprobs: logprobs } : sampling;
  return prompts.map((prompt) =>
    Array.from({ length: choices }, (_, choice) => ({ prompt, options: { ...drawn, choice } }))
  );
}

function promptsOf(prompt: CompletionRequest["prompt"]): Prompt[] {
  const isMany = Array.isArray(prompt) && typeof prompt[0] !== "number";
  const prompts = (isMany ? prompt : [prompt]) as readonly (string | readonly number[])[];
  return prompts.map((one) =>
    typeof one === "string" ? { kind: "text", text: one } : { kind: "ids", ids: one }
  );
}

async function answerOptions(
  { echo, logprobs, stream_options }: CompletionRequest,
  requests: readonly GenerationRequest[][],
  { model, entry }: Lease,
): Promise<CompletionOptions> {
  const textOf = (prompt: Prompt): string | Promise<string> =>
    prompt.kind === "ids"
      ? model.detokenize(prompt.ids)
      : prompt.kind === "text"
      ? prompt.text
      : "";
  return {
    prefixes: await Promise.all(
      requests.flat().map(({ prompt }) => echo ? textOf(prompt) : ""),
    ),
    choicesEach: requests[0].length,
    logprobs: typeof logprobs === "number",
    prices: entry.prices,
    includeUsage: stream_options?.include_usage ?? false,
  };
}

/** All choices at once; those of a prompt are numbered one after the other. */
async function* choiceEvents(
  { model }: Lease,
  requests: readonly GenerationRequest[][],
  record: RequestRecord,
): AsyncGenerator<ChoiceEvent> {
  const all = new AbortController();
  const prompts = requests.map((choices, i) => {
    const own = new AbortController(); // a prompt that is done ends nobody else's
    const signal = AbortSignal.any([record.signal, all.signal, own.signal]);
    const numbered = async function* (request: GenerationRequest, choice: number) {
      const prompt = await idsPrompt(model, request.prompt);
      const events = model.generate({ ...request, prompt }, signal);
      for await (const event of events) yield { ...event, choice };
    };
    const events = choices.map((request, j) => numbered(request, i * choices.length + j));
    return metered(record, interleave<ChoiceEvent>(events, () => own.abort()));
  });
  yield* interleave<ChoiceEvent>(prompts, () => all.abort());
}

/** Control tokens in a text count, as at other servers: no template writes them here. */
async function idsPrompt(model: ServedModel, prompt: Prompt): Promise<Prompt> {
  if (prompt.kind === "text") return { kind: "ids", ids: await rawPromptIds(model, prompt.text) };
  return prompt.kind === "ids" ? { ...prompt, ids: checkIds(model, prompt.ids, "prompt") } : prompt;
}
