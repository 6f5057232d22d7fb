/** The options of an answer that `run` and `chat` share: length, ends, thinking, sampling. Generates nothing. */
import type { GenerateOptions } from "@aha/runtime";
import { type OptionSpec, type OptionValues, UsageError } from "./command.ts";
import { adapterOption, adapterOptionSpec } from "./model_options.ts";
import { integerOption, listOption, stringOption } from "./options.ts";
import { samplingOptions, samplingOptionSpecs } from "./sampling_options.ts";

/** `--system`, `--max-tokens`, `--stop`, `--think`, all of sampling, `--speculate` and `--adapter`. */
export const generationOptionSpecs: Readonly<Record<string, OptionSpec>> = {
  system: { type: "string", value: "S", help: "system message" },
  "max-tokens": { type: "string", value: "N", help: "most tokens to generate" },
  stop: { type: "string", value: "S", help: "end the answer before this text", multiple: true },
  think: {
    type: "string",
    value: "on|off|N",
    help: "think or not, or end the thought after N tokens",
  },
  ...samplingOptionSpecs,
  speculate: {
    type: "string",
    value: "WAY",
    help:
      "check guesses, several a step, for the same answer sooner: lookup (from the text so far), mtp (by the model's own layer), auto (default) or off",
  },
  adapter: adapterOptionSpec,
};

const SPECULATION = ["auto", "lookup", "mtp", "off"] as const;

/** How the command line wants an answer generated; throws a `UsageError` for what is not allowed. */
export function generationOptions(values: OptionValues): GenerateOptions {
  return {
    maxTokens: integerOption(values, "max-tokens", { min: 0 }),
    ...samplingOptions(values),
    stop: stopOption(values),
    think: thinkOption(values),
    speculation: speculateOption(values),
    adapter: adapterOption(values),
  };
}

/** `--think` as the library has it. */
export function thinkOption(values: OptionValues): GenerateOptions["think"] {
  const think = stringOption(values, "think");
  if (think === undefined || think === "on" || think === "off") return think;
  if (/^\d+$/.test(think)) return integerOption(values, "think", { min: 0 });
  throw new UsageError(`--think ${JSON.stringify(think)} is not allowed; give on, off or a number`);
}

function speculateOption(values: OptionValues): GenerateOptions["speculation"] {
  const asked = stringOption(values, "speculate");
  const known = SPECULATION.find((way) => way === asked);
  if (known || asked === undefined) return known;
  throw new UsageError(
    `--speculate ${JSON.stringify(asked)} is not allowed; give auto, lookup, mtp or off`,
  );
}

function stopOption(values: OptionValues): readonly string[] {
  const stops = listOption(values, "stop");
  if (stops.includes("")) throw new UsageError('--stop "" is not allowed; give at least one sign');
  return stops;
}
