/** One answer from prompt ids to events: joins the token loop with what reads its tokens. Computes no numbers. */
import { AnswerStream } from "../answer/answer_stream.ts";
import { closingIds, endsInThought, reasoningTagsOf } from "../answer/reasoning_tags.ts";
import { ThinkingBudget } from "../answer/thinking_budget.ts";
import type { GenerateOptions, GenerationEvent } from "../events.ts";
import type { SamplingDefaults } from "../sampler/draw_options.ts";
import type { Tokenizer } from "../tokenizer/mod.ts";
import { generate, type Generator } from "./generate.ts";
import type { Scheduler } from "./scheduler.ts";

/** What answers are made with. */
export interface AnswerSource {
  readonly scheduler: Scheduler;
  readonly tokenizer: Tokenizer;
  readonly defaults: SamplingDefaults;
}

/** Continues a prompt; the last event is the end. Leaving the loop early frees what the answer holds. */
export async function* answerEvents(
  { scheduler, tokenizer, defaults }: AnswerSource,
  promptIds: readonly number[],
  options: GenerateOptions,
): AsyncGenerator<GenerationEvent> {
  const tags = reasoningTagsOf(tokenizer);
  const inThought = tags !== undefined && endsInThought(tokenizer, tags, promptIds);
  const answer = new AnswerStream({ tokenizer, tags, inThought, stop: options.stop });
  const budget = budgetOf(options, tags ? closingIds(tokenizer, tags) : []);
  const forcedNext = () => budget?.next(answer.isThinking);
  const generator: Generator = { scheduler, defaults, forcedNext, endIds: tokenizer.endIds };
  const tokens = generate(generator, promptIds, options);
  let completionTokens = 0;
  let reasoningTokens = 0;
  try {
    for (;;) {
      const { value, done } = await tokens.next(answer.stopped);
      if (done) {
        yield* answer.end();
        const { finishReason, timings, cachedPromptTokens } = value;
        const promptTokens = promptIds.length;
        const usage = { promptTokens, cachedPromptTokens, completionTokens, reasoningTokens };
        yield { type: "end", finishReason, usage, timings };
        return;
      }
      completionTokens++;
      const wasThinking = answer.isThinking;
      if (wasThinking) budget?.count();
      const events = answer.push(value.id, value.logprob, value.alternatives);
      if (wasThinking || answer.isThinking) reasoningTokens++;
      yield* events;
    }
  } finally {
    await tokens.return?.(undefined as never);
  }
}

/** @throws {RangeError} when `think` is no word of its own and no whole number */
function budgetOf(
  { think }: GenerateOptions,
  closing: readonly number[],
): ThinkingBudget | undefined {
  if (think === undefined || think === "on" || think === "off") return undefined;
  if (!(Number.isInteger(think) && think >= 0)) {
    throw new RangeError(`think is ${think}, it must be on, off or a whole number of at least 0`);
  }
  return closing.length > 0 ? new ThinkingBudget(think, closing) : undefined;
}
