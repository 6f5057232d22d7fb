/** Samples of a dry run as text: what was asked, what came, and what each reward says of it. Judges nothing. */
import { numberText, type Sample, thoughtParts } from "@aha/grpo";
import { printable } from "../terminal/size_text.ts";

/** Longer texts are cut. */
const MOST_CHARACTERS = 2000;

/** One sample, some lines long, with a line feed at the end. */
export function sampleText(sample: Sample, number: number): string {
  const { prompt, completion, reward, rewards, tokens, isFinished } = sample;
  const { thought, answer } = thoughtParts(completion);
  const judged = Object.entries(rewards).map(([name, value]) =>
    `${name} ${value === null ? "not judged" : numberText(value)}`
  );
  const total = reward === null ? "not judged" : numberText(reward);
  return [
    `--- sample ${number}: reward ${total}${judged.length > 0 ? ` (${judged.join(", ")})` : ""}, ` +
    `${tokens} tokens${isFinished ? "" : ", cut off"}`,
    indented("prompt", prompt),
    ...(thought === undefined ? [] : [indented("thought", thought)]),
    indented("answer", answer || "(none)"),
    "",
  ].join("\n");
}

function indented(name: string, text: string): string {
  const kept = text.length > MOST_CHARACTERS
    ? `${text.slice(0, MOST_CHARACTERS)}… (${text.length - MOST_CHARACTERS} characters more)`
    : text;
  return `${name}:\n${printable(kept).replace(/^/gm, "  ")}`;
}

/** What the samples of a dry run show at a glance: a line a reward. */
export function rewardSummary(samples: readonly Sample[]): string {
  const names = [...new Set(samples.flatMap(({ rewards }) => Object.keys(rewards)))];
  return names.map((name) => {
    const values = samples.map(({ rewards }) => rewards[name]);
    const known = values.filter((value) => value !== null && value !== undefined);
    const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
    const failed = values.length - known.length;
    return `${name}: mean ${numberText(mean)} over ${known.length}` +
      `${failed > 0 ? `, ${failed} not judged` : ""}\n`;
  }).join("");
}
