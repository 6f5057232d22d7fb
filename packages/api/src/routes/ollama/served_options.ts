/** Turns the options of an Ollama request into those of the engine. Validates no ranges: the schema has done so. */
import type { ServedOptions } from "../../engine/served_model.ts";
import { MAX_TOP_K } from "../../schema/sampling.ts";
import type { JsonSchema } from "../../structured/constraint_spec.ts";
import type { AnswerBody } from "./request_schema.ts";

/** Most tokens of a thought at each level; `max` and `true`: as many as the model likes. */
const THOUGHT_TOKENS = { low: 512, medium: 2_048, high: 8_192 } as const;

/** Sampling and limits; `maxTokens` is the server's own bound on an answer. */
export function servedOptions(body: AnswerBody, maxTokens?: number): ServedOptions {
  const options = body.options ?? {};
  const { num_predict: asked, seed, top_k: topK, repeat_last_n: last } = options;
  const limits = [asked, maxTokens].filter((limit) => typeof limit === "number" && limit >= 0);
  const stop = [options.stop ?? []].flat().filter((text) => text !== "");
  return withoutMissing({
    maxTokens: limits.length > 0 ? Math.min(...limits as number[]) : undefined,
    // a negative seed is one drawn at random
    seed: typeof seed === "number" && seed >= 0 ? seed : undefined,
    temperature: options.temperature,
    topK: typeof topK === "number" ? Math.min(Math.max(topK, 0), MAX_TOP_K) : undefined,
    topP: options.top_p,
    minP: options.min_p,
    repeatPenalty: options.repeat_penalty,
    repeatLastTokens: last === -1 ? Infinity : last,
    presencePenalty: options.presence_penalty,
    frequencyPenalty: options.frequency_penalty,
    stop: stop.length > 0 ? stop : undefined,
    onFullContext: body.shift ? "slide" as const : undefined,
    keepTokens: options.num_keep,
    topLogprobs: body.logprobs ? body.top_logprobs : undefined,
  });
}

/** Whether to think, or for how many tokens at most; undefined: as the model does. */
export function thinkOf(body: Pick<AnswerBody, "think">): "on" | "off" | number | undefined {
  const { think } = body;
  if (think === undefined || think === null) return undefined;
  if (think === false) return "off";
  return think === true || think === "max" ? "on" : THOUGHT_TOKENS[think];
}

/** What the answer must be; undefined: any text. */
export function formatOf(
  body: Pick<AnswerBody, "format">,
): "json" | { readonly schema: JsonSchema } | undefined {
  const { format } = body;
  if (format === undefined || format === null || format === "") return undefined;
  return format === "json" ? "json" : { schema: format as JsonSchema };
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], null | undefined> };

function withoutMissing<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  ) as Present<T>;
}
