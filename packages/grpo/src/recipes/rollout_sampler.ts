/** A model in memory as evaluation's `Sampler`: groups of completions by the rollouts of training, thoughts ended in time. Judges nothing. */
import { readAdapter } from "@aha/runtime/lora";
import {
  type Rollout,
  RolloutEngine,
  type RolloutRequest,
  type TrainableModel,
} from "@aha/runtime/training";
import type { Tokenizer } from "@aha/runtime/tokenizer";
import type { SampledCompletion, Sampler, SampleRequest } from "../eval/sampler.ts";
import { adapterPolicy, type Network, policyNetwork } from "../policy/policy.ts";
import { begunAnswer, promptIds } from "../trainer/questions.ts";

/** More samples of a prompt are not told apart by their random numbers. */
const MOST_SAMPLES = 1024;

/**
 * A sampler over a model, with its adapters if `network` has them (`policyNetwork`), or without (`baseNetwork`). With
 * temperature 0 it takes the best token; top-p, and a thinking budget of any size, 0 too: the thought is opened if it is
 * not, ended after so many tokens, and the answer begun where the vocabulary has a word for it. Budgets need the tokens
 * `<think>` and `</think>`.
 *
 * @throws {RangeError} (of a call) for a budget with a model that has no such tokens, a prompt beyond the context, and what
 * `RolloutEngine.rollOut` refuses
 *
 * @example
 * ```ts
 * import { fullPolicy, nanoTokenizer, newModel, policyNetwork, SHAPES } from "@aha/grpo";
 * import { evaluate, nanoSuite } from "@aha/grpo/eval";
 * import { rolloutSampler } from "@aha/grpo/recipes";
 * import { openTrainable } from "@aha/runtime/training";
 *
 * const model = await openTrainable(await newModel(SHAPES.ci, nanoTokenizer(), 1));
 * const sampler = rolloutSampler(policyNetwork(fullPolicy(model)), model.tokenizer);
 * const suite = nanoSuite({ seed: 1, tasks: { CHAIN6: 1 } }, 4, { samples: 2 });
 * console.log((await evaluate(sampler, suite)).sections[0].measures.accuracy.mean);
 * await model.close();
 * ```
 */
export function rolloutSampler({ model, backend, ops }: Network, tokenizer: Tokenizer): Sampler {
  const { config: { contextTokens } } = model;
  const engine = new RolloutEngine(model, backend, ops);
  return async (prompts, request) => {
    const ids = prompts.map((prompt) => promptIds(tokenizer, prompt));
    const longest = Math.max(...ids.map(({ length }) => length));
    if (longest >= contextTokens) {
      const at = ids.findIndex(({ length }) => length === longest) + request.firstPrompt;
      throw new RangeError(
        `Prompt ${at} has ${longest} tokens, which leave no room in the context of ${contextTokens}`,
      );
    }
    const texts = ids.map((own) => begunAnswer(tokenizer.decode(own)));
    const completions: SampledCompletion[] = [];
    // A prompt that has begun a thought needs another forced end than one that has not.
    for (const isOpen of [false, true]) {
      const chosen = texts.flatMap((text, at) => (text !== "") === isOpen ? [at] : []);
      if (chosen.length === 0) continue;
      const rollouts = await engine.rollOut({
        ...rolloutRequest(tokenizer, request, isOpen),
        prompts: chosen.map((at) => ids[at]),
        maxTokens: Math.min(request.maxTokens, contextTokens - longest),
        draw: (prompt, index) => ({
          seed: [request.seed, (request.thinkingBudget ?? -1) + 1],
          choice: (request.firstPrompt + chosen[prompt]) * MOST_SAMPLES + index,
        }),
      });
      rollouts.forEach((rollout, i) => {
        const at = chosen[Math.floor(i / request.samples)];
        const to = at * request.samples + i % request.samples;
        completions[to] = completionOf(tokenizer, rollout, texts[at]);
      });
    }
    return prompts.map((_, at) =>
      completions.slice(at * request.samples, (at + 1) * request.samples)
    );
  };
}

/**
 * The sampler of a model that is open, with an adapter from a file where one is named; `canThink`: whether thinking budgets
 * can be asked for.
 * @throws what `readAdapter` throws
 */
export async function modelSampler(
  model: TrainableModel,
  adapter?: string,
): Promise<{ readonly sampler: Sampler; readonly canThink: boolean }> {
  const policy = adapter === undefined
    ? { model, adapters: new Map() }
    : await adapterPolicy(model, await readAdapter(adapter, model.model.config));
  const { tokenizer } = model;
  const tags = ["<think>", "</think>"].map((tag) => tagId(tokenizer, tag));
  const sampler = rolloutSampler(policyNetwork(policy), tokenizer);
  return { sampler, canThink: !tags.includes(undefined) };
}

function rolloutRequest(
  tokenizer: Tokenizer,
  { samples, temperature, topP, thinkingBudget, signal }: SampleRequest,
  isOpen: boolean,
): Omit<RolloutRequest, "prompts" | "maxTokens" | "draw"> {
  if (samples > MOST_SAMPLES) {
    throw new RangeError(`samples is ${samples}, it must be at most ${MOST_SAMPLES}`);
  }
  const common = { group: samples, temperature, topP, endIds: tokenizer.endIds, signal };
  if (thinkingBudget === undefined) return common;
  const [open, close, answer] = ["<think>", "</think>", "<answer>"]
    .map((tag) => tagId(tokenizer, tag));
  if (open === undefined || close === undefined) {
    throw new RangeError(
      `thinkingBudget is ${thinkingBudget}, but the model has no tokens <think> and </think>: evaluate it with budgets []`,
    );
  }
  const end = answer === undefined ? [close] : [close, answer];
  // The tag that opens the thought is a token of the completion where the prompt has not begun it.
  if (thinkingBudget === 0 && !isOpen) {
    return { ...common, force: { after: 0, ids: [open, ...end], closing: [close] } };
  }
  return { ...common, force: { after: thinkingBudget + (isOpen ? 0 : 1), ids: end } };
}

/** The token of a tag; vocabularies of words have it with the space before it. */
function tagId({ controlTokens, markerTokens }: Tokenizer, tag: string): number | undefined {
  const [found] = [...controlTokens, ...markerTokens].filter(([text]) => text.trim() === tag);
  return found?.[1];
}

function completionOf(
  tokenizer: Tokenizer,
  { ids, isFinished }: Rollout,
  begun: string,
): SampledCompletion {
  const own = isFinished ? ids.subarray(0, -1) : ids;
  return { text: begun + tokenizer.decode(own), tokens: ids.length, isFinished };
}
