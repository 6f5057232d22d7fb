/** `aha run`: answers one prompt and streams the answer. Keeps no conversation. */
import type { Completion, Model, TokenLogprob } from "@aha/runtime";
import {
  type Command,
  type CommandInput,
  type CommandIo,
  type OptionValues,
  UsageError,
} from "../command.ts";
import { generationOptions, generationOptionSpecs, thinkOption } from "../generation_options.ts";
import { expectAdapters, loadOptions, loadOptionSpecs, loadWithBar } from "../model_options.ts";
import { DEFAULT_MODEL, modelAndPrompt } from "../nano/default_model.ts";
import { FIRST_PROMPT, introduction, isNano, refusal, remark } from "../nano/introduction.ts";
import { flagOption, idsOption, integerOption, stringOption } from "../options.ts";
import { PromptCacheFile, promptCacheOptionSpecs } from "../prompt_cache_option.ts";
import { showAnswer } from "../terminal/answer_text.ts";
import { draftsText } from "../terminal/drafts_text.ts";
import { peakMemory } from "../terminal/peak_memory.ts";
import { sizeText } from "../terminal/size_text.ts";

/** `aha run [MODEL] [PROMPT]`. */
export const command: Command = {
  name: "run",
  usage: "run [MODEL] [PROMPT] [options]",
  details:
    `Streams the answer; without PROMPT it is read from stdin. Without MODEL it is ${DEFAULT_MODEL}, a small
demonstration of reasoning that comes with Aha and knows the words of its tasks alone; one word that is
no known name, no file and no address is a prompt for it.
  aha run "${FIRST_PROMPT}"
--json prints {model, backend, threads, promptIds, ids, text, reasoning, finishReason, timings};
with --logprobs also logprobs: [{id, text, logprob, top: [{id, text, logprob}, ...]}, ...], natural
logs of the model's own probabilities, before penalties, bias and temperature.
  aha run smollm2-135m "Why is the sky blue?"
With --lora the adapters apply, several at once; --adapter leaves some out.
  aha run smollm2-135m --raw --temperature 0 --max-tokens 20 "The capital of France is"`,
  positionals: ["[MODEL]", "[PROMPT]"],
  options: {
    raw: { type: "boolean", help: "continue the prompt, without the chat template" },
    ids: { type: "string", value: "1,2,3", help: "the prompt as token ids, nothing added" },
    ...generationOptionSpecs,
    ...loadOptionSpecs,
    ...promptCacheOptionSpecs,
    logprobs: {
      type: "string",
      value: "N",
      help: "with --json: each token's log-probability and those of the N likeliest, 0 to 20",
    },
    verbose: { type: "boolean", help: "figures on stderr at the end" },
    "show-thought": { type: "boolean", help: "print the thought in a pipe too, before the answer" },
    json: { type: "boolean", help: "print one JSON document" },
  },
  run,
};

async function run({ values, positionals }: CommandInput, io: CommandIo): Promise<number> {
  const ids = idsOption(values, "ids");
  const { model: name, prompt } = modelAndPrompt(positionals, ids !== undefined);
  const topLogprobs = integerOption(values, "logprobs", { min: 0, max: 20 });
  const generation = { ...generationOptions(values), topLogprobs, signal: io.signal };
  checkPromptOptions(values, prompt, ids);
  const options = loadOptions(values);
  const promptCache = PromptCacheFile.of(values);
  await promptCache?.check(io);
  const json = flagOption(values, "json");
  if (!json) io.error(introduction(name, io));
  const text = ids ? "" : prompt ?? await promptFromStdin(io);
  await using model = await loadWithBar(name, options, io);
  expectAdapters(model, values);
  const promptIds = ids ?? promptIdsOf(model, text, values, positionals.length === 1);
  if (!ids) io.error(await remark(name, model.tokenizer.decode(promptIds)));
  await promptCache?.restore(model, io, generation.adapter);
  const show = json ? {} : showAnswer(io, flagOption(values, "show-thought"));
  const result = await model.complete(promptIds, { ...generation, ...show });
  const logprobs = topLogprobs === undefined ? undefined : logprobsOf(model, result);
  if (json) io.out(`${JSON.stringify({ ...document(name, model, result), logprobs })}\n`);
  else if (!result.text.endsWith("\n")) io.out("\n");
  await promptCache?.save(model, promptIds, io, generation.adapter);
  if (flagOption(values, "verbose")) {
    const { promptTokens, cachedPromptTokens } = result.usage;
    const reuse = promptCache?.summary(promptTokens, cachedPromptTokens);
    io.error(
      `${figures(model, result, options.threads)}${reuse === undefined ? "" : `${reuse}\n`}`,
    );
  }
  return 0;
}

