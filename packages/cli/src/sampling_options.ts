/** The options that shape how tokens are drawn, and their values. Draws nothing and knows no defaults. */
import type { GenerateOptions } from "@aha/runtime";
import { type OptionSpec, type OptionValues, UsageError } from "./command.ts";
import { flagOption, integerOption, listOption, numberOption } from "./options.ts";

/** `--temperature` to `--ignore-eos`. */
export const samplingOptionSpecs: Readonly<Record<string, OptionSpec>> = {
  temperature: {
    type: "string",
    value: "T",
    help: "0 is greedy (default: the model's own, or 0.6)",
  },
  "top-p": { type: "string", value: "P", help: "keep the likeliest tokens of this probability" },
  "top-k": { type: "string", value: "K", help: "keep the K likeliest tokens, 0 keeps all" },
  "min-p": {
    type: "string",
    value: "M",
    help: "keep tokens of this share of the likeliest's probability",
  },
  "repeat-penalty": {
    type: "string",
    value: "R",
    help: "damp tokens that came before, 1 does nothing",
  },
  "repeat-last": {
    type: "string",
    value: "N|all",
    help: "how many last tokens --repeat-penalty looks at (default: 64)",
  },
  "presence-penalty": {
    type: "string",
    value: "A",
    help: "damp tokens that the answer has already, -2 to 2",
  },
  "frequency-penalty": {
    type: "string",
    value: "A",
    help: "damp them as often as the answer has them, -2 to 2",
  },
  "logit-bias": {
    type: "string",
    value: "ID=B",
    help: "add B (-100 to 100, or -inf) to a token's logit",
    multiple: true,
  },
  seed: { type: "string", value: "S", help: "same seed, same answer" },
  "min-tokens": { type: "string", value: "N", help: "no end of the turn before N tokens" },
  "ignore-eos": { type: "boolean", help: "go on after the end of the turn" },
};

/** The sampling options that the command line gives; undefined where it gives none. */
export function samplingOptions(values: OptionValues): GenerateOptions {
  return {
    temperature: numberOption(values, "temperature", { min: 0, max: 100 }),
    topP: numberOption(values, "top-p", { min: 0, max: 1 }),
    topK: integerOption(values, "top-k", { min: 0, max: 2 ** 31 - 1 }),
    minP: numberOption(values, "min-p", { min: 0, max: 1 }),
    repeatPenalty: numberOption(values, "repeat-penalty", { min: 0.01, max: 100 }),
    repeatLastTokens: values["repeat-last"] === "all"
      ? Infinity
      : integerOption(values, "repeat-last", { min: 0 }),
    presencePenalty: numberOption(values, "presence-penalty", { min: -2, max: 2 }),
    frequencyPenalty: numberOption(values, "frequency-penalty", { min: -2, max: 2 }),
    logitBias: biasOption(values),
    seed: integerOption(values, "seed", { min: 0 }),
    minTokens: integerOption(values, "min-tokens", { min: 0 }),
    ignoreEnd: flagOption(values, "ignore-eos"),
  };
}

function biasOption(values: OptionValues): GenerateOptions["logitBias"] {
  const pairs = listOption(values, "logit-bias").map((text): [number, number] => {
    const [, id, bias] = /^(\d+)=(-inf|[-+]?(?:\d+\.?\d*|\.\d+))$/.exec(text) ?? [];
    const value = bias === "-inf" ? -Infinity : Number(bias);
    if (value === -Infinity || Math.abs(value) <= 100) return [Number(id), value];
    throw new UsageError(
      `--logit-bias ${
        JSON.stringify(text)
      } is not allowed; give ID=B with B from -100 to 100 or -inf`,
    );
  });
  return pairs.length > 0 ? Object.fromEntries(pairs) : undefined;
}
