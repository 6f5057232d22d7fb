/** One answer from prompt ids to events: joins the token loop with what reads its tokens. Computes no numbers. */
import { type AnswerForm, AnswerStream } from "../answer/answer_stream.ts";
import { closingIds, reasoningTagsOf, thoughtIn } from "../answer/reasoning_tags.ts";
import { ThinkingBudget } from "../answer/thinking_budget.ts";
import type { GenerateOptions, GenerationEvent } from "../events.ts";
import type { SamplingDefaults } from "../sampler/draw_options.ts";
import type { Tokenizer } from "../tokenizer/mod.ts";
import type { Decoder } from "./decoder.ts";
import { ContentGuide } from "./content_guide.ts";
import { generate, type TokenGuide } from "./generate.ts";
import type { Scheduler } from "./scheduler.ts";

/** What answers are made with. */
export interface AnswerSource {
  readonly scheduler: Scheduler;
  /** What answers run on: the scheduler's own decoder, which is the default, or one with adapters. */
  readonly decoder?: Decoder;
  readonly tokenizer: Tokenizer;
  readonly defaults: SamplingDefaults;
}

/** Continues a prompt; the last event is the end. Leaving the loop early frees what the answer holds. */
export async function* answerEvents(
  { scheduler, decoder, tokenizer, defaults }: AnswerSource,
  promptIds: readonly number[],
  options: GenerateOptions,
): AsyncGenerator<GenerationEvent> {
  const { vocabulary } = scheduler.decoder.model.config;
  const { answer, budget, guide } = partsOf({ tokenizer, vocabulary }, promptIds, options);
  const generator = { scheduler, decoder, defaults, guide, endIds: tokenizer.endIds };
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
      if (wasThinking) budget.count();
      const events = answer.push(value.id, value.logprob, value.alternatives);
      if (wasThinking || answer.isThinking) reasoningTokens++;
      yield* events;
    }
  } finally {
    await tokens.return?.(undefined as never);
  }
}

/** What reads an answer's tokens, and what rules them. */
interface AnswerParts {
  readonly answer: AnswerStream;
  readonly budget: ThinkingBudget;
  readonly guide: TokenGuide;
}

function partsOf(
  { tokenizer, vocabulary }: { readonly tokenizer: Tokenizer; readonly vocabulary: number },
  promptIds: readonly number[],
  { think, stop, constraint, ignoreEnd }: GenerateOptions,
): AnswerParts {
  const tags = reasoningTagsOf(tokenizer);
  const thought = tags && thoughtIn(tokenizer, tags, promptIds);
  const thoughtClosing = tags ? closingIds(tokenizer, tags) : [];
  const budget = new ThinkingBudget(thoughtTokens(think), thoughtClosing);
  const form: AnswerForm = { tokenizer, tags, inThought: thought === "open", stop };
  if (!constraint) {
    const answer = new AnswerStream(form);
    const next = () => ({ forced: budget.next(answer.isThinking) });
    return { answer, budget, guide: { next, takes: () => true } };
  }
  // a tag of several tokens would have to be told from content that begins like it
  const openId = thought === undefined && think !== "off" ? tags?.ids?.open : undefined;
  const mayThink = form.inThought || openId !== undefined;
  const answer = new AnswerStream({
    ...form,
    tags: mayThink ? tags : undefined,
    beginsAfterTag: true,
  });
  const guide = new ContentGuide({
    ...{ constraint, vocabulary, openId, budget, thoughtClosing },
    endIds: tokenizer.endIds,
    takesEnd: !ignoreEnd,
    isThinking: () => answer.isThinking,
  });
  return { answer, budget, guide };
}

/**
 * Most tokens of a thought.
 * @throws {RangeError} when `think` is no word of its own and no whole number
 */
function thoughtTokens(think: GenerateOptions["think"]): number {
  if (think === undefined || think === "on" || think === "off") return Infinity;
  if (Number.isInteger(think) && think >= 0) return think;
  throw new RangeError(`think is ${think}, it must be on, off or a whole number of at least 0`);
}