function checkPromptOptions(values: OptionValues, prompt?: string, ids?: number[]): void {
  if (ids && prompt !== undefined) throw new UsageError("give a prompt or --ids, not both");
  if (ids?.length === 0) throw new UsageError("--ids is empty; give at least one token id");
  const templated = stringOption(values, "system") !== undefined;
  if (templated && (ids || flagOption(values, "raw"))) {
    throw new UsageError("--system needs the chat template; leave out --raw and --ids");
  }
  const think = stringOption(values, "think");
  if ((think === "on" || think === "off") && (ids || flagOption(values, "raw"))) {
    throw new UsageError(`--think ${think} needs the chat template; leave out --raw and --ids`);
  }
}

async function promptFromStdin(io: CommandIo): Promise<string> {
  const text = new TextDecoder().decode(await io.readStdin()).replace(/\r?\n$/, "");
  if (text === "") throw new UsageError("no prompt: give one as an argument or on stdin");
  return text;
}

/** `isAlone`: the prompt is the only word of the command line, and may have been meant as a model. */
function promptIdsOf(
  model: Model,
  prompt: string,
  values: OptionValues,
  isAlone: boolean,
): readonly number[] {
  if (flagOption(values, "raw")) return model.promptIds(prompt);
  const system = stringOption(values, "system");
  const messages = system === undefined ? [] : [{ role: "system", content: system }];
  try {
    return model.chatIds([...messages, { role: "user", content: prompt }], {
      think: thinkOption(values),
    });
  } catch (error) {
    if (!isNano(model.name) || (error as Error).name !== "ModelError") throw error;
    throw new Error(refusal(model.name, error, isAlone ? prompt : undefined), { cause: error });
  }
}

function document(name: string, model: Model, result: Completion): Record<string, unknown> {
  const peak = peakMemory(model.memoryBytes);
  return {
    model: name,
    backend: model.backend.name,
    variant: model.backend.variant,
    threads: model.backend.threads,
    promptIds: result.promptIds,
    ids: result.ids,
    text: result.text,
    reasoning: result.reasoning,
    finishReason: result.finishReason,
    timings: {
      loadMs: model.loadMs,
      ...result.timings,
      peakMemoryBytes: peak.sizeBytes,
      peakMemorySource: peak.source,
    },
  };
}

interface ShownToken {
  readonly id: number;
  /** A part of a character shows as U+FFFD; the ids tell what it is. */
  readonly text: string;
  readonly logprob: number;
}

function logprobsOf(
  { tokenizer }: Model,
  { ids, logprobs, alternatives }: Completion,
): readonly (ShownToken & { readonly top: readonly ShownToken[] })[] {
  const shown = ({ id, logprob }: TokenLogprob): ShownToken => {
    const text = id < tokenizer.vocabularySize ? tokenizer.decode([id]) : "";
    return { id, text, logprob };
  };
  return ids.map((id, i) => ({
    ...shown({ id, logprob: logprobs[i] }),
    top: alternatives?.[i].map(shown) ?? [],
  }));
}

function figures(
  model: Model,
  { timings, finishReason }: Completion,
  asked: number | undefined,
): string {
  const { variant, threads } = model.backend;
  const few = asked !== undefined && asked > threads ? ` of ${asked} asked for` : "";
  const rate = (value: number) => value.toFixed(1);
  const lines = [
    `${variant}, ${threads} threads${few}, loaded in ${Math.round(model.loadMs)} ms`,
    `prompt ${timings.promptTokens} tokens, ${rate(timings.promptTokensPerSecond)} tokens/s`,
    `answer ${timings.generatedTokens} tokens, ${
      rate(timings.tokensPerSecond)
    } tokens/s, ended by ${finishReason}`,
    `drafts ${draftsText(timings)}`,
    `peak memory ${sizeText(peakMemory(model.memoryBytes).sizeBytes)}`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}
