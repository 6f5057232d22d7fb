/** What `/stats` shows of a conversation, one figure a line. Measures nothing itself. */
import { settingText } from "./settings.ts";
import { draftsText } from "../terminal/drafts_text.ts";
import { peakMemory } from "../terminal/peak_memory.ts";
import { printable, sizeText } from "../terminal/size_text.ts";
import type { Conversation } from "./conversation.ts";

/** The lines of `/stats`. */
export function statistics(conversation: Conversation): string {
  const { model, lastEnd, lastSeed, settings } = conversation;
  const { variant, threads } = model.backend;
  const peak = peakMemory(model.memoryBytes);
  const seed = settingText(settings, "seed") === "auto"
    ? `drawn for each answer${lastSeed === undefined ? "" : `, the last one ${lastSeed}`}`
    : settingText(settings, "seed");
  const rows: [string, string][] = [
    ["model", `${printable(model.name)}, ${variant}, ${threads} threads, keys in ${model.kvType}`],
    ["context", `${conversation.contextUsed()} of ${model.contextTokens} tokens`],
    ...(lastEnd ? answerRows(lastEnd) : []),
    ["memory", `${sizeText(model.memoryBytes)} for the model, ${sizeText(peak.sizeBytes)} at most`],
    ["seed", seed],
  ];
  return rows.map(([name, value]) => `${name.padEnd(8)} ${value}\n`).join("");
}

function answerRows(
  { usage, timings, finishReason }: NonNullable<Conversation["lastEnd"]>,
): [string, string][] {
  const thought = usage.reasoningTokens > 0 ? ` (${usage.reasoningTokens} of thought)` : "";
  const rate = (value: number) => `${value.toFixed(1)} tokens/s`;
  return [
    [
      "prompt",
      `${usage.promptTokens} tokens, ${usage.cachedPromptTokens} of them cached, ` +
      `${rate(timings.promptTokensPerSecond)}`,
    ],
    [
      "answer",
      `${usage.completionTokens} tokens${thought}, ${rate(timings.tokensPerSecond)}, ` +
      `ended by ${finishReason}`,
    ],
    ["drafts", draftsText(timings)],
  ];
}
