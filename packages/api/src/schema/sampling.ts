/** Fields of how to draw and when to stop, that OpenAI's requests share, and what they become. Describes no request. */
import { z } from "@hono/zod-openapi";
import type { AdapterChoice } from "@aha/runtime";
import type { AppOptions } from "../app_options.ts";
import type { ServedOptions } from "../engine/served_model.ts";
import { ApiError, type ParamNames } from "../errors.ts";

/** llama.cpp's largest. */
export const MAX_TOP_K: number = 2 ** 31 - 1;

/** Of an object by token ids. */
export const tokenIdKey = z.string().regex(/^\d+$/, "is no token id");
/** What the description's generator does not see of such keys. */
export const TOKEN_ID_KEYS = { propertyNames: { pattern: "^[0-9]+$" } };

/** llama-server's: adapters by their places in /lora-adapters; those that are not in the list do not apply. */
export const loraField = z
  .array(z.object({ id: z.int().min(0), scale: z.number() }))
  .max(64)
  .nullish()
  .openapi({ description: "Adapters by the ids of /lora-adapters, instead of the model's own" });

/** What the engine takes it as. */
export function adapterOf(lora: z.infer<typeof loraField>): AdapterChoice | undefined {
  return lora?.map(({ id, scale }) => ({ name: id, scale }));
}

/** The fields; clients send null for what they leave open. */
export const samplingFields = {
  temperature: z.number().min(0).max(100).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  /** Not OpenAI's: 0 and -1 keep all tokens. */
  top_k: z.int().min(-1).max(MAX_TOP_K).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().min(0.01).max(100).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: z.record(tokenIdKey, z.number().min(-100).max(100)).nullish().openapi({
    ...TOKEN_ID_KEYS,
  }),
  /** -1: drawn at random. */
  seed: z.int().min(-1).nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(16)]).nullish(),
  min_tokens: z.int().min(0).nullish(),
  ignore_eos: z.boolean().nullish(),
  lora: loraField,
};

type SamplingFields = z.infer<z.ZodObject<typeof samplingFields>>;

/** What requests call the runtime's options. */
export const SAMPLING_PARAMS: ParamNames = {
  ...{ topP: "top_p", topK: "top_k", minP: "min_p", repeatPenalty: "repetition_penalty" },
  ...{ presencePenalty: "presence_penalty", frequencyPenalty: "frequency_penalty" },
  ...{ logitBias: "logit_bias", topLogprobs: "top_logprobs", minTokens: "min_tokens" },
  ...{ maxTokens: "max_tokens", adapter: "lora" },
};

/** The options; `maxTokens` is held to what the server allows. */
export function samplingOptions(
  fields: SamplingFields,
  maxTokens: number | null | undefined,
  { maxTokens: mostTokens }: AppOptions,
): ServedOptions {
  const { stop, seed, top_k: topK } = fields;
  return withoutNull({
    maxTokens: mostTokens === undefined ? maxTokens : Math.min(maxTokens ?? Infinity, mostTokens),
    temperature: fields.temperature,
    topP: fields.top_p,
    topK: topK === -1 ? 0 : topK,
    minP: fields.min_p,
    repeatPenalty: fields.repetition_penalty,
    presencePenalty: fields.presence_penalty,
    frequencyPenalty: fields.frequency_penalty,
    logitBias: fields.logit_bias,
    seed: seed === -1 ? undefined : seed,
    stop: typeof stop === "string" ? [stop] : stop,
    minTokens: fields.min_tokens,
    ignoreEnd: fields.ignore_eos,
    adapter: adapterOf(fields.lora),
  });
}

type WithoutNull<T> = { [K in keyof T]?: NonNullable<T[K]> };

/** Only what is given: workers and templates should not meet null. */
export function withoutNull<T extends Readonly<Record<string, unknown>>>(
  fields: T,
): WithoutNull<T> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(given) as WithoutNull<T>;
}

/** How many answers are asked for. @throws {ApiError} 400 where these are more than the server gives */
export function choicesOf(n: number | null | undefined, { maxChoices = 8 }: AppOptions): number {
  if ((n ?? 1) <= maxChoices) return n ?? 1;
  throw new ApiError("invalid", `n is ${n}, at most ${maxChoices} answers are given here`, {
    param: "n",
  });
}
